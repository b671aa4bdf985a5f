// Owns the proof that every file opens with what it owns, stays short and leaves no loose ends.

import { expect, test } from "vitest";
import { checkForbiddenText, checkHeader, checkLength } from "./shape.js";
import { readTree, report } from "./source-tree.js";

const CODE = [".ts", ".mjs", ".cc", ".h", ".rs"];

test("every file of the product opens by saying what it owns, in at most five lines", () => {
  const files = readTree({ under: ["runtime", "bench", "native", "kernels"], endings: [...CODE, ".js"] });

  expect(report(checkHeader(files))).toEqual([]);
});

test("every file stays under four hundred lines", () => {
  const under = ["runtime", "bench", "native", "kernels", "test", "models"];
  const files = readTree({ under, endings: [...CODE, ".py"] });

  expect(report(checkLength(files))).toEqual([]);
});

test("no loose ends, silenced checks, banners or machine paths are committed", () => {
  const files = readTree({
    under: ["runtime", "bench", "native", "kernels", "models"],
    endings: [...CODE, ".py", ".js"],
  });

  expect(report(checkForbiddenText(files))).toEqual([]);
});

test("a missing or endless header is seen, and a shebang is not one", () => {
  const bad = [
    { path: "a.ts", text: 'import "x";\n' },
    { path: "b.ts", text: "// 1\n// 2\n// 3\n// 4\n// 5\n// 6\n" },
    { path: "c.ts", text: '#!/usr/bin/env node\nimport "x";\n' },
  ];

  expect(report(checkHeader(bad))).toEqual([
    "a.ts:1 [header] no header comment",
    "b.ts:1 [header] 6 lines, at most 5",
    "c.ts:2 [header] no header comment",
  ]);
});

test("a file of 401 lines is seen, one of 400 is not", () => {
  const long = { path: "long.ts", text: `${"x\n".repeat(401)}` };
  const full = { path: "full.ts", text: `${"x\n".repeat(400)}` };

  expect(report(checkLength([long, full]))).toEqual(["long.ts:401 [length] 401 lines, at most 400"]);
});

test("each kind of forbidden text is seen on its line", () => {
  const words = [
    ["TO", "DO"].join(""),
    ["@ts", "ignore"].join("-"),
    "=".repeat(8),
    ["", "home", "me"].join("/"),
  ];
  const text = words.map((word) => `// ${word}${word.startsWith("/") ? "/x" : ""}`).join("\n");

  expect(checkForbiddenText([{ path: "a.ts", text }]).map(({ line }) => line)).toEqual([1, 2, 3, 4]);
});
