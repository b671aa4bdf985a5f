// Fisher's exact test against values that can be counted by hand.

import { expect, test } from "vitest";
import { fisherP } from "../../../bench/harness/proportions.js";

test("Fisher's tea: 3 of 4 against 1 of 4 is no proof, 4 of 4 against none a weak one", () => {
  // 1 + 16 + 16 + 1 of the 70 ways to choose 4 of 8 are at least as unlikely as 3 to 1; two as 4 to 0.
  expect(fisherP({ hits: 3, n: 4 }, { hits: 1, n: 4 })).toBeCloseTo(34 / 70, 12);
  expect(fisherP({ hits: 4, n: 4 }, { hits: 0, n: 4 })).toBeCloseTo(2 / 70, 12);
});

test("equal shares are certain to look as they do, large differences are not", () => {
  expect(fisherP({ hits: 5, n: 12_000 }, { hits: 5, n: 12_000 })).toBe(1);
  expect(fisherP({ hits: 0, n: 0 }, { hits: 3, n: 9 })).toBe(1);
  expect(fisherP({ hits: 40, n: 12_000 }, { hits: 5, n: 12_000 })).toBeLessThan(1e-6);
});

test("refuses what is no share", () => {
  expect(() => fisherP({ hits: 3, n: 2 }, { hits: 0, n: 1 })).toThrow("no share: 3 of 2");
});
