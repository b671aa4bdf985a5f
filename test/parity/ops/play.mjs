// Owns playing the parity cases in any number: npm run test:parity -- --cases 10000 [--seed 2]
// Knows no op. Invariant: its exit status is the tests' own.

import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: { cases: { type: "string", default: "500" }, seed: { type: "string", default: "1" } },
});
for (const [name, value] of Object.entries(values)) {
  if (/^[1-9]\d*$/.test(value)) continue;
  console.error(`--${name} takes a whole number above 0, not ${value}`);
  process.exit(64);
}
const vitest = join(dirname(createRequire(import.meta.url).resolve("vitest/package.json")), "vitest.mjs");
const run = spawnSync(
  process.execPath,
  [vitest, "run", "test/parity/ops", "--testTimeout", String(60_000 + 100 * Number(values.cases))],
  {
    stdio: "inherit",
    env: { ...process.env, REDLINE_PARITY_CASES: values.cases, REDLINE_PARITY_SEED: values.seed },
  },
);
process.exitCode = run.status ?? 1;
