// Owns the proof that names in the tree say what they hold.

import { expect, test } from "vitest";
import { checkBannedWords, checkCase } from "./names.js";
import { listTree, report } from "./source-tree.js";

const CODE_FOLDERS = ["runtime", "bench", "test", "native", "kernels"];

test("no file or folder carries a name that says nothing", () => {
  const paths = listTree([...CODE_FOLDERS, "models", "docs"]);

  expect(paths.length).toBeGreaterThan(50);
  expect(report(checkBannedWords(paths))).toEqual([]);
});

test("names follow their language's case", () => {
  const paths = listTree(CODE_FOLDERS).filter((path) => /\.(m?ts|mjs|cc|cpp|h|hpp|rs)$/.test(path));

  expect(paths.length).toBeGreaterThan(50);
  expect(report(checkCase(paths))).toEqual([]);
});

test("a banned word is seen in a folder, in a file and inside a longer name", () => {
  const bad = ["runtime/utils/wav.ts", "runtime/store/helpers.ts", "runtime/sessions/session-manager.ts"];

  expect(report(checkBannedWords(bad))).toEqual([
    'runtime/utils/wav.ts:1 [banned-name] "utils" names nothing: name what it owns',
    'runtime/store/helpers.ts:1 [banned-name] "helpers" names nothing: name what it owns',
    'runtime/sessions/session-manager.ts:1 [banned-name] "manager" names nothing: name what it owns',
  ]);
});

test("a name in the wrong case is seen", () => {
  const bad = [
    "runtime/voice/energyGate.ts",
    "native/host/OrtHost.cc",
    "runtime/Voice/vad.ts",
    "kernels/src/logMel.rs",
  ];

  expect(checkCase(bad).map(({ file }) => file)).toEqual(bad);
});
