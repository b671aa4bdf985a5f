// Owns one process that counts what a job of the public API takes from JavaScript's heap. Knows no bar.
// argv: run or runSync, jobs of a block, blocks. Prints what bench/scenarios/lane-decision.ts reads. Needs --expose-gc.

import { createRuntime } from "../../runtime/index.js";
import type { JobBytes } from "../scenarios/lane-decision.js";

const [, , call, jobs, blocks] = process.argv;
const { gc } = globalThis;
if (gc === undefined || (call !== "run" && call !== "runSync"))
  throw new Error("usage: node --expose-gc job-bytes.js run|runSync JOBS BLOCKS");

const runtime = await createRuntime();
const session = await runtime.open("null", {
  contract: { periodMs: 10, deadlineMs: 10_000 },
  provider: "null",
  inline: true,
  null: {
    inputs: [{ name: "x", dtype: "float32", shape: [16] }],
    outputs: [{ name: "y", dtype: "float32", shape: [16] }],
  },
});
const inputs = { x: new Float32Array(16) };

// Everything compiled and every table grown: the first blocks are not counted.
for (let block = 0; block < 3; block += 1) await play(Number(jobs));
gc();
const before = process.memoryUsage().heapUsed;
const taken: number[] = [];
for (let block = 0; block < Number(blocks); block += 1) {
  gc();
  const start = process.memoryUsage().heapUsed;
  await play(Number(jobs));
  taken.push((process.memoryUsage().heapUsed - start) / Number(jobs));
}
gc();
const left = (process.memoryUsage().heapUsed - before) / (Number(jobs) * Number(blocks));
await runtime.close();
process.stdout.write(JSON.stringify({ taken, left } satisfies JobBytes));

async function play(count: number): Promise<void> {
  for (let job = 0; job < count; job += 1) {
    const outcome = call === "runSync" ? session.runSync(inputs) : await session.run(inputs);
    if (outcome.status !== "done")
      throw new Error(`job ${job} settled ${outcome.status} / ${outcome.reason}`);
    outcome.release();
  }
}
