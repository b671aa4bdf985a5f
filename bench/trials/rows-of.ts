// Owns turning trials into rows: quantiles with their intervals, timelines, histograms, the verdict. Measures nothing.
// Invariant: a result is made of every sample of its trials; nothing is averaged over trials that can be pooled.

import { claimedLatency, judgeValidity, validityWords } from "../harness/early-stopping.js";
import { quantile, quantilesOf, sorted } from "../harness/quantiles.js";
import { type ForeignLoad, foreignLoad } from "./foreign-load.js";
import { type LoadShape, RULES } from "./load-shape.js";
import type { ResultRow, TrialRow } from "./result-rows.js";
import type { SubjectName, TrialRecord } from "./trial.js";

/** Which run, load, model and subject a row is of. */
export interface RowOf {
  readonly run: string;
  readonly load: LoadShape;
  readonly model: string;
  readonly subject: SubjectName;
}

/** A trial and how it was disturbed. */
export interface KeptTrial {
  readonly record: TrialRecord;
  readonly foreign: ForeignLoad;
}

const MOST_STRETCHES = 120;
const BUCKET_RATIO = 1.1;
/** Both sides of a 95 % interval of the normal distribution. */
const Z95 = 1.959964;

/** How disturbed a trial was. */
export function foreignOf(record: TrialRecord): ForeignLoad {
  return foreignLoad(record.machine, record.cpuUs);
}

/** One trial's row. */
export function trialRow(
  of: RowOf,
  { record, foreign, trial, attempt }: KeptTrial & { readonly trial: number; readonly attempt: number },
): TrialRow {
  const { answers, warmUp, celsius, plan, load } = record;
  return {
    type: "trial",
    ...of,
    trial,
    attempt,
    ...figuresOf([record]),
    answers: { against: answers, wrong: load.wrong, firstWrong: load.firstWrong },
    warmUp,
    foreign,
    celsius,
    plan,
    placement: { all: plan.device },
    timeline: timelineOf(record),
  };
}

/** One subject's row over all its trials. */
export function resultRow(of: RowOf, trials: readonly KeptTrial[]): ResultRow {
  const records = trials.map(({ record }) => record);
  const latencies = sorted(records.flatMap(({ load }) => load.latencyUs));
  const figures = figuresOf(records);
  const rule = RULES[of.load.scenario];
  const isTimed = of.load.scenario === "constant-stream" || of.load.scenario === "server";
  const validity = rule === null ? null : validityOf({ rule, isTimed, figures });
  const claimedLatencyUs = rule === null || isTimed ? null : claimedLatency(latencies, rule);
  return {
    type: "result",
    ...of,
    trials: trials.length,
    disturbedTrials: trials.filter(({ foreign }) => foreign.isDisturbed).length,
    ...figures,
    ci95: {
      p50: quantileInterval(latencies, 0.5),
      p90: quantileInterval(latencies, 0.9),
      p99: quantileInterval(latencies, 0.99),
      p999: quantileInterval(latencies, 0.999),
    },
    histogram: histogramOf(latencies),
    wrongAnswers: records.reduce((sum, { load }) => sum + load.wrong, 0),
    plan: records[0]!.plan,
    validity,
    claimedLatencyUs,
    words: wordsOf({ scenario: of.load.scenario, figures, validity, claimedLatencyUs }),
  };
}

/**
 * With a deadline the misses are counted. Without one every query that is done is in time; the run is valid once the criterion
 * allows a miss to be set aside, which is judged as a run with one.
 */
function validityOf(given: {
  rule: NonNullable<(typeof RULES)[keyof typeof RULES]>;
  isTimed: boolean;
  figures: Pick<ResultRow, "latencyUs" | "misses">;
}): ResultRow["validity"] {
  const { rule, isTimed, figures } = given;
  const queries = figures.latencyUs.n;
  const misses = isTimed ? figures.misses : Math.min(queries, Math.max(1, figures.misses));
  return judgeValidity({ queries, misses }, rule);
}

function wordsOf(given: {
  scenario: LoadShape["scenario"];
  figures: Pick<ResultRow, "perSecond" | "latencyUs">;
  validity: ResultRow["validity"];
  claimedLatencyUs: number | null;
}): string {
  const { scenario, figures, validity, claimedLatencyUs } = given;
  if (validity === null) return `${figures.perSecond.toFixed(1)} a second`;
  if (scenario !== "single-stream") return validityWords(validity);
  return claimedLatencyUs === null
    ? `too short to claim a latency: ${validity.cleanQueriesNeeded} more queries are needed`
    : `90 of 100 queries take at most ${(claimedLatencyUs / 1000).toFixed(3)} ms, at 99 % confidence`;
}

function figuresOf(records: readonly TrialRecord[]) {
  const all = <Value>(list: (record: TrialRecord) => readonly Value[]): Value[] => records.flatMap(list);
  const n = all(({ load }) => load.latencyUs).length;
  const elapsedUs = records.reduce((sum, { load }) => sum + load.elapsedUs, 0);
  const outcomes: Record<string, number> = {};
  for (const { load } of records)
    for (const [outcome, times] of Object.entries(load.outcomes))
      outcomes[outcome] = (outcomes[outcome] ?? 0) + times;
  const isCpuKnown = n > 0 && records.every(({ cpuUs }) => cpuUs >= 0);
  return {
    seconds: elapsedUs / 1e6,
    latencyUs: quantilesOf(all(({ load }) => load.latencyUs)),
    heardUs: quantilesOf(all(({ load }) => load.heardUs)),
    arrivalErrorUs: quantilesOf(all(({ load }) => load.arrivalErrorUs)),
    bareTimerUs: quantilesOf(all(({ bareTimerUs }) => bareTimerUs)),
    perSecond: n / (elapsedUs / 1e6),
    misses: all(({ load }) => load.missed).filter((missed) => missed === 1).length,
    outcomes,
    cpuUsPerJob: isCpuKnown ? records.reduce((sum, { cpuUs }) => sum + cpuUs, 0) / n : null,
    ...energyOf(records, { n, elapsedUs }),
    peakRssBytes: Math.max(0, ...records.map(({ peakRssBytes }) => peakRssBytes)),
  };
}

/** The mean draw in the time that readings cover, over the whole of the load. */
function energyOf(records: readonly TrialRecord[], { n, elapsedUs }: { n: number; elapsedUs: number }) {
  const known = records.filter(({ energy }) => energy.packageMj !== null);
  const coveredUs = known.reduce((sum, { energy }) => sum + energy.coveredUs, 0);
  const spentMj = known.reduce((sum, { energy }) => sum + (energy.packageMj ?? 0), 0);
  if (known.length < records.length || coveredUs === 0 || n === 0)
    return { energyMjPerJob: null, energySource: "unknown", energyFrom: "" } as const;
  const areMeasured = known.every(({ energy }) => energy.source === "measured");
  return {
    energyMjPerJob: (spentMj / coveredUs) * (elapsedUs / n),
    energySource: areMeasured ? ("measured" as const) : ("estimated" as const),
    energyFrom: known[0]?.energy.from ?? "",
  };
}

/** The samples between which the true quantile lies: ranks n q -+ z sqrt(n q (1 - q)), the binomial law of its rank. */
export function quantileInterval(rising: Float64Array, q: number): [number, number] | null {
  const n = rising.length;
  if (quantile(rising, q) === null) return null;
  const half = Z95 * Math.sqrt(n * q * (1 - q));
  const low = Math.floor(n * q - half);
  const high = Math.ceil(n * q + half);
  if (low < 1 || high > n) return null;
  return [rising[low - 1] as number, rising[high - 1] as number];
}

function timelineOf({ load }: TrialRecord): TrialRow["timeline"] {
  const stretchUs = Math.max(1e6, load.elapsedUs / MOST_STRETCHES);
  const stretches = new Map<number, { latencies: number[]; misses: number }>();
  for (const [index, dueUs] of load.dueUs.entries()) {
    const at = Math.min(MOST_STRETCHES - 1, Math.floor(dueUs / stretchUs));
    const stretch = stretches.get(at) ?? { latencies: [], misses: 0 };
    stretch.latencies.push(load.latencyUs[index] as number);
    stretch.misses += load.missed[index] as number;
    stretches.set(at, stretch);
  }
  return [...stretches]
    .sort(([a], [b]) => a - b)
    .map(([at, { latencies, misses }]) => {
      const rising = sorted(latencies);
      const n = rising.length;
      const middle = rising[Math.ceil(n / 2) - 1] as number;
      return { atS: (at * stretchUs) / 1e6, n, p50Us: middle, maxUs: rising[n - 1] as number, misses };
    });
}

function histogramOf(rising: Float64Array): ResultRow["histogram"] {
  const buckets: { uptoUs: number; n: number }[] = [];
  let uptoUs = 10;
  for (const value of rising) {
    while (value > uptoUs) uptoUs *= BUCKET_RATIO;
    const last = buckets.at(-1);
    if (last?.uptoUs === uptoUs) last.n += 1;
    else buckets.push({ uptoUs, n: 1 });
  }
  return buckets.map((bucket) => ({ ...bucket, uptoUs: Math.round(bucket.uptoUs * 10) / 10 }));
}
