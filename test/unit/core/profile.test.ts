// Owns the promise of profiles: what quantiles of measured runs say, and when a profile has expired.

import { expect, test } from "vitest";
import {
  expiredBecause,
  type ProfileKey,
  profileKeyText,
  quantilesOfRuns,
} from "../../../runtime/core/profile.js";
import { seededRng } from "../../../runtime/core/rng.js";

const KEY: ProfileKey = {
  machine: "two cores",
  modelSha256: "ab".repeat(32),
  runtimeVersion: "0.1.0",
  powerSource: "mains",
};

/** Runs of a millisecond with an exponential tail of mean 100 us. */
function tailedRuns(count: number): number[] {
  const rng = seededRng(3);
  return Array.from({ length: count }, () => Math.round(1000 - 100 * Math.log(1 - rng.next())));
}

test("with runs enough a quantile is one of the runs", () => {
  const runs = Array.from({ length: 1000 }, (_, index) => index + 1);

  const { p50Us, p99Us, p999Us, samples } = quantilesOfRuns(runs);

  expect({ p50Us, p99Us, p999Us, samples }).toEqual({ p50Us: 500, p99Us: 990, p999Us: 999, samples: 1000 });
});

test("a short measurement is not believed to have seen the worst", () => {
  const few = tailedRuns(100);
  const many = [...tailedRuns(100_000)].sort((a, b) => a - b);

  const { wcetUs, p999Us } = quantilesOfRuns(few);

  // The true p99.9 of this tail is 1000 + 100 x ln 1000 = 1691 us; the longest of 100 runs lies well below in most draws.
  expect(wcetUs).toBeGreaterThanOrEqual(Math.max(...few));
  expect(p999Us).toBeGreaterThan(0.85 * many[99_900]!);
  expect(p999Us).toBeLessThan(1.3 * many[99_900]!);
});

test("three runs say no more than the longest of them", () => {
  expect(quantilesOfRuns([900, 1100, 1000])).toEqual({
    p50Us: 1000,
    p99Us: 1100,
    p999Us: 1100,
    wcetUs: 1100,
    samples: 3,
  });
});

test("the longest run seen counts, even where the fitted tail ends before it", () => {
  const runs = [...Array.from({ length: 2000 }, () => 1000), 9000];

  expect(quantilesOfRuns(runs).wcetUs).toBe(9000);
});

test.each([[[]], [[1000, Number.NaN]], [[-1]], [[Number.POSITIVE_INFINITY]]])("%j are no runs", (runs) => {
  expect(() => quantilesOfRuns(runs)).toThrow(expect.objectContaining({ code: "INTERNAL" }));
});

test("a profile expires when machine, model, runtime or power changes, and says which", () => {
  const now: ProfileKey = { ...KEY, powerSource: "battery", runtimeVersion: "0.2.0" };

  expect(expiredBecause({ key: KEY }, KEY)).toBe("");
  expect(expiredBecause({ key: KEY }, now)).toBe("runtime was 0.1.0, is 0.2.0; power was mains, is battery");
  expect(profileKeyText(now)).not.toBe(profileKeyText(KEY));
});
