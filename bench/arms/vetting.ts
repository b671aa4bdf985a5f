// Owns the arms that open a model (vetted, unvetted from the optimised file or as it came, on onnxruntime-node) and those
// that start the child program and a Node fork. Invariant: what is timed is from the call until it can be used.

import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { findChild, findOrtLibrary, loadNative } from "../../runtime/bindings/load.js";
import type { Dtype, Tensor as Sized, TensorSpec } from "../../runtime/core/tensor.js";
import { createRuntime, type OpenOptions, type Runtime } from "../../runtime/index.js";
import { ChildTrial } from "../../runtime/vetting/child-trial.js";
import { serveArm } from "../harness/child.js";
import { SILERO_SHAPES } from "../mutants/known-crash.js";
import { seededInputs } from "../mutants/seeded-inputs.js";
import { PEER_OPTIONS } from "../peers/ort-options.js";

/** How a model is opened: `plain` is the optimised graph without vetting, `untried` the model without vetting. */
export type OpenArm = "vetted" | "plain" | "untried" | "onnxruntime-node";

export interface OpenBlock {
  readonly arm: OpenArm;
  /** The store in which the model was, or is to be, vetted. */
  readonly root: string;
  /** A model's name or a file. */
  readonly opened: string;
  readonly opens: number;
}

export interface OpenResult {
  readonly tookMs: readonly number[];
  /** Of one run on the same inputs: what was opened must compute the same in every arm. */
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

async function openOurs({ arm, root, opened, opens }: OpenBlock): Promise<OpenResult> {
  runtime = await createRuntime({
    provider: "ort",
    store: { root, offline: true },
    vetting: arm === "vetted" ? "on" : "off",
  });
  const options: OpenOptions = arm === "plain" ? { ort: { graphOptimization: "disabled" } } : {};
  const tookMs: number[] = [];
  let outputs: OpenResult["outputs"] = {};
  for (let count = 0; count < opens; count++) {
    const startedMs = performance.now();
    const session = await runtime.open(opened, options);
    tookMs.push(performance.now() - startedMs);
    if (count === 0) {
      const outcome = await session.run(inputsOf(session.inputs));
      if (outcome.status !== "done") throw new Error(`${opened}: ${outcome.status} / ${outcome.reason}`);
      outputs = inNumbers(outcome.outputs);
      outcome.release();
    }
    await session.close();
  }
  return { tookMs, outputs };
}

/** As a user opens a file whose graph is optimised already. */
async function openPeer({ opened, opens }: OpenBlock): Promise<OpenResult> {
  const tookMs: number[] = [];
  let outputs: OpenResult["outputs"] = {};
  for (let count = 0; count < opens; count++) {
    const startedMs = performance.now();
    const options = { ...PEER_OPTIONS.tuned, graphOptimizationLevel: "disabled" } as const;
    const session = await InferenceSession.create(opened, options);
    tookMs.push(performance.now() - startedMs);
    if (count === 0) {
      const feeds = Object.entries(inputsOf(session.inputMetadata.map(specOf))).map(([name, tensor]) => [
        name,
        new Tensor(tensor.data as Float32Array, tensor.shape),
      ]);
      outputs = inNumbers(await session.run(Object.fromEntries(feeds)));
    }
    await session.release();
  }
  return { tookMs, outputs };
}

function inputsOf(specs: readonly TensorSpec[]): Readonly<Record<string, Sized>> {
  const inputs = seededInputs(specs, { inputSeed: 1, shapes: SILERO_SHAPES });
  if (inputs === null) throw new Error("the model's inputs are too large");
  return inputs;
}

function specOf(metadata: InferenceSession.ValueMetadata): TensorSpec {
  if (!metadata.isTensor) throw new Error(`${metadata.name} is not a tensor`);
  const shape = metadata.shape.map((size) => (size === "" ? "?" : size));
  return { name: metadata.name, dtype: metadata.type as Dtype, shape };
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
