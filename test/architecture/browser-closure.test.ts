// Owns the proof that a browser can load everything the browser's door reaches, and that the rule can fail.

import { expect, test } from "vitest";
import { BROWSER_DOOR, checkBrowserClosure } from "./browser-closure.js";
import { readTree, report } from "./source-tree.js";

test("nothing that the browser's door reaches touches Node", () => {
  const { reached, violations } = checkBrowserClosure(readTree({ under: ["runtime"], endings: [".ts"] }));

  expect(report(violations)).toEqual([]);
  expect(reached).toContain("runtime/programs/wasm-program.ts");
  expect(reached).not.toContain("runtime/bindings/load.ts");
});

test("a module of Node, however far from the door, and a global of Node are seen", () => {
  const files = [
    { path: BROWSER_DOOR, text: 'import { a } from "./ops/a.js";\nimport type { T } from "./store/t.js";\n' },
    { path: "runtime/ops/a.ts", text: 'export * from "./b.js";\nexport const a = Buffer.from("");\n' },
    {
      path: "runtime/ops/b.ts",
      text: '// Header.\nconst fs = await import("node:fs");\nawait new Promise(setImmediate);\n',
    },
    { path: "runtime/store/t.ts", text: 'import "node:net";\n' },
  ];

  expect(report(checkBrowserClosure(files).violations)).toEqual([
    `runtime/ops/a.ts:2 [browser-door] uses Buffer, and ${BROWSER_DOOR} reaches it`,
    `runtime/ops/b.ts:3 [browser-door] uses setImmediate, and ${BROWSER_DOOR} reaches it`,
    `runtime/ops/b.ts:2 [browser-door] loads node:fs, and ${BROWSER_DOOR} reaches it`,
  ]);
});
