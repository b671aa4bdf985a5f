// Owns the proof that every example in a docstring or a document compiles against the code beside it.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { checkExamples, docstringExamples, markdownExamples } from "./examples.js";
import { REPO_ROOT, readTree, report } from "./source-tree.js";

const DOOR = "runtime/index.ts";

test("every example in a docstring compiles", () => {
  const examples = readTree({ under: ["runtime"], endings: [".ts"] }).flatMap(docstringExamples);

  expect(examples.length).toBeGreaterThan(5);
  expect(report(checkExamples({ examples, door: DOOR }))).toEqual([]);
});

test("every TypeScript example of the README compiles", () => {
  const examples = markdownExamples({
    path: "README.md",
    text: readFileSync(join(REPO_ROOT, "README.md"), "utf8"),
  });

  expect(examples.length).toBeGreaterThan(0);
  expect(report(checkExamples({ examples, door: DOOR }))).toEqual([]);
});

test("an example that uses a name or a field that does not exist is seen on its line", () => {
  const text = [
    "// Header.",
    "/**",
    " * Time.",
    " * @example",
    " * const now = clock.nowUs();",
    " * use(now, clock.nowMs());",
    " * shutDown();",
    " */",
    "export interface Clock {}",
  ].join("\n");
  const examples = docstringExamples({ path: "runtime/core/clock.ts", text });

  const faults = report(checkExamples({ examples, door: DOOR }));

  expect(
    faults.some((fault) => fault.startsWith("runtime/core/clock.ts:6 ") && fault.includes("nowMs")),
  ).toBe(true);
  expect(
    faults.some((fault) => fault.startsWith("runtime/core/clock.ts:7 ") && fault.includes("shutDown")),
  ).toBe(true);
});
