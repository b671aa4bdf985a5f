// The table of the lifetime matrix: runs are added up, and a version that was not run says so.

import { expect, test } from "vitest";
import { type LifetimeRow, renderSummary, renderTable, rowsOf } from "../../../bench/lifetime/table.js";
import { played } from "../../support/lifetime-play.js";

const row = (fields: Partial<LifetimeRow>): LifetimeRow => ({
  type: "case",
  subject: "process.exit",
  name: "mid-run",
  node: "20.1.0",
  times: 5,
  failures: 0,
  faults: [],
  slowestEndingMs: 10,
  slowestLifeMs: 100,
  leakedLanes: 0,
  leakedThreads: 0,
  leakedProcesses: 0,
  ...fields,
});

test("plays of several runs are added up, case by case and version by version", () => {
  const rows = [
    row({}),
    row({ failures: 2, slowestEndingMs: 30 }),
    row({ node: "22.1.0", times: 7 }),
    row({ name: "while loading" }),
  ];

  const [header, first, second] = renderTable(rows)
    .split("\n")
    .map((line) => line.trim().split(/ {2,}/));

  expect(header).toEqual(["failures / plays", "20.1.0", "22.1.0", "slowest end"]);
  expect(first).toEqual(["process.exit: mid-run", "2 / 10", "0 / 7", "30 ms"]);
  expect(second).toEqual(["process.exit: while loading", "0 / 5", "not run", "10 ms"]);
});

test("plays become one row for each case and version, with what failed, was slowest and was left", () => {
  const plays = [
    played({}),
    played({ node: "22.1.0" }),
    played({ faults: ["ended by SIGSEGV"], endingMs: null, lifeMs: 300 }),
    played({
      faults: ["ended by SIGSEGV"],
      endingMs: 41.6,
      leaked: { lanes: 1, threads: 2, processes: 3 },
    }),
  ];

  const rows = rowsOf(plays);

  expect(rows.map(({ node, times, failures }) => [node, times, failures])).toEqual([
    ["20.1.0", 3, 2],
    ["22.1.0", 1, 0],
  ]);
  expect(rows[0]).toMatchObject({
    faults: ["ended by SIGSEGV"],
    slowestEndingMs: 42,
    slowestLifeMs: 300,
    leakedLanes: 1,
    leakedThreads: 2,
    leakedProcesses: 3,
  });
});

test("the summary is one line that says what failed, what was left and which versions were not run", () => {
  const rows = [row({ failures: 1, leakedThreads: 2 }), row({ node: "22.1.0", slowestEndingMs: 30 })];

  expect(renderSummary(rows, 1)).toBe(
    "9 passed, 1 failed; 1 cases on Node 20.1.0, 22.1.0; slowest end 30 ms; " +
      "leaked 0 lanes, 2 threads, 0 processes; 1 versions not run",
  );
});
