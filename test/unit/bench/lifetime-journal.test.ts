// The record of a matrix under way: the same plan goes on, another one begins anew, and a torn line counts for nothing.

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Journal, type Plan } from "../../../bench/lifetime/journal.js";
import { played } from "../../support/lifetime-play.js";

const PLAN: Plan = { commit: "abc", times: 2, nodes: ["20.1.0"], cases: ["process.exit: mid-run"] };
const PLAY = played();

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "redline-journal-"));
  file = join(folder, "new", "under-way.ndjson");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("an interrupted matrix goes on with the plays it had", () => {
  Journal.open(file, PLAN).add(PLAY);

  const again = Journal.open(file, PLAN);

  expect(again.plays).toEqual([PLAY]);
});

test("another commit, another number of times or other cases begin anew", () => {
  for (const other of [{ commit: "abd" }, { times: 3 }, { cases: [] }]) {
    Journal.open(file, PLAN).add(PLAY);

    expect(Journal.open(file, { ...PLAN, ...other }).plays).toEqual([]);
  }
});

test("a play whose line a kill has cut short is not counted, and the next one is", () => {
  Journal.open(file, PLAN).add(PLAY);
  const whole = readFileSync(file, "utf8");
  writeFileSync(file, whole.slice(0, -20));

  Journal.open(file, PLAN).add({ ...PLAY, endingMs: 20 });

  expect(Journal.open(file, PLAN).plays).toEqual([{ ...PLAY, endingMs: 20 }]);
});

test("a matrix that is done leaves no record", () => {
  const journal = Journal.open(file, PLAN);
  journal.add(PLAY);

  journal.remove();

  expect(existsSync(file)).toBe(false);
  expect(Journal.open(file, PLAN).plays).toEqual([]);
});
