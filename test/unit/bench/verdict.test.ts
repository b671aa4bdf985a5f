// Owns the proof that a bar is judged by what was measured, and that what was not measured never passes.

import { expect, test } from "vitest";
import { atMost, atMostTimes, reported } from "../../../bench/harness/verdict.js";

test("a figure at its limit meets the bar and one above it misses", () => {
  const bar = { what: "gap", bar: "<= 2 ms", unit: "ms" };

  expect(atMost({ ...bar, measured: 2, limit: 2 }).verdict).toBe("met");
  expect(atMost({ ...bar, measured: 2.001, limit: 2 }).verdict).toBe("missed");
});

test("a ratio is taken of the two figures of one run", () => {
  const verdict = atMostTimes({ what: "gap", ours: 4, theirs: 80, factor: 0.05, of: "the peer's" });

  expect(verdict).toMatchObject({ measured: 0.05, limit: 0.05, verdict: "met", bar: "<= 0.05x the peer's" });
});

test("a figure that is missing on either side is not a pass", () => {
  const bar = { what: "gap", factor: 1, of: "the peer's" };

  expect(atMostTimes({ ...bar, ours: null, theirs: 1 }).verdict).toBe("not-measured");
  expect(atMostTimes({ ...bar, ours: 1, theirs: null }).verdict).toBe("not-measured");
  expect(atMostTimes({ ...bar, ours: 1, theirs: 0 }).verdict).toBe("not-measured");
  expect(atMost({ what: "gap", bar: "", unit: "", measured: Number.NaN, limit: 1 }).verdict).toBe(
    "not-measured",
  );
});

test("a figure without a bar is reported", () => {
  expect(reported({ what: "start", measured: 90, unit: "ms" })).toMatchObject({
    verdict: "reported",
    limit: null,
  });
});
