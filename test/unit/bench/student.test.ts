// Owns the proof that Student's t is the tabulated one.

import { expect, test } from "vitest";
import { meanAndDeviation, studentT } from "../../../bench/harness/student.js";

test.each([
  [0.95, 1, 12.7062],
  [0.95, 2, 4.3027],
  [0.95, 10, 2.2281],
  [0.99, 5, 4.0321],
  [0.999, 1, 636.619],
  [0.999, 3, 12.924],
  [0.999, 4, 8.6103],
  [0.999, 8, 5.0413],
  [0.999, 120, 3.3735],
])("t for %d and %d degrees of freedom is the table's", (confidence, freedom, expected) => {
  expect(studentT(confidence, freedom) / expected).toBeCloseTo(1, 4);
});

test("the deviation is the sample's", () => {
  expect(meanAndDeviation([1, 2, 3, 4])).toEqual({ n: 4, mean: 2.5, deviation: Math.sqrt(5 / 3) });
  expect(meanAndDeviation([7])).toEqual({ n: 1, mean: 7, deviation: 0 });
});
