// Owns the arms that run Silero frames in WebAssembly inside Node, one to a process.

import { readFile } from "node:fs/promises";
import { speechSamples } from "../harness/assets.js";
import { serveArm } from "../harness/child.js";
import { runWebBlock, type WebArm, type WebBlock, type WebRunner, webRunner } from "../harness/web-silero.js";

/** What an arm's process is told before its first block. */
export interface SileroWebSetup {
  readonly arm: WebArm;
  readonly audio: string;
  readonly modelPath: string;
}

let samples = new Float32Array();
let run: WebRunner = async () => 0;

serveArm({
  setUp: async ({ arm, audio, modelPath }: SileroWebSetup): Promise<void> => {
    samples = Float32Array.from(await speechSamples(audio));
    const ort = await import("onnxruntime-web");
    ort.env.wasm.numThreads = 1;
    run = await webRunner(arm, { bytes: new Uint8Array(await readFile(modelPath)), ort });
  },
  run: (block: { first: number; count: number }): Promise<WebBlock> =>
    runWebBlock(samples, { ...block, run }),
});
