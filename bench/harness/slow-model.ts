// Owns a model whose run takes a wanted time on this machine: a chain of matrix products, as long as need be.
// Knows no runtime but the peer it is measured on. Invariant: the file holds weights enough that loading it is work.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { PEER_OPTIONS, type PeerTuning } from "../peers/ort-options.js";
import { matmulChain } from "./onnx-model.js";
import { quantilesOf } from "./quantiles.js";

const SIZE = 1024;
/** An input of 1 MiB, as much as a camera frame: what is measured is the model, not the copying of its input. */
const ROWS = 256;
/** Eight matrices of 4 MiB. */
const MATRICES = 8;
const PROBE_NODES = 16;
const PROBE_RUNS = 5;

/** A chain that takes the peer about `runMs` a run, written into `folder`. */
export async function writeSlowModel(given: {
  readonly folder: string;
  readonly runMs: number;
  readonly tuning: PeerTuning;
}): Promise<{ path: string; nodes: number }> {
  const nodeMs = (await probeMs(given.tuning)) / PROBE_NODES;
  const nodes = Math.max(1, Math.round(given.runMs / nodeMs));
  const path = join(given.folder, "slow.onnx");
  writeFileSync(path, matmulChain({ nodes, size: SIZE, rows: ROWS, matrices: MATRICES }));
  return { path, nodes };
}

async function probeMs(tuning: PeerTuning): Promise<number> {
  const model = matmulChain({ nodes: PROBE_NODES, size: SIZE, rows: ROWS });
  const session = await InferenceSession.create(model, PEER_OPTIONS[tuning]);
  const x = new Tensor("float32", new Float32Array(ROWS * SIZE).fill(1), [ROWS, SIZE]);
  const runMs: number[] = [];
  for (let run = 0; run <= PROBE_RUNS; run++) {
    const startMs = performance.now();
    await session.run({ x });
    if (run > 0) runMs.push(performance.now() - startMs);
  }
  await session.release();
  return quantilesOf(runMs).p50 ?? Number.NaN;
}
