// Runs every fault of the store's suites, not the sample `npm test` runs: says every ten seconds how far it is, then what was
// survived how often. The last line is "N passed, N failed". Arguments go to vitest. Knows no fault.

import { spawn } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const PROGRESS_MS = 10_000;

const repository = resolve(import.meta.dirname, "../../..");
const scratch = mkdtempSync(join(tmpdir(), "redline-faults-"));
// Another user's process is one of the faults: it has to find its way in.
chmodSync(scratch, 0o711);
const [log, report] = [join(scratch, "faults.ndjson"), join(scratch, "report.json")];
const startedMs = performance.now();

const vitest = join(repository, "node_modules/vitest/vitest.mjs");
const reporters = ["--reporter=dot", "--reporter=json", `--outputFile=${report}`];
const child = spawn(
  process.execPath,
  [vitest, "run", ...reporters, "test/faults/store", ...process.argv.slice(2)],
  {
    cwd: repository,
    // What the tests write goes with the scratch folder.
    env: { ...process.env, REDLINE_STORE_FAULTS: "all", REDLINE_STORE_FAULTS_LOG: log, TMPDIR: scratch },
    stdio: ["ignore", "pipe", "inherit"],
  },
);
// A dot a test says less than the lines below; what failed is told whole.
let told = "";
child.stdout.on("data", (data) => {
  told += data;
});
const progress = setInterval(() => {
  const counts = countFaults();
  console.log(
    `${seconds()} s: ${sum(counts)} faults survived, the last: ${[...counts.keys()].at(-1) ?? "none"}`,
  );
}, PROGRESS_MS);
const status = await new Promise((settle) => child.on("close", settle));
clearInterval(progress);

const counts = countFaults();
const {
  numPassedTests: passed = 0,
  numFailedTests: failed = 0,
  numPendingTests: skipped = 0,
  testResults = [],
} = JSON.parse(read(report) || "{}");
// A file that does not load holds no test that could fail: it counts as one.
const broken = testResults.filter(
  (file) => file.status === "failed" && !file.assertionResults.some((test) => test.status === "failed"),
).length;
rmSync(scratch, { recursive: true, force: true });

if (status !== 0) console.log(told);
for (const { assertionResults } of testResults)
  for (const { status: state, fullName } of assertionResults)
    if (state === "pending" || state === "skipped") console.log(`not run here: ${fullName}`);
console.log("\n| fault | survived |\n|---|---|");
for (const [kind, count] of [...counts].sort()) console.log(`| ${kind} | ${count} |`);
console.log(`| all | ${sum(counts)} |\n`);
console.log(`${sum(counts)} faults of ${counts.size} kinds in ${seconds()} s; ${skipped} tests skipped`);
console.log(`${passed} passed, ${failed + broken} failed`);
process.exit(status === 0 && passed > 0 && failed + broken === 0 ? 0 : 1);

function countFaults() {
  const counts = new Map();
  for (const line of read(log).split("\n").filter(Boolean)) {
    const { kind, count } = JSON.parse(line);
    const before = counts.get(kind) ?? 0;
    // The kind that was survived last is the last key.
    counts.delete(kind);
    counts.set(kind, before + count);
  }
  return counts;
}

function sum(counts) {
  return [...counts.values()].reduce((total, count) => total + count, 0);
}

function seconds() {
  return Math.round((performance.now() - startedMs) / 1000);
}

function read(file) {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
