// Owns Silero frames as a page runs them, in Node and in a browser alike: as a program in WebAssembly, and on onnxruntime-web.
// Knows no file and no process. Invariant: both are fed the same windows and carry their own state.

import { createRuntime, type OrtWeb, type OrtWebTensor } from "../../runtime/browser.js";

/** The ways that are compared. */
export type WebArm = "program in WebAssembly" | "onnxruntime-web";
export const WEB_ARMS: readonly WebArm[] = ["program in WebAssembly", "onnxruntime-web"];

const CONTEXT = 64;
const FRAME = 512;

/** Runs a window of context and frame; answers its probability. */
export type WebRunner = (window: Float32Array) => Promise<number>;

/** What a block of frames came to. */
export interface WebBlock {
  /** Each frame's time, in microseconds, as fine as the clock is. */
  readonly us: number[];
  /** The time of all of them, by one reading at each end. */
  readonly wholeUs: number;
  readonly probabilities: number[];
}

/** A runner of one arm; its state begins at zeros. */
export async function webRunner(
  arm: WebArm,
  { bytes, ort }: { readonly bytes: Uint8Array; readonly ort: OrtWeb },
): Promise<WebRunner> {
  return arm === "onnxruntime-web" ? ortRunner(ort, bytes) : programRunner(bytes);
}

async function programRunner(bytes: Uint8Array): Promise<WebRunner> {
  const runtime = await createRuntime();
  const session = await runtime.open(bytes, {
    provider: "program",
    manifest: {
      name: "silero-vad",
      inputs: [
        { name: "input", dtype: "float32", shape: [1, CONTEXT + FRAME] },
        { name: "state", dtype: "float32", shape: [2, 1, 128] },
        { name: "sr", dtype: "int64", shape: [], value: 16_000 },
      ],
      outputs: [{ name: "stateN", dtype: "float32", shape: [2, 1, 128], feeds: "state" }],
    },
  });
  const state = new Float32Array(256);
  const sr = BigInt64Array.of(16_000n);
  return async (input) => {
    const outcome = await session.run({ input, state, sr });
    if (outcome.status !== "done") throw new Error(`a frame was ${outcome.status} / ${outcome.reason}`);
    state.set(outcome.outputs.stateN!.data as Float32Array);
    const probability = outcome.outputs.output!.data[0] as number;
    outcome.release();
    return probability;
  };
}

/** The quickest documented way: feeds are made once, and each run's state tensor is the next run's input. */
async function ortRunner(ort: OrtWeb, bytes: Uint8Array): Promise<WebRunner> {
  const session = await ort.InferenceSession.create(bytes, { executionProviders: ["wasm"] });
  const tensor = (type: string, data: unknown, shape: readonly number[]): OrtWebTensor =>
    new ort.Tensor(type as never, data as never, shape);
  const window = new Float32Array(CONTEXT + FRAME);
  const feeds: Record<string, OrtWebTensor> = {
    input: tensor("float32", window, [1, CONTEXT + FRAME]),
    state: tensor("float32", new Float32Array(256), [2, 1, 128]),
    sr: tensor("int64", BigInt64Array.of(16_000n), []),
  };
  return async (input) => {
    window.set(input);
    const results = await session.run(feeds as never);
    feeds.state = results.stateN!;
    return (results.output!.data as Float32Array)[0]!;
  };
}

/** Runs frames back to back, from sample `first` frames on, over and over where the recording ends. */
export async function runWebBlock(
  samples: Float32Array,
  given: { readonly first: number; readonly count: number; readonly run: WebRunner },
): Promise<WebBlock> {
  const frames = Math.floor(samples.length / FRAME);
  const window = new Float32Array(CONTEXT + FRAME);
  const us: number[] = [];
  const probabilities: number[] = [];
  const beganMs = performance.now();
  for (let index = 0; index < given.count; index++) {
    const at = ((given.first + index) % frames) * FRAME;
    window.copyWithin(0, FRAME);
    window.set(samples.subarray(at, at + FRAME), CONTEXT);
    const startMs = performance.now();
    probabilities.push(await given.run(window));
    us.push((performance.now() - startMs) * 1000);
  }
  return { us, wholeUs: (performance.now() - beganMs) * 1000, probabilities };
}
