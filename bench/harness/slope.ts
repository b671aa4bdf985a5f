// Owns the growth of a quantity with a count: a least-squares slope and how sure it is. Knows no unit.
// Invariant: an interval comes from independent values only; samples of one process are not independent, their slope is
// one value.

/** A sample: what had been counted, and what was read then. */
export interface Point {
  readonly count: number;
  readonly value: number;
}

/** A mean with the interval that holds the true one in 95 of 100 repetitions. */
export interface Interval {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
  readonly n: number;
}

/** The least-squares slope of `value` over `count`, or null with fewer than two different counts. */
export function slopeOf(points: readonly Point[]): number | null {
  const meanCount = meanOf(points.map(({ count }) => count));
  const meanValue = meanOf(points.map(({ value }) => value));
  let together = 0;
  let alone = 0;
  for (const { count, value } of points) {
    together += (count - meanCount) * (value - meanValue);
    alone += (count - meanCount) ** 2;
  }
  return alone === 0 ? null : together / alone;
}

// Student's t for 95 %, both sides, by degrees of freedom from 1; beyond the table the last is slightly too wide.
const T95 = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131,
  2.12, 2.11, 2.101, 2.093, 2.086,
];

/** The mean of independent values and its 95 % interval; null with fewer than two values. */
export function intervalOf(values: readonly number[]): Interval | null {
  const n = values.length;
  const t = T95[Math.min(n - 2, T95.length - 1)];
  if (n < 2 || t === undefined) return null;
  const mean = meanOf(values);
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1);
  const half = t * Math.sqrt(variance / n);
  return { mean, low: mean - half, high: mean + half, n };
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
