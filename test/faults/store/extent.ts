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

/** Places in a file of 1,000,000 bytes sent in pieces of 8192: the ends, the edges of pieces, and others spread between. */
export function offsets(sample: number): number[] {
  const edges = [0, 1, 8191, 8192, 8193, 999_998, 999_999];
  const spread = Array.from({ length: 50 - edges.length }, (_, index) => 20_011 + index * 22_003);
  const all = [...edges, ...spread];
  return isWhole ? all : all.filter((_, index) => index % Math.ceil(all.length / sample) === 0);
}

/** Every step, or about `count` of them spread over the whole; each `shift` takes other ones. */
export function chosenSteps(steps: number, { count, shift }: { count: number; shift: number }): number[] {
  const all = Array.from({ length: steps }, (_, index) => index + 1);
  if (isWhole || steps <= count) return all;
  const stride = Math.ceil(steps / count);
  return all.filter((step) => step % stride === shift % stride);
}
