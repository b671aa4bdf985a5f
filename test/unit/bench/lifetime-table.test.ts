// The table of the lifetime matrix: runs are added up, and a version that was not run says so.

import { expect, test } from "vitest";
import { type LifetimeRow, renderTable } from "../../../bench/lifetime/table.js";

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
