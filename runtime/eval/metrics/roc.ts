// Owns the receiver operating characteristic of scores. Knows no sound and no model.
// Invariant: equal scores are one step of the curve, so that ties neither help nor harm.

/** A score and whether the thing it was given for is there. */
export type Scored = readonly [score: number, isPositive: boolean];

/** One step of the curve: at this threshold and above. */
export interface RocPoint {
  readonly threshold: number;
  readonly truePositiveRate: number;
  readonly falsePositiveRate: number;
}

/** The curve, from the strictest threshold to the loosest; empty when positives or negatives are absent. */
export function rocCurve(scored: readonly Scored[]): RocPoint[] {
  const positives = scored.filter(([, isPositive]) => isPositive).length;
  const negatives = scored.length - positives;
  if (positives === 0 || negatives === 0) return [];
  const sorted = [...scored].sort(([a], [b]) => b - a);
  const curve: RocPoint[] = [
    { threshold: Number.POSITIVE_INFINITY, truePositiveRate: 0, falsePositiveRate: 0 },
  ];
  let [hits, falseAlarms] = [0, 0];
  sorted.forEach(([score, isPositive], index) => {
    if (isPositive) hits++;
    else falseAlarms++;
    if (sorted[index + 1]?.[0] === score) return;
    curve.push({
      threshold: score,
      truePositiveRate: hits / positives,
      falsePositiveRate: falseAlarms / negatives,
    });
  });
  return curve;
}

/** The area under the curve, by trapezoids (Fawcett, "An introduction to ROC analysis", 2006, algorithm 2); null without one. */
export function areaUnder(curve: readonly RocPoint[]): number | null {
  if (curve.length === 0) return null;
  let area = 0;
  for (let i = 1; i < curve.length; i++) {
    const [a, b] = [curve[i - 1]!, curve[i]!];
    area += ((b.falsePositiveRate - a.falsePositiveRate) * (a.truePositiveRate + b.truePositiveRate)) / 2;
  }
  return area;
}

/** Where misses and false alarms are equally frequent, between the two steps that lie around it; null without a curve. */
export function equalErrorRate(curve: readonly RocPoint[]): number | null {
  for (let i = 1; i < curve.length; i++) {
    const [a, b] = [curve[i - 1]!, curve[i]!];
    const gapBefore = 1 - a.truePositiveRate - a.falsePositiveRate;
    const gapAfter = 1 - b.truePositiveRate - b.falsePositiveRate;
    if (gapAfter > 0) continue;
    const share = gapBefore / (gapBefore - gapAfter);
    return a.falsePositiveRate + share * (b.falsePositiveRate - a.falsePositiveRate);
  }
  return null;
}
