// Owns exact quantiles of samples. Knows no unit and no clock.
// Invariant: a quantile is one of the samples (nearest rank); one that too few samples support is null, never guessed.

/** What a set of samples looks like, in the samples' own unit. */
export interface Quantiles {
  readonly n: number;
  readonly p50: number | null;
  readonly p90: number | null;
  readonly p99: number | null;
  readonly p999: number | null;
  readonly max: number | null;
  readonly mean: number | null;
}

/** Sorts a copy of the samples in rising order. */
export function sorted(samples: Iterable<number>): Float64Array {
  return Float64Array.from(samples).sort();
}

/**
 * The smallest sample that at least the share `q` of all samples does not exceed, or null when fewer than 1 / (1 - q)
 * samples are there: the quantile would then be the maximum under another name.
 */
export function quantile(rising: Float64Array, q: number): number | null {
  const n = rising.length;
  // The small allowance keeps 0.999 of 1000 at rank 999 in spite of binary fractions.
  if (n === 0 || n * (1 - q) < 1 - 1e-9) return null;
  return rising[Math.max(0, Math.ceil(n * q - 1e-9) - 1)] ?? null;
}

/** Every quantile the bench reports. */
export function quantilesOf(samples: Iterable<number>): Quantiles {
  const rising = sorted(samples);
  const n = rising.length;
  return {
    n,
    p50: quantile(rising, 0.5),
    p90: quantile(rising, 0.9),
    p99: quantile(rising, 0.99),
    p999: quantile(rising, 0.999),
    max: rising[n - 1] ?? null,
    mean: n === 0 ? null : rising.reduce((sum, value) => sum + value, 0) / n,
  };
}
