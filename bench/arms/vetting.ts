// Owns the arms that open a model: vetted by name, unvetted from the optimised file, and on onnxruntime-node; and the
// start of the child program and of a Node fork. Invariant: what is timed is from the call until it can be used.

import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { findChild, findOrtLibrary, loadNative } from "../../runtime/bindings/load.js";
import { createRuntime, type OpenOptions, type Runtime } from "../../runtime/index.js";
import { ChildTrial } from "../../runtime/vetting/child-trial.js";
import { serveArm } from "../harness/child.js";
import { zeros } from "../harness/zero-inputs.js";
import { PEER_OPTIONS } from "../peers/ort-options.js";

/** How a model is opened. */
export type OpenArm = "vetted" | "plain" | "onnxruntime-node";

export interface OpenBlock {
  readonly arm: OpenArm;
  /** The store in which the model was, or is to be, vetted. */
  readonly root: string;
  readonly model: string;
  /** The graph that vetting wrote. */
  readonly optimized: string;
  readonly opens: number;
}

export interface OpenResult {
  readonly tookMs: readonly number[];
  /** Of one run on zeros: what was opened must compute the same in every arm. */
  readonly outputs: Readonly<Record<string, readonly number[]>>;
}

let runtime: Runtime | undefined;

serveArm(
  {
    open: (block: OpenBlock): Promise<OpenResult> =>
      block.arm === "onnxruntime-node" ? openPeer(block) : openOurs(block),
    startChild: ({ starts }: { readonly starts: number }) => timed(starts, startChild),
    startFork: ({ starts }: { readonly starts: number }) => timed(starts, startFork),
  },
  async () => runtime?.close(),
);

async function openOurs({ arm, root, model, optimized, opens }: OpenBlock): Promise<OpenResult> {
  const isVetted = arm === "vetted";
  runtime = await createRuntime({
    provider: "ort",
    store: { root, offline: true },
    vetting: isVetted ? "on" : "off",
  });
  const options: OpenOptions = isVetted ? {} : { ort: { graphOptimization: "disabled" } };
  const tookMs: number[] = [];
  let outputs: OpenResult["outputs"] = {};
  for (let count = 0; count < opens; count++) {
    const startedMs = performance.now();
    const session = await runtime.open(isVetted ? model : optimized, options);
    tookMs.push(performance.now() - startedMs);
    if (count === 0) {
      const inputs = session.inputs.map(({ name, dtype, shape }) => [name, zerosOf(dtype, shape)]);
      const outcome = await session.run(Object.fromEntries(inputs));
      if (outcome.status !== "done") throw new Error(`${model}: ${outcome.status} / ${outcome.reason}`);
      outputs = inNumbers(outcome.outputs);
      outcome.release();
    }
    await session.close();
  }
  return { tookMs, outputs };
}

/** As a user opens a file whose graph is optimised already. */
async function openPeer({ optimized, opens }: OpenBlock): Promise<OpenResult> {
  const tookMs: number[] = [];
  let outputs: OpenResult["outputs"] = {};
  for (let count = 0; count < opens; count++) {
    const startedMs = performance.now();
    const options = { ...PEER_OPTIONS.tuned, graphOptimizationLevel: "disabled" } as const;
    const session = await InferenceSession.create(optimized, options);
    tookMs.push(performance.now() - startedMs);
    if (count === 0) {
      const feeds = session.inputMetadata.map((input) => {
        if (!input.isTensor) throw new Error(`${input.name} is not a tensor`);
        const dims = input.shape.map((size) => (typeof size === "number" ? size : 1));
        return [
          input.name,
          new Tensor(input.type as "float32", zerosOf(input.type, dims) as Float32Array, dims),
        ];
      });
      outputs = inNumbers(await session.run(Object.fromEntries(feeds)));
    }
    await session.release();
  }
  return { tookMs, outputs };
}

function zerosOf(dtype: string, shape: readonly (number | string)[]): Float32Array | BigInt64Array {
  const floats = zeros(shape);
  return dtype === "int64" ? new BigInt64Array(floats.length) : floats;
}

function inNumbers(outputs: Readonly<Record<string, { readonly data: unknown }>>): OpenResult["outputs"] {
  return Object.fromEntries(
    Object.entries(outputs).map(([name, { data }]) => [name, Array.from(data as Float32Array, Number)]),
  );
}

async function timed(starts: number, start: () => Promise<() => void>): Promise<number[]> {
  const tookMs: number[] = [];
  for (let count = 0; count < starts; count++) {
    const startedMs = performance.now();
    const end = await start();
    tookMs.push(performance.now() - startedMs);
    end();
    // The processor is the next one's again once this process is gone.
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
  return tookMs;
}

/** Until the child has loaded ONNX Runtime and said so. */
async function startChild(): Promise<() => void> {
  const { addon } = loadNative();
  const { path: program, reason } = findChild();
  if (addon === null || program === undefined) throw new Error(`no child program: ${reason}`);
  const trial = await ChildTrial.start({ addon, program, library: findOrtLibrary(), bytes: 1 });
  return () => trial.kill();
}

/** Until a script that loads nothing has said that it is there. */
async function startFork(): Promise<() => void> {
  const child: ChildProcess = fork(fileURLToPath(new URL("./fork-ready.js", import.meta.url)));
  await once(child, "message");
  return () => void child.kill("SIGKILL");
}
