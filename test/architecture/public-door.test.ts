// Owns the proof that the public door holds the names a person agreed to, each of them documented.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { checkDocumented, checkPublicNames, exportsOf } from "./public-door.js";
import { REPO_ROOT, report } from "./source-tree.js";

const DOOR = "runtime/index.ts";
const LIST = "test/architecture/public-names.txt";

test("the public door exports exactly the names of the committed list", () => {
  const list = { path: LIST, text: readFileSync(join(REPO_ROOT, LIST), "utf8") };
  const names = exportsOf(DOOR);

  expect(names.length).toBeGreaterThan(10);
  expect(report(checkPublicNames({ names, list }))).toEqual([]);
});

test("every public name has a docstring", () => {
  expect(report(checkDocumented(exportsOf(DOOR)))).toEqual([]);
});

test("a name added, a name removed and a name without a docstring are seen", () => {
  const names = [
    { name: "open", kind: "function", documentation: "", file: "runtime/a.ts", line: 7 },
    { name: "Clock", kind: "type", documentation: "Time.", file: "runtime/b.ts", line: 3 },
  ] as const;
  const list = { path: LIST, text: "# Names.\ntype Clock\nfunction shut\n" };

  expect(report(checkPublicNames({ names, list }))).toEqual([
    `runtime/a.ts:7 [public-names] "function open" is exported but not in ${LIST}`,
    `${LIST}:3 [public-names] "function shut" is listed but not exported`,
  ]);
  expect(report(checkDocumented(names))).toEqual(["runtime/a.ts:7 [docstring] open has no docstring"]);
});
