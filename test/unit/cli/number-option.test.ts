// Owns the proof that a budget of power is typed as watts or as a share, and nothing else.

import { expect, test } from "vitest";
import { powerGoal } from "../../../runtime/cli/number-option.js";

test.each([
  ["70%", { share: 0.7 }],
  ["6W", { watts: 6 }],
  ["4.5 w", { watts: 4.5 }],
  ["100%", { share: 1 }],
])("%s is a budget", (text, goal) => {
  expect(powerGoal(text)).toEqual(goal);
});

test.each(["70", "0%", "101%", "-3W", "0W", "W", "6 watts", "NaN%", "1e3W", ""])("%o is none", (text) => {
  expect(() => powerGoal(text)).toThrowError(/6W, or as 70%/);
});
