// Growth per count and how sure it is, against figures worked out by hand.

import { expect, test } from "vitest";
import { intervalOf, slopeOf } from "../../../bench/harness/slope.js";

test("the slope of points on a line is the line's", () => {
  const points = [1, 2, 5, 9].map((count) => ({ count, value: 7 - 3 * count }));

  expect(slopeOf(points)).toBeCloseTo(-3, 12);
});

test("the slope of scattered points is the least-squares one", () => {
  const points = [0, 1, 2].map((count) => ({ count, value: [1, 0, 5][count]! }));

  expect(slopeOf(points)).toBeCloseTo(2, 12);
});

test("one count alone has no slope", () => {
  expect(slopeOf([])).toBeNull();
  expect(slopeOf([{ count: 1, value: 2 }])).toBeNull();
});

test("an interval is Student's, for the values that are there", () => {
  // Mean 2, standard deviation 1, n 3: half of the interval is 4.303 / sqrt(3).
  const interval = intervalOf([1, 2, 3])!;

  expect(interval.mean).toBe(2);
  expect(interval.high - interval.mean).toBeCloseTo(2.4843, 4);
  expect(interval.mean - interval.low).toBeCloseTo(2.4843, 4);
});

test("one value has no interval", () => {
  expect(intervalOf([1])).toBeNull();
  expect(intervalOf([])).toBeNull();
});
