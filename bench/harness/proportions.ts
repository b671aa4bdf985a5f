// Owns the question whether two shares differ by more than chance. Knows no subject.

/** So many of so many. */
export interface Share {
  readonly hits: number;
  readonly n: number;
}

/**
 * Fisher's exact test, both sides: the probability, were both shares the same, of a split at least as unlikely as this
 * one. Exact for the few misses of a kept contract, where a normal approximation is not.
 *
 * @throws Error when a share has more hits than trials
 */
export function fisherP(a: Share, b: Share): number {
  for (const { hits, n } of [a, b])
    if (!(hits >= 0 && hits <= n)) throw new Error(`no share: ${hits} of ${n}`);
  const hits = a.hits + b.hits;
  const n = a.n + b.n;
  const logAt = (x: number): number => logChoose(a.n, x) + logChoose(b.n, hits - x) - logChoose(n, hits);
  const seen = logAt(a.hits);
  let p = 0;
  for (let x = Math.max(0, hits - b.n); x <= Math.min(hits, a.n); x += 1) {
    // Equal ones count, whatever the last bit says.
    if (logAt(x) <= seen + 1e-9) p += Math.exp(logAt(x));
  }
  // The sum of many rounded terms.
  return p > 1 - 1e-9 ? 1 : p;
}

function logChoose(n: number, k: number): number {
  return logFactorial(n) - logFactorial(k) - logFactorial(n - k);
}

const LOG_FACTORIALS = [0, 0];

function logFactorial(n: number): number {
  for (let next = LOG_FACTORIALS.length; next <= n; next += 1) {
    LOG_FACTORIALS.push(LOG_FACTORIALS[next - 1]! + Math.log(next));
  }
  return LOG_FACTORIALS[n]!;
}
