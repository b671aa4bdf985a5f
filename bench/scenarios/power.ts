// Owns the scenario "is a power budget kept?": the main job and a hog under a share of what they draw without a budget.
// Control: the same load without one, in the same process just before, and for as long in a process of its own.

import type { LiveRunReport } from "../../runtime/index.js";
import type { PowerRequest } from "../arms/power.js";
import { DRIVE_SAMPLE, requireFile, VOICE_SAMPLE } from "../harness/assets.js";
import { startArm } from "../harness/child.js";
import { interleave } from "../harness/interleave.js";
import { type Bench, type Scenario, SHARED_OPTIONS } from "../harness/scenario.js";
import { atMost, reported, type Verdict } from "../harness/verdict.js";

const ARMS = ["budget", "no budget"] as const;
type Arm = (typeof ARMS)[number];

export const power: Scenario = {
  name: "power",
  about: "a power budget under a mixed load: is it kept, how soon, and who pays",
  options: [
    { name: "rounds", about: "runs of each arm, each in a process of its own", full: "5", quick: "1" },
    {
      name: "seconds",
      about: "length of a run; a quarter of it, at most 10 s, has no budget yet",
      full: "60",
      quick: "20",
    },
    { name: "share", about: "the budget, in percent of the average without one", full: "70", quick: "70" },
    { name: "audio", about: "a WAV file of speech", full: VOICE_SAMPLE, quick: VOICE_SAMPLE },
    { name: "frames", about: "a folder of images or a clip", full: DRIVE_SAMPLE, quick: DRIVE_SAMPLE },
    SHARED_OPTIONS.provider,
  ],
  run: measure,
};

/** What one run under a budget came to. */
export interface KeptBudget {
  /** Windows from the budget to the last one above it. */
  readonly settledWindows: number;
  /** Windows above the budget among those that began three windows after it, and all of those. */
  readonly over: number;
  readonly windows: number;
  /** The highest of them as a share of the budget. */
  readonly highestShare: number;
  /** Moves down of sessions other than the hog. */
  readonly othersMoved: number;
}

/** Reads one run's record. */
export function keptBudget({ power: record }: Pick<LiveRunReport, "power">): KeptBudget | null {
  if (record === undefined || record.budgetWatts === null) return null;
  const { settled, settledSeconds, windowSeconds, budgetWatts, moves } = record;
  return {
    settledWindows: settledSeconds / windowSeconds,
    over: settled.over,
    windows: settled.windows,
    highestShare: settled.highestWatts / budgetWatts,
    othersMoved: moves.filter(({ session }) => session !== "hog").length,
  };
}

async function measure(bench: Bench): Promise<Verdict[]> {
  const reports: Record<Arm, LiveRunReport[]> = { budget: [], "no budget": [] };
  await interleave({
    arms: ARMS,
    rounds: bench.number("rounds"),
    block: async (arm, round) => {
      const child = await startArm("arms/power.js");
      try {
        const report = await child.ask<LiveRunReport>("run", {
          provider: bench.text("provider") as PowerRequest["provider"],
          seconds: bench.number("seconds"),
          share: arm === "budget" ? bench.number("share") / 100 : null,
          audio: requireFile(bench.text("audio"), "audio"),
          frames: requireFile(bench.text("frames"), "frames"),
        } satisfies PowerRequest);
        bench.row({ type: "block", arm, round, ...briefOf(report) });
        reports[arm].push(report);
      } finally {
        await child.close();
      }
    },
  });
  return judge(reports);
}

function briefOf({ contracts, background, power: record }: LiveRunReport) {
  const brief = ({ session, n, misses, outcomes }: LiveRunReport["contracts"][number]) => ({
    session,
    n,
    misses,
    done: outcomes.done,
  });
  return { contracts: contracts.map(brief), background: background.map(brief), power: record ?? null };
}

/** The verdicts over every run of both arms. */
export function judge(reports: Record<Arm, readonly LiveRunReport[]>): Verdict[] {
  const kept = reports.budget.map(keptBudget).filter((each) => each !== null);
  const worst = (of: (each: KeptBudget) => number): number | null =>
    kept.length === 0 ? null : Math.max(...kept.map(of));
  const sum = (of: (each: KeptBudget) => number): number => kept.reduce((total, each) => total + of(each), 0);
  const windows = sum((each) => each.windows);
  const critical = {
    held: countsOf(reports.budget, "driving"),
    free: countsOf(reports["no budget"], "driving"),
  };
  const hog = { held: countsOf(reports.budget, "hog"), free: countsOf(reports["no budget"], "hog") };
  return [
    atMost({
      what: "windows until the budget is kept for good",
      bar: "<= 3 windows",
      measured: worst((each) => each.settledWindows),
      limit: 3,
      unit: "windows",
      note: `${kept.length} runs; ${conditionsOf(reports.budget)}`,
    }),
    atMost({
      what: "windows above the budget among those that begin three windows after it",
      bar: "none",
      measured: windows === 0 ? null : sum((each) => each.over),
      limit: 0,
      unit: "windows",
      note: `${windows} sliding windows; the highest drew ${worst((each) => each.highestShare)?.toFixed(3)} of its budget`,
    }),
    atMost({
      what: "the critical contract under the budget: driving late or lost",
      bar: "<= 0.1 %",
      measured: critical.held.n === 0 ? null : critical.held.misses / critical.held.n,
      limit: 0.001,
      unit: "share",
      note: `${critical.held.misses} of ${critical.held.n}; without a budget ${critical.free.misses} of ${critical.free.n}`,
    }),
    atMost({
      what: "moves of sessions other than the least critical",
      bar: "none",
      measured: kept.length === 0 ? null : sum((each) => each.othersMoved),
      limit: 0,
      unit: "moves",
    }),
    reported({
      what: "runs the hog keeps of those it makes without a budget",
      measured: hog.free.done === 0 ? null : hog.held.done / hog.free.done,
      unit: "share",
    }),
  ];
}

/** Of what the first run's budget was made, and by which kind of meter. */
function conditionsOf([first]: readonly LiveRunReport[]): string {
  const { freeWatts, budgetWatts, source } = first?.power ?? {};
  if (typeof freeWatts !== "number" || typeof budgetWatts !== "number") return "no budget was ever set";
  return `first budget ${budgetWatts.toFixed(2)} W of ${freeWatts.toFixed(2)} W, ${source}`;
}

/** What became of one session's jobs over every run. */
function countsOf(reports: readonly LiveRunReport[], name: string) {
  const counts = { n: 0, misses: 0, done: 0 };
  for (const { contracts, background } of reports) {
    for (const { session, n, misses, outcomes } of [...contracts, ...background]) {
      if (session !== name) continue;
      counts.n += n;
      counts.misses += misses;
      counts.done += outcomes.done;
    }
  }
  return counts;
}
