// Owns the proof that the bench's power rows follow from the windows, the moves and the contracts of its runs.

import { expect, test } from "vitest";
import { judge, keptBudget } from "../../../bench/scenarios/power.js";
import type { LiveRunReport } from "../../../runtime/live-run.js";

function reportOf(given: {
  over?: number;
  settledSeconds?: number;
  mover?: string;
  misses?: number;
  hogRuns?: number;
}) {
  const { over = 0, settledSeconds = 2, mover = "hog", misses = 0, hogRuns = 50 } = given;
  return {
    contracts: [{ session: "driving", n: 1000, misses, outcomes: { done: 1000 - misses } }],
    background: [{ session: "hog", n: hogRuns, misses: 0, outcomes: { done: hogRuns } }],
    power: {
      freeWatts: 10,
      budgetWatts: 7,
      source: "estimated",
      windowSeconds: 0.5,
      settledSeconds,
      settled: { windows: 200, over, highestWatts: 6.3 },
      moves: [{ atSeconds: 5, session: mover, detail: "" }],
    },
  } as unknown as LiveRunReport;
}

const verdictsOf = (...held: LiveRunReport[]) =>
  judge({ budget: held, "no budget": [reportOf({ hogRuns: 100 })] }).map(({ verdict, measured }) => [
    verdict,
    measured,
  ]);

test("a run is told in its own windows and shares of its own budget", () => {
  expect(keptBudget(reportOf({ mover: "voice" }))).toEqual({
    settledWindows: 4,
    over: 0,
    windows: 200,
    highestShare: 0.9,
    othersMoved: 1,
  });
  expect(keptBudget({})).toBeNull();
});

test("every row passes for a budget that is kept at the hog's cost alone", () => {
  expect(verdictsOf(reportOf({ settledSeconds: 1 }))).toEqual([
    ["met", 2],
    ["met", 0],
    ["met", 0],
    ["met", 0],
    ["reported", 0.5],
  ]);
});

test("one bad run of several misses its row, and no run at all is no pass", () => {
  const good = reportOf({ settledSeconds: 1 });
  const rowsOf = (bad: LiveRunReport) =>
    verdictsOf(good, bad)
      .map(([verdict]) => verdict)
      .slice(0, 4);

  expect(rowsOf(reportOf({ settledSeconds: 2 }))).toEqual(["missed", "met", "met", "met"]);
  expect(rowsOf(reportOf({ settledSeconds: 1, over: 1 }))).toEqual(["met", "missed", "met", "met"]);
  expect(rowsOf(reportOf({ settledSeconds: 1, misses: 5 }))).toEqual(["met", "met", "missed", "met"]);
  expect(rowsOf(reportOf({ settledSeconds: 1, mover: "voice" }))).toEqual(["met", "met", "met", "missed"]);
  expect(
    verdictsOf()
      .slice(0, 4)
      .every(([verdict]) => verdict === "not-measured"),
  ).toBe(true);
});
