// Owns running the same test files on ARM64 where there is no such machine: Node, the shipped addon and ONNX Runtime under qemu.
// Proves results, never speed: time limits are scaled, and what tells only about time is skipped by name.
// Usage: node test/arm64.mjs [--short] [VITEST FILTER...]   (SUITES when none is given; SHORT of them with --short)

import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { compilerEnvironment } from "../native/compiler.mjs";
import { isCurrent, root } from "../native/prebuild-list.mjs";
import { cc, folder, modules, prepareMachine } from "./arm64/machine.mjs";

/** All that touches machine code, and the store. */
const SUITES = [
  "test/native/",
  "test/parity/",
  "test/property/lane-replay",
  "test/faults/",
  "test/unit/store/",
];

/** What a build machine has the time for: every part of the native host, golden vectors and the store's main ways. */
const SHORT = [
  ...[
    "bad-libraries",
    "child-program",
    "finite",
    "lanes",
    "loading",
    "native-lane",
    "sessions",
    "replay-lane",
  ].map((suite) => `test/native/${suite}.test`),
  "test/parity/",
  "test/unit/store/store.test",
];

/** What means nothing under emulation: the name of each test, or its beginning, with the reason. */
const SKIPPED = [
  {
    test: "overload moves a real model down its ladder, and it climbs back when the overload is over",
    reason: "a run of the float model takes longer than the ten seconds that a measurement waits for one",
  },
];

/** How much longer a limit is here: the emulator runs about this many times slower than its machine. */
const PATIENCE = 20;

const argv = process.argv.slice(2);
const filters = argv.filter((argument) => argument !== "--short");

prepareMachine();
if (!isCurrent("linux-arm64")) must(["native/build-prebuilds.mjs", "linux-arm64"]);
must([join(root, "node_modules/typescript/bin/tsc"), "-p", "tsconfig.build.json"]);
process.exitCode = runTests(filters.length > 0 ? filters : argv.includes("--short") ? SHORT : SUITES);

/** Vitest itself is this machine's: it transforms files, and every test runs in an emulated process that it starts. */
function runTests(suites) {
  const report = join(folder, "report.json");
  rmSync(report, { force: true });
  const limits = [`--testTimeout=${60_000 * PATIENCE}`, `--hookTimeout=${60_000 * PATIENCE}`];
  const outputs = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
  const names = SKIPPED.length === 0 ? [] : ["--testNamePattern", `^(?!${SKIPPED.map(nameOf).join("|")})`];
  const vitest = join(root, "node_modules", "vitest", "vitest.mjs");
  const hook = join(root, "test", "arm64", "hook.cjs");
  spawnSync(
    process.execPath,
    ["--require", hook, vitest, "run", ...limits, ...outputs, ...names, ...suites],
    {
      cwd: root,
      env: { ...compilerEnvironment(), NODE_PATH: modules, CC: cc, REDLINE_TEST_PATIENCE: `${PATIENCE}` },
      stdio: ["ignore", "inherit", "inherit"],
    },
  );
  const counts = existsSync(report)
    ? count(JSON.parse(readFileSync(report, "utf8")))
    : { passed: 0, failed: 1, skipped: 0 };
  for (const { test, reason } of SKIPPED) console.log(`skipped: ${test}: ${reason}`);
  if (suites === SUITES && existsSync(report)) counts.failed += nameless(report);
  console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
  return counts.failed === 0 && counts.passed > 0 ? 0 : 1;
}

function nameOf({ test }) {
  return test.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

/** How many of the names to skip no test has: they would keep a promise that nobody reads. */
function nameless(report) {
  const { testResults } = JSON.parse(readFileSync(report, "utf8"));
  const names = testResults.flatMap(({ assertionResults }) =>
    assertionResults.map(({ fullName }) => fullName),
  );
  const unknown = SKIPPED.filter(({ test }) => !names.some((name) => name.startsWith(test)));
  for (const { test } of unknown) console.error(`no test has the name that is to be skipped: ${test}`);
  return unknown.length;
}

/** A file that does not load holds no test that could fail: it counts as one. */
function count({ numPassedTests, numFailedTests, numPendingTests, testResults }) {
  const isBroken = ({ status, assertionResults }) =>
    status === "failed" && !assertionResults.some((one) => one.status === "failed");
  const broken = testResults.filter(isBroken).length;
  return { passed: numPassedTests, failed: numFailedTests + broken, skipped: numPendingTests };
}

function must(command) {
  const run = spawnSync(process.execPath, command, { cwd: root, stdio: ["ignore", "inherit", "inherit"] });
  if (run.status === 0) return;
  console.error(`${command[0]} failed: ${run.error?.message ?? `status ${run.status ?? run.signal}`}`);
  process.exit(1);
}
