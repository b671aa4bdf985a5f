// Runs every fault of the store's suites, not the sample `npm test` runs, and prints what was broken how often.
// The last line is "N passed, N failed". Knows no fault.

import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const repository = resolve(import.meta.dirname, "../../..");
const scratch = mkdtempSync(join(tmpdir(), "redline-faults-"));
const [log, report] = [join(scratch, "faults.ndjson"), join(scratch, "report.json")];

const vitest = join(repository, "node_modules/vitest/vitest.mjs");
const reporters = ["--reporter=default", "--reporter=json", `--outputFile=${report}`];
const { status } = spawnSync(
  process.execPath,
  [vitest, "run", ...reporters, "test/faults/store", ...process.argv.slice(2)],
  {
    cwd: repository,
    env: { ...process.env, REDLINE_STORE_FAULTS: "all", REDLINE_STORE_FAULTS_LOG: log },
    stdio: "inherit",
  },
);

const counts = new Map();
for (const line of read(log).split("\n").filter(Boolean)) {
  const { kind, count } = JSON.parse(line);
  counts.set(kind, (counts.get(kind) ?? 0) + count);
}
const {
  numPassedTests: passed = 0,
  numFailedTests: failed = 0,
  testResults = [],
} = JSON.parse(read(report) || "{}");
// A file that does not load holds no test that could fail: it counts as one.
const broken = testResults.filter(
  (file) => file.status === "failed" && !file.assertionResults.some((test) => test.status === "failed"),
).length;
rmSync(scratch, { recursive: true });

console.log("\n| fault | survived |\n|---|---|");
for (const [kind, count] of [...counts].sort()) console.log(`| ${kind} | ${count} |`);
console.log(`| all | ${[...counts.values()].reduce((sum, count) => sum + count, 0)} |\n`);
console.log(`${passed} passed, ${failed + broken} failed`);
process.exit(status === 0 && passed > 0 ? 0 : 1);

function read(file) {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
