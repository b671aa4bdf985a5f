// Owns how much of the fault suites runs: a sample by default, everything with REDLINE_STORE_FAULTS=all, and the count of
// what was broken on the way.

import { appendFileSync } from "node:fs";

const { REDLINE_STORE_FAULTS, REDLINE_STORE_FAULTS_LOG } = process.env;

/** Whether every fault is tried; `npm run test:store-faults` sets it. */
export const isWhole = REDLINE_STORE_FAULTS === "all";

/** Notes that so many faults of a kind were survived; the table at the end of the whole run adds them up. */
export function tally(kind: string, count = 1): void {
  if (REDLINE_STORE_FAULTS_LOG)
    appendFileSync(REDLINE_STORE_FAULTS_LOG, `${JSON.stringify({ kind, count })}\n`);
}
