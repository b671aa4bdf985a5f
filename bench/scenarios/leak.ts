// Owns the scenarios "does a session, or a run, leave anything behind?": the growth of a process's memory with opens and
// with runs of the null graph. Control: the same figure from processes started anew, which gives the interval.

import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { MemoryReading } from "../arms/leak.js";
import type { Bench, Scenario, ScenarioOption } from "../harness/scenario.js";
import { intervalOf, slopeOf } from "../harness/slope.js";
import { atMost, reported, type Verdict } from "../harness/verdict.js";

interface Kind {
  readonly what: "opens" | "runs";
  readonly one: string;
  /** Bytes left by each that are still no leak. */
  readonly bar: number;
  /** How many independent slopes make the interval narrower than the bar. */
  readonly processes: string;
}

export const leakOpens = scenarioOf({ what: "opens", one: "an open", bar: 50, processes: "40" }, [
  { name: "before", about: "opens before the first reading", full: "1000", quick: "300" },
  { name: "count", about: "opens, with a run and a close each", full: "9000", quick: "300" },
]);

export const leakRuns = scenarioOf({ what: "runs", one: "a run", bar: 1, processes: "16" }, [
  { name: "before", about: "runs before the first reading", full: "100000", quick: "5000" },
  { name: "count", about: "runs of one session", full: "1000000", quick: "10000" },
]);

// The collector's own young generation grows to 16 MiB over the first thousands of opens, leak or none: it is held small,
// so that what grows is ours.
const NODE_FLAGS = ["--max-semi-space-size=1"];

// The C library keeps an arena of free memory for each thread: which thread freed last moves megabytes between them, leak or
// none. With one arena what is free is free.
const ENVIRONMENT = { MALLOC_ARENA_MAX: "1" };

function scenarioOf(kind: Kind, counts: readonly ScenarioOption[]): Scenario {
  return {
    name: `leak-${kind.what}`,
    about: `memory left behind by each of many ${kind.what} of the null graph`,
    options: [
      { name: "processes", about: "processes, each one slope", full: kind.processes, quick: "2" },
      { name: "at-once", about: "processes at once: memory is read, not time", full: "2", quick: "2" },
      ...counts,
      { name: "samples", about: "readings of the memory in one process", full: "60", quick: "5" },
    ],
    run: (bench) => measure(bench, kind),
  };
}

/** Bytes for each open or run in one process. */
interface Slopes {
  /** Of the resident memory: this one is held against the bar. */
  readonly rss: number;
  /** Of what is alive in V8's heap. */
  readonly live: number;
  /** Of what is resident outside V8's heap. */
  readonly outside: number;
}

async function measure(bench: Bench, kind: Kind): Promise<Verdict[]> {
  const slopes: Slopes[] = [];
  let left = bench.number("processes");
  const work = async (): Promise<void> => {
    for (; left > 0; ) {
      left -= 1;
      slopes.push(await measureOne(bench, kind));
    }
  };
  await Promise.all(Array.from({ length: bench.number("at-once") }, work));
  return [
    judge(kind, slopes),
    report("of it alive in V8's heap", slopes, ({ live }) => live),
    report("of it outside V8's heap", slopes, ({ outside }) => outside),
  ];
}

async function measureOne(bench: Bench, kind: Kind): Promise<Slopes> {
  const readings = await launch(bench, kind);
  const slope = (value: (reading: MemoryReading) => number): number => {
    const found = slopeOf(readings.map((reading) => ({ count: reading.count, value: value(reading) })));
    if (found === null) throw new Error(`${kind.what}: too few samples for a slope`);
    return found;
  };
  const slopes = {
    rss: slope(({ rssBytes }) => rssBytes),
    live: slope(({ liveBytes }) => liveBytes),
    outside: slope(({ rssBytes, heapBytes }) => rssBytes - heapBytes),
  };
  bench.row({ type: "process", bytesEach: slopes, readings });
  const [first, last] = [readings[0]!, readings.at(-1)!];
  bench.say(
    `  ${slopes.rss.toFixed(3)} B each (alive ${slopes.live.toFixed(3)}, outside the heap ${slopes.outside.toFixed(3)}), ` +
      `memory ${mib(first.rssBytes)} to ${mib(last.rssBytes)} over ${last.count} ${kind.what}`,
  );
  return slopes;
}

/** The interval's upper end is held against the bar, not its middle. */
function judge({ what, one, bar }: Kind, slopes: readonly Slopes[]): Verdict {
  const rss = slopes.map((slope) => slope.rss);
  return atMost({
    what: `resident memory left by each of many ${what}, upper end of the interval`,
    bar: `<= ${bar} B ${one}`,
    measured: intervalOf(rss)?.high ?? null,
    limit: bar,
    unit: "B",
    note: explain(rss),
  });
}

function report(what: string, slopes: readonly Slopes[], of: (slopes: Slopes) => number): Verdict {
  const values = slopes.map(of);
  const measured = intervalOf(values)?.mean ?? null;
  return reported({ what, measured, unit: "B", note: explain(values) });
}

function explain(values: readonly number[]): string {
  const interval = intervalOf(values);
  if (interval === null) return "one process alone has no interval";
  const { mean, low, high, n } = interval;
  return `mean ${mean.toFixed(3)}, from ${low.toFixed(3)} to ${high.toFixed(3)} B in 95 of 100 repetitions; each process is one slope, n ${n}`;
}

async function launch(bench: Bench, { what }: Kind): Promise<MemoryReading[]> {
  const script = fileURLToPath(new URL("../arms/leak.js", import.meta.url));
  const words = [what, ...["before", "count", "samples"].map((option) => bench.text(option))];
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [...NODE_FLAGS, script, ...words], {
      env: { ...process.env, ...ENVIRONMENT },
    });
    return JSON.parse(stdout) as MemoryReading[];
  } catch (cause) {
    const { signal, code, stderr } = cause as { signal?: string; code?: unknown; stderr?: string };
    throw new Error(`a process of many ${what} ended with ${signal ?? `status ${code}`}: ${stderr}`, {
      cause,
    });
  }
}

function mib(bytes: number): string {
  return `${(bytes / 1_048_576).toFixed(1)} MiB`;
}
