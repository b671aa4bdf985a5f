// Owns the scenarios "does a session, or a run, leave anything behind?": the growth of a process's memory with opens and
// with runs of the null graph. Control: the same figure from processes started anew, which gives the interval.

import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Bench, Scenario, ScenarioOption } from "../harness/scenario.js";
import { intervalOf, type Point, slopeOf } from "../harness/slope.js";
import { atMost, type Verdict } from "../harness/verdict.js";

interface Kind {
  readonly what: "opens" | "runs";
  readonly one: string;
  /** Bytes left by each that are still no leak. */
  readonly bar: number;
}

export const leakOpens = scenarioOf({ what: "opens", one: "an open", bar: 50 }, [
  { name: "before", about: "opens before the first reading", full: "1000", quick: "300" },
  { name: "count", about: "opens, with a run and a close each", full: "9000", quick: "300" },
]);

export const leakRuns = scenarioOf({ what: "runs", one: "a run", bar: 1 }, [
  { name: "before", about: "runs before the first reading", full: "100000", quick: "5000" },
  { name: "count", about: "runs of one session", full: "1000000", quick: "10000" },
]);

// The collector's own young generation grows to 16 MiB over the first thousands of opens, leak or none: it is held small,
// so that what grows is ours.
const NODE_FLAGS = ["--max-semi-space-size=1"];

function scenarioOf(kind: Kind, counts: readonly ScenarioOption[]): Scenario {
  return {
    name: `leak-${kind.what}`,
    about: `memory left behind by each of many ${kind.what} of the null graph`,
    options: [
      { name: "processes", about: "processes, each one slope", full: "6", quick: "2" },
      ...counts,
      { name: "samples", about: "readings of the memory in one process", full: "100", quick: "5" },
    ],
    run: (bench) => measure(bench, kind),
  };
}

async function measure(bench: Bench, kind: Kind): Promise<Verdict[]> {
  const slopes: number[] = [];
  for (let process = 0; process < bench.number("processes"); process += 1) {
    const points = await launch(bench, kind);
    const slope = slopeOf(points);
    if (slope === null) throw new Error(`${kind.what}: too few samples for a slope`);
    slopes.push(slope);
    bench.row({ type: "process", bytesEach: slope, rss: points.map(({ value }) => value) });
    const [first, last] = [points[0]!, points.at(-1)!];
    bench.say(
      `  ${slope.toFixed(3)} B each, memory ${mib(first.value)} to ${mib(last.value)} over ${last.count} ${kind.what}`,
    );
  }
  return [judge(kind, slopes)];
}

/** The interval's upper end is held against the bar, not its middle. */
function judge({ what, one, bar }: Kind, slopes: readonly number[]): Verdict {
  const interval = intervalOf(slopes);
  const note =
    interval === null
      ? "one process alone has no interval"
      : `mean ${interval.mean.toFixed(3)}, from ${interval.low.toFixed(3)} to ${interval.high.toFixed(3)} B in 95 of 100 repetitions; each process is one slope, n ${interval.n}`;
  return atMost({
    what: `memory left by each of many ${what}, upper end of the interval`,
    bar: `<= ${bar} B ${one}`,
    measured: interval?.high ?? null,
    limit: bar,
    unit: "B",
    note,
  });
}

async function launch(bench: Bench, { what }: Kind): Promise<Point[]> {
  const script = fileURLToPath(new URL("../arms/leak.js", import.meta.url));
  const words = [what, ...["before", "count", "samples"].map((option) => bench.text(option))];
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [...NODE_FLAGS, script, ...words]);
    return JSON.parse(stdout) as Point[];
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
