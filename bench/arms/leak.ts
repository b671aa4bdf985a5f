// Owns one process of the leak scenario: null sessions opened and closed, or null runs, with the process's memory read
// after a collection every so often. Knows no bar. argv: what to do, how often before, how often, samples.

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { createRuntime, type Runtime, type Session } from "../../runtime/index.js";
import type { Point } from "../harness/slope.js";

const INPUT = { x: new Float32Array(16) };
const OPTIONS = {
  contract: { periodMs: 10, deadlineMs: 1000 },
  provider: "null",
  null: {
    inputs: [{ name: "x", dtype: "float32", shape: [16] }],
    outputs: [{ name: "y", dtype: "float32", shape: [16] }],
  },
} as const;

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

const [, , what, before, count, samples] = process.argv;
const runtime = await createRuntime();
const act = what === "opens" ? () => openRunClose(runtime) : await runsOn(runtime);
await repeat(act, Number(before));
const points: Point[] = [];
const step = Math.floor(Number(count) / Number(samples));
for (let done = 0; done <= step * Number(samples); done += step) {
  if (done > 0) await repeat(act, step);
  points.push({ count: done, value: settledRss() });
}
await runtime.close();
process.stdout.write(JSON.stringify(points));

async function openRunClose(runtime: Runtime): Promise<void> {
  const session = await runtime.open("null", OPTIONS);
  await runOnce(session);
  await session.close();
}

async function runsOn(runtime: Runtime): Promise<() => Promise<void>> {
  const session = await runtime.open("null", OPTIONS);
  return () => runOnce(session);
}

async function runOnce(session: Session): Promise<void> {
  const outcome = await session.run(INPUT);
  if (outcome.status !== "done") throw new Error(`a null run settled ${outcome.status}/${outcome.reason}`);
  outcome.release();
}

async function repeat(act: () => Promise<void>, times: number): Promise<void> {
  for (let index = 0; index < times; index += 1) await act();
}

/** What is left when nothing is left to collect: the second collection frees what finalizers of the first let go. */
function settledRss(): number {
  collect();
  collect();
  return process.memoryUsage.rss();
}
