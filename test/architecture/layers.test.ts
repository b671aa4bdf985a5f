// Owns the proof that the layers drawn in the design are the layers built, and that each rule can fail.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { checkCommandLineDoor, checkLayers, checkMachineCodeDoor, checkNapiDoor, LAYERS } from "./layers.js";
import { REPO_ROOT, readTree, report } from "./source-tree.js";

test("every file of the runtime imports only what lies below it", () => {
  const files = readTree({ under: ["runtime"], endings: [".ts"] });

  const violations = checkLayers(files);

  expect(report(violations)).toEqual([]);
});

test.each([
  [
    "runtime/core/clock.ts",
    'import { x } from "../store/store.js";',
    "core (layer 0) imports store (layer 1)",
  ],
  ["runtime/core/clock.ts", 'import fs from "node:fs";', "core imports nothing outside core"],
  [
    "runtime/store/store.ts",
    'export * from "../sources/wav.js";',
    "store (layer 1) imports sources (layer 1)",
  ],
  ["runtime/voice/vad.ts", 'const m = await import("../runtime.js");', "voice (layer 8) imports runtime.ts"],
  ["runtime/voice/vad.ts", 'type R = import("../driving/watch-road.js").R;', "imports driving (layer 8)"],
  ["runtime/cli/main.ts", 'import "../../bench/main.js";', "runtime does not import bench/main.ts"],
  ["runtime/cli/main.ts", 'import "../../test/support/x.js";', "runtime does not import test/support/x.ts"],
  ["runtime/live-run.ts", 'import "../bench/index.js";', "runtime does not import bench/index.ts"],
  ["runtime/odds/x.ts", "export {};", "no layer is drawn"],
])("an upward import in %s is named with its line", (path, text, detail) => {
  const violations = checkLayers([{ path, text: `// Header.\n\n${text}\n` }]);

  expect(violations).toHaveLength(1);
  expect(violations[0]?.detail).toContain(detail);
  expect(violations[0]?.line).toBe(detail.startsWith("no layer") ? 1 : 3);
});

test("the command line can do no more than a program can", () => {
  const files = readTree({ under: ["runtime/cli"], endings: [".ts"] });

  expect(report(checkCommandLineDoor(files))).toEqual([]);
});

test("the command line alone may use the bench, through its door", () => {
  const good = [{ path: "runtime/cli/bench.ts", text: 'await import("../../bench/index.js");' }];
  const behind = [{ path: "runtime/cli/bench.ts", text: 'await import("../../bench/trials/suite.js");' }];

  expect(report([...checkLayers(good), ...checkCommandLineDoor(good)])).toEqual([]);
  expect(checkLayers(behind)).toHaveLength(1);
  expect(checkCommandLineDoor(behind)).toHaveLength(1);
});

test("a command that reaches behind the public door is seen", () => {
  const bad = [{ path: "runtime/cli/voice.ts", text: 'import { listen } from "../voice/listen.js";' }];

  expect(report(checkCommandLineDoor(bad))).toEqual([
    "runtime/cli/voice.ts:1 [command-line-door] ../voice/listen.js: the command line imports public doors only",
  ]);
});

test("only the bindings load machine code", () => {
  const files = readTree({ under: ["runtime"], endings: [".ts"] });

  expect(report(checkMachineCodeDoor(files))).toEqual([]);
});

test("a .node path, a dlopen or the kernels outside the bindings are seen", () => {
  const bad = [
    { path: "runtime/store/a.ts", text: 'require("./redline.node");' },
    { path: "runtime/store/b.ts", text: "process.dlopen(m, path);" },
    { path: "runtime/ops/c.ts", text: 'import { load } from "#kernels";' },
  ];

  expect(report(checkMachineCodeDoor(bad))).toEqual([
    'runtime/store/a.ts:1 [machine-code-door] "./redline.node": only runtime/bindings loads machine code',
    "runtime/store/b.ts:1 [machine-code-door] process.dlopen: only runtime/bindings loads machine code",
    'runtime/ops/c.ts:1 [machine-code-door] "#kernels": only runtime/bindings loads machine code',
  ]);
});

test("the native host does not know Node", () => {
  const files = readTree({ under: ["native"], endings: [".cc", ".h"] });

  expect(report(checkNapiDoor(files))).toEqual([]);
});

test("napi.h in the host is seen", () => {
  const bad = [{ path: "native/host/lane.cc", text: "#include <vector>\n#include <napi.h>\n" }];

  expect(report(checkNapiDoor(bad))).toEqual([
    "native/host/lane.cc:2 [napi-door] #include <napi.h> belongs in native/napi",
  ]);
});

test("the rooms of this release exist", () => {
  const rooms = [
    "core",
    "bindings",
    "store",
    "sources",
    "scheduler",
    "providers",
    "sessions",
    "driving",
    "voice",
    "cli",
  ];

  const missing = rooms.filter((room) => !(room in LAYERS) || !existsSync(join(REPO_ROOT, "runtime", room)));

  expect(missing).toEqual([]);
});
