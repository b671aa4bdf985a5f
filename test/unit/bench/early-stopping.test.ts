// Owns the proof that the validity rule is the published one: against exact arithmetic in whole numbers, and against the
// counts MLPerf publishes.

import { expect, test } from "vitest";
import {
  claimedLatency,
  fullQueryCount,
  inTimeNeeded,
  judgeValidity,
  missesAllowed,
  validityWords,
} from "../../../bench/harness/early-stopping.js";

/**
 * Whether F(misses; queries, 1 - p) <= 1 - c, without rounding: p and c in thousandths, both sides times 1000^queries.
 * sum of C(n, k) (1000 - p)^k p^(n - k) for k up to the misses, against (1000 - c) 1000^(n - 1).
 */
function isRare(given: { misses: number; queries: number; pMille: number; cMille: number }): boolean {
  const { misses, queries, pMille, cMille } = given;
  const n = BigInt(queries);
  const p = BigInt(pMille);
  let choose = 1n;
  let sum = 0n;
  for (let k = 0n; k <= BigInt(misses); k++) {
    if (k > 0n) choose = (choose * (n - k + 1n)) / k;
    sum += choose * (1000n - p) ** k * p ** (n - k);
  }
  return sum <= BigInt(1000 - cMille) * 1000n ** (n - 1n);
}

const CASES = [500, 900, 970, 990, 999].flatMap((pMille) =>
  [950, 990].flatMap((cMille) => [0, 1, 2, 5, 12].map((misses) => ({ pMille, cMille, misses }))),
);

test("the queries needed are the smallest number that exact arithmetic accepts, in fifty cases", () => {
  for (const { pMille, cMille, misses } of CASES) {
    const inTime = inTimeNeeded(misses, { percentile: pMille / 1000, confidence: cMille / 1000 });
    const label = `p ${pMille}, c ${cMille}, t ${misses}: ${inTime}`;

    expect(isRare({ misses, queries: inTime + misses, pMille, cMille }), label).toBe(true);
    expect(isRare({ misses, queries: inTime + misses - 1, pMille, cMille }), label).toBe(false);
  }
});

test("the counts MLPerf publishes come out", () => {
  const at = (percentile: number) => ({ percentile, confidence: 0.99 });

  expect(inTimeNeeded(0, at(0.99))).toBe(459);
  // The least queries of single-stream and multi-stream runs: one miss has to be allowed.
  expect(1 + inTimeNeeded(1, at(0.9))).toBe(64);
  expect(1 + inTimeNeeded(1, at(0.99))).toBe(662);
  expect([0.9, 0.95, 0.97, 0.99].map((p) => fullQueryCount(at(p)))).toEqual([
    24_576, 57_344, 90_112, 270_336,
  ]);
});

test("a verdict says how many more queries in time are needed, and that many are enough", () => {
  const early = judgeValidity({ queries: 5000, misses: 1 });

  const enough = { queries: 5000 + early.cleanQueriesNeeded, misses: 1 };

  expect(early.isValid).toBe(false);
  expect(validityWords(early)).toBe(
    `not valid for p99.9 at 99 % confidence: 1 of 5000 missed; ${early.cleanQueriesNeeded} more queries in time are needed`,
  );
  expect(judgeValidity(enough).isValid).toBe(true);
  expect(judgeValidity({ ...enough, queries: enough.queries - 1 }).isValid).toBe(false);
  expect(judgeValidity({ ...enough, misses: 2 }).isValid).toBe(false);
});

test("a run that just breaks the percentile is never valid, however long", () => {
  expect(judgeValidity({ queries: 10_000_000, misses: 10_000 }).isValid).toBe(false);
  expect(judgeValidity({ queries: 0, misses: 0 }).isValid).toBe(false);
});

test("the misses a run may have are the most with which it is still valid", () => {
  const rule = { percentile: 0.99, confidence: 0.99 };
  expect(missesAllowed(458, rule)).toBeNull();
  for (const queries of [459, 661, 662, 5000, 100_000]) {
    const allowed = missesAllowed(queries, rule) ?? -1;

    expect(judgeValidity({ queries, misses: allowed }, rule).isValid, String(queries)).toBe(true);
    expect(judgeValidity({ queries, misses: allowed + 1 }, rule).isValid, String(queries)).toBe(false);
  }
});

test("a claimed latency sets aside one less than the misses allowed", () => {
  const rule = { percentile: 0.9, confidence: 0.99 };
  const upTo = (n: number): number[] => Array.from({ length: n }, (_, index) => n - index);

  expect(claimedLatency(upTo(63), rule)).toBeNull();
  expect(claimedLatency(upTo(64), rule)).toBe(64);
  expect(claimedLatency(upTo(1000), rule)).toBe(1000 - (missesAllowed(1000, rule) ?? 0) + 1);
});

test("counts that are none and shares that are none are refused", () => {
  expect(() => judgeValidity({ queries: 1, misses: 2 })).toThrow(RangeError);
  expect(() => judgeValidity({ queries: Number.NaN, misses: 0 })).toThrow(RangeError);
  expect(() => inTimeNeeded(0, { percentile: 1, confidence: 0.99 })).toThrow(RangeError);
});
