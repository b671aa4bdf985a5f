// Owns the law of admission: no admitted set misses, and no job responds later than its bound, in any pattern found.
// REDLINE_TEST_REPEAT multiplies the sets; `npm run study:admission` is the long form.

import { expect, test } from "vitest";
import { type BinResult, type StudyRequest, studyBin } from "../../bench/admission/study.js";

const REPEAT = Number(process.env.REDLINE_TEST_REPEAT ?? "1");

const SHORT: StudyRequest = {
  cores: 2,
  seed: 7,
  setsPerBin: 12 * REPEAT,
  playsPerTask: 12,
  threadsMax: 1,
  preemption: "classes",
};

/** The first bin is there for jobs of several threads, of which few sets fit in the others. */
const BINS = [
  [0.2, 0.3],
  [0.5, 0.6],
  [0.7, 0.75],
  [0.8, 0.9],
] as const;

function study(changes: Partial<StudyRequest>): BinResult[] {
  const request = { ...SHORT, ...changes };
  return BINS.map((bin) => studyBin(bin, request));
}

const total = (results: readonly BinResult[], key: "admitted" | "refusedRightly"): number =>
  results.reduce((sum, result) => sum + result[key], 0);

test.each([
  ["two cores", {}],
  ["one core", { cores: 1 }],
  ["four cores", { cores: 4 }],
  ["jobs of up to two threads on two cores", { threadsMax: 2 }],
  ["jobs of up to three threads on four cores", { cores: 4, threadsMax: 3 }],
  ["a machine without priorities", { preemption: "none" }],
] as const)("no admitted set misses a deadline or exceeds a bound: %s", (_, changes) => {
  const results = study(changes);

  expect(results.flatMap(({ unsoundSeeds }) => unsoundSeeds)).toEqual([]);
  // The law says nothing if nothing is admitted, and the search proves nothing if it never finds a miss.
  expect(total(results, "admitted")).toBeGreaterThan(0);
  expect(total(results, "refusedRightly")).toBeGreaterThan(0);
});
