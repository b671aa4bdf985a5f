// Owns the shortest program that hears a frame through Redline; it is a process of its own and times nothing but its end.

import { createRuntime } from "../../runtime/index.js";

const runtime = await createRuntime();
const vad = await runtime.open("silero-vad", { contract: { periodMs: 32 }, admit: "best-effort" });
const outcome = await vad.run({
  input: { data: new Float32Array(576), shape: [1, 576] },
  state: { data: new Float32Array(256), shape: [2, 1, 128] },
  sr: { data: BigInt64Array.of(16000n), shape: [] },
});
const atUs = Number(process.hrtime.bigint() / 1000n);
console.log(
  JSON.stringify({ atUs, probability: outcome.outputs.output?.data[0], provider: runtime.provider.name }),
);
outcome.release();
await runtime.close();
