// Owns the proof that the bench's quantiles are exact and that they stay silent where samples are too few.

import fc from "fast-check";
import { expect, test } from "vitest";
import { quantile, quantilesOf, sorted } from "../../../bench/harness/quantiles.js";

const upTo = (n: number): number[] => Array.from({ length: n }, (_, index) => index + 1);

test("of one to a thousand the quantiles are the ranks themselves", () => {
  const shuffled = upTo(1000).map((value) => (value * 7) % 1009 || 1009);
  const inOrder = upTo(1000);

  const quantiles = quantilesOf(inOrder.reverse());

  expect(quantiles).toEqual({ n: 1000, p50: 500, p90: 900, p99: 990, p999: 999, max: 1000, mean: 500.5 });
  expect(quantilesOf(shuffled).n).toBe(1000);
});

test("a quantile that too few samples support is null, not the maximum under another name", () => {
  const quantiles = quantilesOf(upTo(99));

  expect(quantiles).toMatchObject({ n: 99, p50: 50, p90: 90, p99: null, p999: null, max: 99 });
  expect(quantilesOf(upTo(100)).p99).toBe(99);
  expect(quantilesOf(upTo(999)).p999).toBeNull();
});

test("no samples give no figures", () => {
  expect(quantilesOf([])).toEqual({
    n: 0,
    p50: null,
    p90: null,
    p99: null,
    p999: null,
    max: null,
    mean: null,
  });
});

test("numbers are sorted by value, not as words", () => {
  expect([...sorted([10, 9, 100])]).toEqual([9, 10, 100]);
});

test("every quantile is a sample that the stated share does not exceed", () => {
  const shares = [0.5, 0.9, 0.99];
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: -1000, max: 1000 }), { minLength: 100, maxLength: 400 }),
      (samples) => {
        const rising = sorted(samples);
        for (const share of shares) {
          const value = quantile(rising, share) as number;
          const within = samples.filter((sample) => sample <= value).length;
          const below = samples.filter((sample) => sample < value).length;
          expect(samples).toContain(value);
          expect(within).toBeGreaterThanOrEqual(samples.length * share - 1e-6);
          expect(below).toBeLessThan(samples.length * share);
        }
      },
    ),
  );
});
