// Owns the proof that arrivals are those of the scenario, fixed before anything runs.

import { expect, test } from "vitest";
import { arrivals, deadlineOf, fullRun, type LoadShape } from "../../../../bench/trials/load-shape.js";
import { SUITES } from "../../../../bench/trials/suite.js";
import { seededRng } from "../../../../runtime/core/rng.js";

const take = (shape: LoadShape, endUs: number, seed = 1): number[] => [
  ...arrivals(shape, { endUs, rng: seededRng(seed) }),
];

test("a constant stream arrives every period, and the period is its deadline", () => {
  const shape = { scenario: "constant-stream", periodUs: 32_000 } as const;

  expect(take(shape, 100_000)).toEqual([0, 32_000, 64_000, 96_000]);
  expect(deadlineOf(shape)).toBe(32_000);
});

test("a server's arrivals are a Poisson process: exponential gaps of the right mean and spread, the same for a seed", () => {
  const shape = { scenario: "server", perSecond: 100, deadlineUs: 50_000 } as const;

  const due = take(shape, 100e6);
  const gaps = due.slice(1).map((at, index) => at - due[index]!);

  // Of 10000 gaps the mean and the deviation lie within 4 % of 10 ms all but never otherwise (four standard errors).
  const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
  const deviation = Math.sqrt(gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length);
  expect(Math.abs(mean / 10_000 - 1)).toBeLessThan(0.04);
  expect(Math.abs(deviation / 10_000 - 1)).toBeLessThan(0.06);
  expect(take(shape, 1e6, 7)).toEqual(take(shape, 1e6, 7));
  expect(take(shape, 1e6, 7)).not.toEqual(take(shape, 1e6, 8));
});

test("where the subject decides there is no schedule", () => {
  expect(() => take({ scenario: "single-stream" }, 1000)).toThrow(RangeError);
  expect(deadlineOf({ scenario: "offline", inFlight: 4 })).toBeNull();
});

test("a full run is MLPerf's: its queries at this pace, and never under 600 seconds", () => {
  expect(fullRun({ scenario: "server", perSecond: 1000, deadlineUs: 1 })).toEqual({
    queries: 270_336,
    seconds: 600,
  });
  expect(fullRun({ scenario: "server", perSecond: 100, deadlineUs: 1 }).seconds).toBe(2704);
  expect(fullRun({ scenario: "single-stream" })).toEqual({ queries: 24_576, seconds: 600 });
  expect(fullRun({ scenario: "offline", inFlight: 8 }).queries).toBe(24_576);
});

test("the board's suite takes under ten minutes with controls, starts and warm-ups", () => {
  const subjects = 3;
  const trials = 3;
  const overheadS = 4;

  const seconds = SUITES.board.reduce((sum, load) => sum + subjects * (load.seconds + trials * overheadS), 0);

  expect(seconds).toBeLessThan(600);
});
