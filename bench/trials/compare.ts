// Owns whether two result files differ by more than chance: figure by figure, against the trials' own scatter. Measures nothing.
// Invariant: a figure moved only if it moved by more than its floor and by more than the scatter of both files explains.

import { RedlineError } from "../../runtime/core/errors.js";
import { meanAndDeviation, studentT } from "../harness/student.js";
import type { BenchRow, TrialRow } from "./result-rows.js";

/** One figure of one subject under one load, in both files. */
export interface Moved {
  /** As in `constant-stream silero-vad on redline`. */
  readonly row: string;
  readonly figure: FigureName;
  /** Means over the trials. */
  readonly a: number;
  readonly b: number;
  /** b over a, less one. */
  readonly change: number;
  /** What the change has to exceed, as a share. */
  readonly threshold: number;
  readonly verdict: "same" | "better" | "worse";
}

/** What a comparison found. */
export interface Comparison {
  readonly moved: readonly Moved[];
  /** Rows that only one file has. */
  readonly onlyInA: readonly string[];
  readonly onlyInB: readonly string[];
  readonly worse: number;
  readonly better: number;
}

interface Figure {
  readonly read: (row: TrialRow) => number | null;
  /** A smaller change is not worth telling, whatever its certainty: machines of one kind differ by as much. */
  readonly floor: number;
  readonly better: "less" | "more";
}

/** The figures that are compared. */
const FIGURES = {
  "latency p50": { read: ({ latencyUs }) => latencyUs.p50, floor: 0.1, better: "less" },
  "latency p99": { read: ({ latencyUs }) => latencyUs.p99, floor: 0.1, better: "less" },
  "heard p50": { read: ({ heardUs }) => heardUs.p50, floor: 0.1, better: "less" },
  "queries a second": {
    read: ({ load, perSecond }) => (isPaced(load.scenario) ? null : perSecond),
    floor: 0.1,
    better: "more",
  },
  "processor time a query": { read: ({ cpuUsPerJob }) => cpuUsPerJob, floor: 0.1, better: "less" },
  "energy a query": { read: ({ energyMjPerJob }) => energyMjPerJob, floor: 0.1, better: "less" },
  "peak memory": { read: ({ peakRssBytes }) => peakRssBytes, floor: 0.1, better: "less" },
  "share missed": {
    read: ({ misses, latencyUs }) => (latencyUs.n === 0 ? null : misses / latencyUs.n),
    floor: 0.1,
    better: "less",
  },
} as const satisfies Record<string, Figure>;

/** A figure's name. */
export type FigureName = keyof typeof FIGURES;

/** A change that chance alone explains is told in one of a thousand comparisons at most. */
const CONFIDENCE = 0.999;
/** A share of misses below this is not told apart from none. */
const LEAST_MISSED = 0.001;

/**
 * Compares two files of results, row by row. The last run of a load in a file counts; of disturbed trials their quietest attempt.
 *
 * @throws RedlineError `BENCH_INCOMPARABLE` when they have no row in common.
 */
export function compareResults(a: readonly BenchRow[], b: readonly BenchRow[]): Comparison {
  const rowsA = trialsByRow(a);
  const rowsB = trialsByRow(b);
  const both = [...rowsA.keys()].filter((key) => rowsB.has(key));
  if (both.length === 0) {
    throw new RedlineError("BENCH_INCOMPARABLE", {
      expected: "two results with at least one load, model and subject in common",
      received: `${rowsA.size} and ${rowsB.size} rows, none in both`,
    });
  }
  const moved = both.flatMap((row) =>
    (Object.keys(FIGURES) as FigureName[]).flatMap((figure) => {
      const found = compareFigure(row, figure, { a: rowsA.get(row) ?? [], b: rowsB.get(row) ?? [] });
      return found === undefined ? [] : [found];
    }),
  );
  return {
    moved,
    onlyInA: [...rowsA.keys()].filter((key) => !rowsB.has(key)),
    onlyInB: [...rowsB.keys()].filter((key) => !rowsA.has(key)),
    worse: moved.filter(({ verdict }) => verdict === "worse").length,
    better: moved.filter(({ verdict }) => verdict === "better").length,
  };
}

function compareFigure(
  row: string,
  figure: FigureName,
  trials: { readonly a: readonly TrialRow[]; readonly b: readonly TrialRow[] },
): Moved | undefined {
  const { read, floor, better }: Figure = FIGURES[figure];
  if (figure === "energy a query" && !haveOneSource([...trials.a, ...trials.b])) return undefined;
  const values = (rows: readonly TrialRow[]): number[] =>
    rows.map(read).filter((value): value is number => value !== null);
  const [valuesA, valuesB] = [values(trials.a), values(trials.b)];
  if (valuesA.length === 0 || valuesB.length === 0) return undefined;
  const [statA, statB] = [meanAndDeviation(valuesA), meanAndDeviation(valuesB)];
  const [a, b] = [statA.mean, statB.mean];
  const scale = figure === "share missed" ? Math.max(a, LEAST_MISSED) : a;
  if (scale === 0) return undefined;
  const change = (b - a) / scale;
  const threshold = Math.max(floor, scatterOf(statA, statB) / scale);
  const isMoved =
    Math.abs(change) > threshold && (figure !== "share missed" || Math.abs(b - a) > LEAST_MISSED);
  const isBetter = better === "less" ? change < 0 : change > 0;
  const verdict = !isMoved ? "same" : isBetter ? "better" : "worse";
  return { row, figure, a, b, change, threshold, verdict };
}

interface Stat {
  readonly n: number;
  readonly deviation: number;
}

/**
 * The difference of two means that chance explains: Student's t times their standard error, from the scatter of both. With a
 * single trial on a side the other's scatter stands for it; with one on both there is none, and only the floor holds.
 */
function scatterOf(a: Stat, b: Stat): number {
  const freedom = a.n - 1 + (b.n - 1);
  if (freedom === 0) return 0;
  const variance = ((a.n - 1) * a.deviation ** 2 + (b.n - 1) * b.deviation ** 2) / freedom;
  return studentT(CONFIDENCE, freedom) * Math.sqrt(variance * (1 / a.n + 1 / b.n));
}

function haveOneSource(rows: readonly TrialRow[]): boolean {
  return new Set(rows.map(({ energySource }) => energySource)).size === 1;
}

function isPaced(scenario: TrialRow["load"]["scenario"]): boolean {
  return scenario === "constant-stream" || scenario === "server";
}

function trialsByRow(rows: readonly BenchRow[]): Map<string, TrialRow[]> {
  const byRow = new Map<string, Map<number, TrialRow>>();
  const lastRun = new Map<string, string>();
  for (const row of rows) {
    if (row.type !== "trial") continue;
    const key = keyOf(row);
    if (lastRun.get(key) !== row.run) byRow.set(key, new Map());
    lastRun.set(key, row.run);
    const trials = byRow.get(key) as Map<number, TrialRow>;
    const known = trials.get(row.trial);
    if (known === undefined || (row.foreign.share ?? 0) < (known.foreign.share ?? 0))
      trials.set(row.trial, row);
  }
  return new Map([...byRow].map(([key, trials]) => [key, [...trials.values()]]));
}

function keyOf({ load, model, subject }: TrialRow): string {
  const { scenario, periodUs, perSecond, deadlineUs, inFlight } = load;
  const numbers = [
    periodUs === undefined ? "" : ` every ${periodUs / 1000} ms`,
    perSecond === undefined ? "" : ` ${perSecond} a second`,
    deadlineUs === undefined ? "" : ` within ${deadlineUs / 1000} ms`,
    inFlight === undefined ? "" : ` ${inFlight} in flight`,
  ];
  return `${scenario}${numbers.join("")} ${model} on ${subject}`;
}
