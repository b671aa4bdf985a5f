// Owns the arms that run the wake word's chain back to back on one thread, one to a process: as programs, on our own sessions of
// ONNX Runtime, and on onnxruntime-node. Invariant: every arm hears the same pieces in the same order, with windows of its own.

import { createRuntime, type Runtime, type Session } from "../../runtime/index.js";
import { speechSamples } from "../harness/assets.js";
import { serveArm } from "../harness/child.js";
import { WAKE_PARTS, type WakeFiles, type WakePart } from "../harness/wake-files.js";
import { openWakePeers } from "../harness/wake-golden.js";
import { PIECE_SAMPLES, type RunPart, WakeWindows } from "../harness/wake-stage.js";

/** The ways a piece of 80 ms is run. */
export type WakeArm = "wake programs" | "wake sessions of ONNX Runtime" | "wake on onnxruntime-node";

/** What an arm's process is told before its first block. */
export interface WakeSetup {
  readonly arm: WakeArm;
  readonly audio: string;
  readonly files: WakeFiles;
  /** Manifests with golden vectors, beside which programs are opened. */
  readonly manifests: Readonly<Record<WakePart, string>>;
}

/** What one block came to. */
export interface WakeBlock {
  readonly cpuUsPerPiece: number;
  readonly scores: readonly number[];
}

let runtime: Runtime | undefined;
let samples: Float32Array = new Float32Array(0);
let windows: WakeWindows | undefined;

serveArm(
  {
    setUp: async (setup: WakeSetup): Promise<void> => {
      samples = await speechSamples(setup.audio);
      windows = new WakeWindows(await runnerOf(setup));
    },
    run: hear,
  },
  async () => runtime?.close(),
);

/** Hears so many pieces of speech, which starts again at its end, one after the other. */
async function hear({ first, count }: { first: number; count: number }): Promise<WakeBlock> {
  const pieces = Math.floor(samples.length / PIECE_SAMPLES);
  const scores: number[] = [];
  const start = process.cpuUsage();
  for (let index = first; index < first + count; index++) {
    const at = (index % pieces) * PIECE_SAMPLES;
    scores.push((await windows!.hear(samples.subarray(at, at + PIECE_SAMPLES))) ?? Number.NaN);
  }
  const { user, system } = process.cpuUsage(start);
  return { cpuUsPerPiece: (user + system) / count, scores };
}

async function runnerOf({ arm, files, manifests }: WakeSetup): Promise<RunPart> {
  if (arm === "wake on onnxruntime-node") return (await openWakePeers(files)).run;
  runtime = await createRuntime();
  const provider = arm === "wake programs" ? "program" : "ort";
  const sessions = {} as Record<WakePart, Session>;
  for (const part of WAKE_PARTS)
    sessions[part] = await runtime.open(manifests[part], { inline: true, provider });
  return (part, data) => {
    const session = sessions[part];
    const outcome = session.runSync({ [session.inputs[0]!.name]: data });
    if (outcome.status !== "done") throw new Error(`${part}: ${outcome.status} / ${outcome.reason}`);
    const values = (outcome.outputs[session.outputs[0]!.name]!.data as Float32Array).slice();
    outcome.release();
    return values;
  };
}
