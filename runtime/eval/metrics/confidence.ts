// Owns what confidences are worth: calibration, risk over coverage, abstention. Knows no task.
// Invariant: a confidence is about one answer that is right or wrong; an abstention has none.

import { meanOf, ratio } from "./overlap.js";

/** How sure an answer was, and whether it was right. */
export type Sure = readonly [confidence: number, isRight: boolean];

/** Guo et al. report expected calibration error over 15 bins of equal width. */
const BINS = 15;

/**
 * Expected calibration error: the mean gap between confidence and accuracy over bins of equal width, weighted by their answers
 * (Guo et al., "On Calibration of Modern Neural Networks", 2017, equation 3); null without answers.
 */
export function calibrationError(sure: readonly Sure[]): number | null {
  if (sure.length === 0) return null;
  const bins: Sure[][] = Array.from({ length: BINS }, () => []);
  // A bin holds (low, high]; 0 itself belongs to the first.
  for (const one of sure) bins[Math.max(0, Math.ceil(one[0] * BINS) - 1)]!.push(one);
  return bins.reduce((sum, bin) => {
    const accuracy = meanOf(bin.map(([, isRight]) => (isRight ? 1 : 0))) ?? 0;
    const confidence = meanOf(bin.map(([value]) => value)) ?? 0;
    return sum + (bin.length / sure.length) * Math.abs(accuracy - confidence);
  }, 0);
}

/** One point: when only the surest `coverage` of the answers are given, this share of them is wrong. */
export interface RiskPoint {
  readonly coverage: number;
  readonly risk: number;
}

/** Risk over coverage (Geifman and El-Yaniv, "Selective Classification for Deep Neural Networks", 2017); equal confidences are one step. */
export function riskCoverage(sure: readonly Sure[]): RiskPoint[] {
  const sorted = [...sure].sort(([a], [b]) => b - a);
  let wrong = 0;
  const curve: RiskPoint[] = [];
  sorted.forEach(([confidence, isRight], index) => {
    if (!isRight) wrong++;
    if (sorted[index + 1]?.[0] === confidence) return;
    curve.push({ coverage: (index + 1) / sorted.length, risk: wrong / (index + 1) });
  });
  return curve;
}

/** The area under risk over coverage, each step as wide as the answers it adds; null without answers. */
export function areaUnderRisk(curve: readonly RiskPoint[]): number | null {
  if (curve.length === 0) return null;
  return curve.reduce(
    (sum, { coverage, risk }, index) => sum + risk * (coverage - (curve[index - 1]?.coverage ?? 0)),
    0,
  );
}

/** The share of answers that were withheld. */
export function abstentionRate(isAbstained: readonly boolean[]): number | null {
  return ratio(isAbstained.filter(Boolean).length, isAbstained.length);
}
