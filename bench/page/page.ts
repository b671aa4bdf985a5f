// Owns the page that runs Silero frames in a browser: `arms` is what the bench calls. Knows no bench.

import { env, InferenceSession, Tensor } from "onnxruntime-web/wasm";
import { runWebBlock, WEB_ARMS, type WebArm, type WebBlock, webRunner } from "../harness/web-silero.js";

env.wasm.numThreads = 1;
const ort = { InferenceSession, Tensor };
const bytes = new Uint8Array(await (await fetch("/silero.onnx")).arrayBuffer());
const samples = new Float32Array(await (await fetch("/samples.f32")).arrayBuffer());
const runners = new Map(
  await Promise.all(WEB_ARMS.map(async (arm) => [arm, await webRunner(arm, { bytes, ort })] as const)),
);
const results = {
  run: ({ arm, first, count }: { arm: WebArm; first: number; count: number }): Promise<WebBlock> =>
    runWebBlock(samples, { first, count, run: runners.get(arm)! }),
};
Object.assign(globalThis, { results });
