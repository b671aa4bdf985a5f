// Owns the promise of the run-time estimate: the median of the last runs, forgotten when it keeps a session out.

import * as fc from "fast-check";
import { expect, test } from "vitest";
import { RunTimeEstimate } from "../../../runtime/scheduler/run-time-estimate.js";

const WINDOW = 31;

test("the latest start leaves room for the median of the last 31 runs, whatever they are", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 50 }), { minLength: 1, maxLength: 120 }), (runs) => {
      const estimate = new RunTimeEstimate();
      for (const runUs of runs) estimate.record(runUs);

      const recent = runs.slice(-WINDOW).toSorted((a, b) => a - b);

      expect(estimate.latestStartUs(1000)).toBe(1000 - recent[recent.length >> 1]!);
    }),
  );
});

test("before the first run nothing is known, and nothing counts as short", () => {
  const estimate = new RunTimeEstimate();

  expect(estimate.latestStartUs(1000)).toBe(1000);
  expect(estimate.isAtMost(1_000_000)).toBe(false);
});

test("four jobs in a row that were too late empty the window", () => {
  const estimate = new RunTimeEstimate();
  estimate.record(900);

  for (let job = 0; job < 4; job += 1) estimate.noteStale();

  expect(estimate.latestStartUs(1000)).toBe(1000);
  estimate.record(5);
  expect(estimate.isAtMost(5)).toBe(true);
});
