// Owns mean, deviation and Student's t: how far two means may lie apart by chance. Knows no unit.

/** Mean and sample standard deviation; the deviation of a single value is 0. */
export function meanAndDeviation(values: readonly number[]): {
  readonly n: number;
  readonly mean: number;
  readonly deviation: number;
} {
  const n = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { n, mean, deviation: n < 2 ? 0 : Math.sqrt(squares / (n - 1)) };
}

/**
 * The t beyond which, on both sides together, the share 1 - `confidence` of Student's distribution lies.
 * By bisection of its distribution function, which is a finite sum for whole degrees of freedom (Abramowitz and Stegun 26.7.3
 * and 26.7.4).
 */
export function studentT(confidence: number, freedom: number): number {
  if (!Number.isInteger(freedom) || freedom < 1)
    throw new RangeError(`${freedom} is no number of degrees of freedom`);
  let low = 0;
  let high = 1;
  while (shareWithin(high, freedom) < confidence) high *= 2;
  while (high - low > 1e-9 * high) {
    const middle = (low + high) / 2;
    if (shareWithin(middle, freedom) < confidence) low = middle;
    else high = middle;
  }
  return high;
}

/** The share of Student's distribution between -t and t. */
function shareWithin(t: number, freedom: number): number {
  const angle = Math.atan(t / Math.sqrt(freedom));
  const cosine = Math.cos(angle);
  const isOdd = freedom % 2 === 1;
  if (freedom === 1) return (2 * angle) / Math.PI;
  let term = isOdd ? cosine : 1;
  let sum = term;
  for (let k = isOdd ? 3 : 2; k <= freedom - 2; k += 2) {
    term *= ((k - 1) / k) * cosine * cosine;
    sum += term;
  }
  return isOdd ? (2 / Math.PI) * (angle + Math.sin(angle) * sum) : Math.sin(angle) * sum;
}
