// Owns the validity rule for a percentile: how many queries a run needs, given how many of them missed. Knows no clock.
// The rule is MLPerf Inference's early stopping criterion (inference_rules.adoc, appendix "Early Stopping Criterion", d = 0):
// with t misses, the smallest h of queries in time for which F(t; h + t, 1 - p) <= 1 - c, F being the binomial distribution.
// Invariant: a run is called valid only if a system that just fails the percentile would look this good in at most 1 - c of runs.

import { sorted } from "./quantiles.js";

/** Which share of queries has to be in time, and how sure a verdict has to be. */
export interface ValidityRule {
  /** The share of queries in time that is promised, as in 0.999. */
  readonly percentile: number;
  /** One minus the share of just failing systems that would be called valid, as in 0.99. */
  readonly confidence: number;
}

/** What Redline's own runs are held to; MLPerf's confidence with a stricter percentile than its 99 %. */
export const P999_AT_99: ValidityRule = Object.freeze({ percentile: 0.999, confidence: 0.99 });

/** What a run's counts say about the promise. */
export interface Validity extends ValidityRule {
  readonly queries: number;
  readonly misses: number;
  /** Queries the run needs in all, with this many misses. */
  readonly queriesNeeded: number;
  /** How many more queries are needed, if each of them is in time; 0 for a valid run. */
  readonly cleanQueriesNeeded: number;
  readonly isValid: boolean;
}

/** Judges a run by its counts. A run of no queries is never valid. */
export function judgeValidity(
  counts: { readonly queries: number; readonly misses: number },
  rule: ValidityRule = P999_AT_99,
): Validity {
  const { queries, misses } = counts;
  requireCounts(queries, misses);
  const queriesNeeded = misses + inTimeNeeded(misses, rule);
  const cleanQueriesNeeded = Math.max(0, queriesNeeded - queries);
  return { ...rule, queries, misses, queriesNeeded, cleanQueriesNeeded, isValid: cleanQueriesNeeded === 0 };
}

/** The verdict in words. */
export function validityWords({ percentile, confidence, ...of }: Validity): string {
  const promise = `p${shortPercent(percentile)} at ${shortPercent(confidence)} % confidence`;
  const counts = `${of.misses} of ${of.queries} missed`;
  if (of.isValid) return `valid for ${promise}: ${counts}, ${of.queriesNeeded} queries were needed`;
  return `not valid for ${promise}: ${counts}; ${of.cleanQueriesNeeded} more queries in time are needed`;
}

/** The smallest number of queries in time that `misses` misses need beside them. */
export function inTimeNeeded(misses: number, rule: ValidityRule): number {
  requireRule(rule);
  const { percentile, confidence } = rule;
  const limit = 1 - confidence;
  const isEnough = (inTime: number): boolean =>
    fewMisses({ misses, queries: inTime + misses, percentile }) <= limit;
  let high = 1;
  while (!isEnough(high)) high *= 2;
  let low = Math.floor(high / 2);
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (isEnough(middle)) high = middle;
    else low = middle;
  }
  return high;
}

/** The most misses a run of `queries` may have and be valid; null when it is too short even for none. */
export function missesAllowed(queries: number, rule: ValidityRule): number | null {
  requireCounts(queries, 0);
  const fits = (misses: number): boolean => misses + inTimeNeeded(misses, rule) <= queries;
  if (!fits(0)) return null;
  let low = 0;
  let high = 1;
  while (fits(high)) high *= 2;
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (fits(middle)) low = middle;
    else high = middle;
  }
  return low;
}

/**
 * The latency a run without a deadline may claim for its percentile, by the rule's single-stream form: the t - 1 highest are
 * set aside, t being the misses allowed, and the highest of the rest is reported. Null while t is below one.
 */
export function claimedLatency(latencies: Iterable<number>, rule: ValidityRule): number | null {
  const rising = sorted(latencies);
  const allowed = missesAllowed(rising.length, rule);
  if (allowed === null || allowed < 1) return null;
  return rising[rising.length - allowed] ?? null;
}

/**
 * Queries of a run that is judged without early stopping: those that put the percentile within a twentieth of its distance
 * from one, rounded up to a multiple of 2^13 (inference_rules.adoc, appendix "Number of Queries").
 */
export function fullQueryCount({ percentile, confidence }: ValidityRule): number {
  requireRule({ percentile, confidence });
  const margin = (1 - percentile) / 20;
  const z = normalQuantile((1 + confidence) / 2);
  const needed = (z * z * percentile * (1 - percentile)) / (margin * margin);
  return Math.ceil(needed / 8192) * 8192;
}

/** F(misses; queries, 1 - percentile): the chance of at most so many misses when each query misses with 1 - percentile. */
function fewMisses(given: { misses: number; queries: number; percentile: number }): number {
  const { misses, queries, percentile } = given;
  const odds = Math.log((1 - percentile) / percentile);
  let logTerm = queries * Math.log(percentile);
  let logSum = logTerm;
  for (let k = 1; k <= misses; k++) {
    logTerm += Math.log((queries - k + 1) / k) + odds;
    const larger = Math.max(logSum, logTerm);
    logSum = larger + Math.log1p(Math.exp(Math.min(logSum, logTerm) - larger));
  }
  return Math.exp(logSum);
}

/** The value below which the standard normal distribution has the share `q`, by bisection of its distribution function. */
function normalQuantile(q: number): number {
  let low = -10;
  let high = 10;
  while (high - low > 1e-12) {
    const middle = (low + high) / 2;
    if (normalShare(middle) < q) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** The standard normal distribution function, by its power series around zero (Abramowitz and Stegun 26.2.11). */
function normalShare(z: number): number {
  let term = z;
  let sum = z;
  for (let k = 3; Math.abs(term) > 1e-17 && k < 1000; k += 2) {
    term *= (z * z) / k;
    sum += term;
  }
  return 0.5 + (sum * Math.exp((-z * z) / 2)) / Math.sqrt(2 * Math.PI);
}

function requireRule({ percentile, confidence }: ValidityRule): void {
  const isShare = (value: number): boolean => value > 0 && value < 1;
  if (!isShare(percentile) || !isShare(confidence))
    throw new RangeError(
      `percentile and confidence lie between 0 and 1, not ${percentile} and ${confidence}`,
    );
}

function requireCounts(queries: number, misses: number): void {
  const areWhole = Number.isSafeInteger(queries) && Number.isSafeInteger(misses);
  if (!areWhole || misses < 0 || queries < misses)
    throw new RangeError(`${misses} of ${queries} is no count of misses`);
}

/** 0.999 as 99.9. */
function shortPercent(share: number): string {
  return String(Number((share * 100).toPrecision(6)));
}
