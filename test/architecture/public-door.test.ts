// Owns the proof that the public door holds the names a person agreed to, each of them documented.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { checkDocumented, checkPublicNames, exportsOf } from "./public-door.js";
import { REPO_ROOT, report } from "./source-tree.js";

const LIST = "test/architecture/public-names.txt";

const DOORS = [
  { door: "runtime/index.ts", path: LIST },
  { door: "runtime/browser.ts", path: "test/architecture/browser-names.txt" },
  { door: "bench/index.ts", path: "test/architecture/bench-names.txt" },
  { door: "runtime/eval/index.ts", path: "test/architecture/eval-names.txt" },
];

test.each(DOORS)("$door exports exactly the names of the committed list", ({ door, path }) => {
  const list = { path, text: readFileSync(join(REPO_ROOT, path), "utf8") };
  const names = exportsOf(door);

  expect(names.length).toBeGreaterThan(10);
  expect(report(checkPublicNames({ names, list }))).toEqual([]);
});

test.each(DOORS)("every public name of $door has a docstring", ({ door }) => {
  expect(report(checkDocumented(exportsOf(door)))).toEqual([]);
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
