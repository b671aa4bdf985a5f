// Owns the proof that errors and outcomes in the code are those of the two closed tables, and of the README.

import { expect, test } from "vitest";
import { ERROR_TABLE } from "../../runtime/core/errors.js";
import { OUTCOME_CODES, OUTCOME_REASONS } from "../../runtime/core/outcome.js";
import { checkCodesExist, checkCodesUsed, checkOutcomePairs } from "./error-codes.js";
import { readTree, report } from "./source-tree.js";

const CODES = Object.keys(ERROR_TABLE);
const TABLE = "runtime/core/errors.ts";

test("every error code in the code is in the table", () => {
  const files = readTree({ under: ["runtime", "native", "bench"], endings: [".ts", ".cc", ".h"] });

  expect(report(checkCodesExist(files, CODES))).toEqual([]);
});

test("every error code in the table is raised somewhere", () => {
  const files = readTree({ under: ["runtime", "native", "bench"], endings: [".ts", ".cc", ".h"] });

  expect(report(checkCodesUsed({ files, codes: CODES, table: TABLE }))).toEqual([]);
});

test("every row of the error table is complete", () => {
  for (const [code, row] of Object.entries(ERROR_TABLE)) {
    expect(code, code).toMatch(/^[A-Z]+(_[A-Z]+)*$/);
    expect(row.message.length, code).toBeGreaterThan(10);
    expect(["never", "now", "later", "after-release"], code).toContain(row.retry);
    expect(row.httpStatus, code).toBeGreaterThanOrEqual(400);
    expect(row.httpStatus, code).toBeLessThan(600);
    expect(row.exitStatus, code).toBeGreaterThanOrEqual(1);
    expect(row.exitStatus, code).toBeLessThan(79);
  }
  const messages = Object.values(ERROR_TABLE).map(({ message }) => message);
  expect(new Set(messages).size).toBe(messages.length);
});

test("an outcome's reason belongs to one status only", () => {
  const reasons = OUTCOME_CODES.map(({ reason }) => reason).filter((reason) => reason !== "ok");

  expect(new Set(reasons).size).toBe(reasons.length);
  expect(Object.keys(OUTCOME_REASONS)).toEqual([
    "done",
    "late",
    "rejected",
    "dropped",
    "cancelled",
    "failed",
  ]);
});

test("every outcome written in the code is one of the table", () => {
  const files = readTree({ under: ["runtime"], endings: [".ts"] });

  expect(report(checkOutcomePairs(files, OUTCOME_REASONS))).toEqual([]);
});

test("a code outside the table, an unused code and a raised reserved code are seen", () => {
  const files = [
    { path: "runtime/a.ts", text: 'throw new RedlineError("INPUT_SHAPEX");\nthrow x("PLAN_INFEASIBLE");' },
    { path: "native/host/b.cc", text: 'return fail("STORE_FIRE", text);' },
  ];

  expect(report(checkCodesExist(files, CODES))).toEqual([
    "runtime/a.ts:1 [error-code] INPUT_SHAPEX is not in ERROR_TABLE",
    "native/host/b.cc:1 [error-code] STORE_FIRE is not in ERROR_TABLE",
  ]);
  const codes = ["INPUT_SHAPE", "PLAN_INFEASIBLE"];
  const reserved = { PLAN_INFEASIBLE: "admission" };
  expect(report(checkCodesUsed({ files, codes, table: TABLE, reserved }))).toEqual([
    `${TABLE}:1 [error-code] nothing raises INPUT_SHAPE`,
    `${TABLE}:1 [error-code] PLAN_INFEASIBLE is raised: take it off the reserved list`,
  ]);
});

test("an outcome with another status's reason is seen", () => {
  const files = [{ path: "runtime/a.ts", text: 'settle({ status: "done", reason: "stale" });' }];

  expect(report(checkOutcomePairs(files, OUTCOME_REASONS))).toEqual([
    "runtime/a.ts:1 [outcome] done / stale is no outcome",
  ]);
});
