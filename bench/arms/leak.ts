// Owns one process of the leak scenario: null sessions opened and closed, or null runs, with the process's memory read
// after collections every so often. Knows no bar. argv: what to do, how often before, how often, samples.

import { setImmediate as nextTurn } from "node:timers/promises";
import { getHeapStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { createRuntime, type Runtime, type Session } from "../../runtime/index.js";

/** What a process's memory was after so many opens or runs. */
export interface MemoryReading {
  readonly count: number;
  /** What the system says is resident. */
  readonly rssBytes: number;
  /** What V8 has taken for its heap, holes included: it comes and goes in pages of a quarter of a MiB. */
  readonly heapBytes: number;
  /** What is alive in that heap. */
  readonly liveBytes: number;
}

const INPUT = { x: new Float32Array(16) };
const OPTIONS = {
  // Memory is read here, not time: no run may end because the machine stood still.
  contract: { periodMs: 10, deadlineMs: 60_000 },
  admit: "best-effort",
  provider: "null",
  null: {
    inputs: [{ name: "x", dtype: "float32", shape: [16] }],
    outputs: [{ name: "y", dtype: "float32", shape: [16] }],
  },
} as const;

// Runs follow each other without a thread waiting for another in between: a million of them take seconds.
const SLOTS = 32;

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

const [, , what, before, count, samples] = process.argv;
const runtime = await createRuntime();
const repeat = what === "opens" ? openRunClose : await runsOn(runtime);
await repeat(Number(before));
const readings: MemoryReading[] = [];
const step = Math.floor(Number(count) / Number(samples));
for (let done = 0; done <= step * Number(samples); done += step) {
  if (done > 0) await repeat(step);
  readings.push(await read(done));
}
await runtime.close();
process.stdout.write(JSON.stringify(readings));

async function openRunClose(times: number): Promise<void> {
  for (let done = 0; done < times; done += 1) {
    const session = await runtime.open("null", OPTIONS);
    await runOnce(session);
    await session.close();
  }
}

async function runsOn(runtime: Runtime): Promise<(times: number) => Promise<void>> {
  const session = await runtime.open("null", { ...OPTIONS, slots: SLOTS });
  return async (times) => {
    for (let left = times; left > 0; left -= SLOTS) {
      await Promise.all(Array.from({ length: Math.min(left, SLOTS) }, () => runOnce(session)));
    }
  };
}

async function runOnce(session: Session): Promise<void> {
  const outcome = await session.run(INPUT);
  if (outcome.status !== "done") throw new Error(`a null run settled ${outcome.status}/${outcome.reason}`);
  outcome.release();
}

/** What is left when nothing is left to collect: the second collection frees what finalizers of the first let go. */
async function read(done: number): Promise<MemoryReading> {
  collect();
  await nextTurn();
  collect();
  await nextTurn();
  const { total_physical_size, used_heap_size } = getHeapStatistics();
  const rssBytes = process.memoryUsage.rss();
  return { count: done, rssBytes, heapBytes: total_physical_size, liveBytes: used_heap_size };
}
