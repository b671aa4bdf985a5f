// Owns the shapes of load, with MLPerf LoadGen's names: when queries arrive, what they promise, and what makes a run valid.
// Knows no model and no clock. Invariant: a schedule is fixed before the run; nothing a subject does moves an arrival.

import type { Rng } from "../../runtime/core/rng.js";
import { fullQueryCount, P999_AT_99, type ValidityRule } from "../harness/early-stopping.js";

/** The scenarios a model can be measured in. */
export const LOAD_SCENARIOS = ["single-stream", "constant-stream", "server", "offline"] as const;
/** One of them. */
export type LoadScenario = (typeof LOAD_SCENARIOS)[number];

/**
 * A scenario with its numbers. `single-stream`: the next query when the one before has settled. `constant-stream`: one every
 * period, which is its deadline. `server`: Poisson arrivals under a deadline. `offline`: as many at once as there are slots.
 */
export type LoadShape =
  | { readonly scenario: "single-stream" }
  | { readonly scenario: "constant-stream"; readonly periodUs: number }
  | { readonly scenario: "server"; readonly perSecond: number; readonly deadlineUs: number }
  | { readonly scenario: "offline"; readonly inFlight: number };

/** What a run of the scenario promises: the percentile of queries in time, or of the latency it claims; null for offline. */
export const RULES: Readonly<Record<LoadScenario, ValidityRule | null>> = Object.freeze({
  "single-stream": { percentile: 0.9, confidence: 0.99 },
  "constant-stream": P999_AT_99,
  server: { percentile: 0.99, confidence: 0.99 },
  offline: null,
});

/** Least length of a run that MLPerf accepts, and least samples of an offline one. */
const MLPERF_SECONDS = 600;
const MLPERF_OFFLINE_SAMPLES = 24_576;

/** From arrival to settlement, in microseconds; null where nothing is promised. */
export function deadlineOf(shape: LoadShape): number | null {
  if (shape.scenario === "constant-stream") return shape.periodUs;
  return shape.scenario === "server" ? shape.deadlineUs : null;
}

/** Mean time between two arrivals, in microseconds; null where the subject decides. */
export function meanGapOf(shape: LoadShape): number | null {
  if (shape.scenario === "constant-stream") return shape.periodUs;
  return shape.scenario === "server" ? 1e6 / shape.perSecond : null;
}

/** The queries and seconds of a run that is to count without early stopping. */
export function fullRun(shape: LoadShape): { readonly queries: number; readonly seconds: number } {
  const rule = RULES[shape.scenario];
  const queries = rule === null ? MLPERF_OFFLINE_SAMPLES : fullQueryCount(rule);
  const gapUs = meanGapOf(shape);
  const seconds =
    gapUs === null ? MLPERF_SECONDS : Math.max(MLPERF_SECONDS, Math.ceil((queries * gapUs) / 1e6));
  return { queries, seconds };
}

/** When queries are due, in microseconds from the start, until `endUs`; null where the subject decides. */
export function* arrivals(
  shape: LoadShape,
  { endUs, rng }: { readonly endUs: number; readonly rng: Rng },
): Generator<number, void, undefined> {
  if (shape.scenario === "constant-stream") {
    for (let index = 0; index * shape.periodUs < endUs; index++) yield index * shape.periodUs;
  } else if (shape.scenario === "server") {
    // Gaps of a Poisson process are exponential: minus the logarithm of a uniform number, times the mean.
    const gap = (): number => (-Math.log(1 - rng.next()) * 1e6) / shape.perSecond;
    for (let dueUs = gap(); dueUs < endUs; dueUs += gap()) yield Math.round(dueUs);
  } else {
    throw new RangeError(`${shape.scenario} has no schedule`);
  }
}
