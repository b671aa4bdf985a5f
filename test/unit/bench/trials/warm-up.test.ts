// Owns the proof that warming up ends when run times have stopped changing, and after ten seconds at the latest.

import { expect, test } from "vitest";
import { warmUp } from "../../../../bench/trials/warm-up.js";

/** A clock that moves by what each run takes. */
function slow(tookMs: (run: number) => number) {
  let nowMs = 0;
  return warmUp(
    async (run) => {
      nowMs += tookMs(run);
    },
    () => nowMs,
  );
}

test("steady runs are warm after three windows", async () => {
  expect(await slow(() => 5)).toEqual({ runs: 48, ms: 240, isStable: true });
});

test("runs that still get quicker are not warm", async () => {
  const warmed = await slow((run) => (run < 80 ? 100 - run : 5));

  expect(warmed.isStable).toBe(true);
  expect(warmed.runs).toBe(80 + 48);
});

test("runs that never settle are given up after ten seconds, and it is told", async () => {
  const warmed = await slow((run) => (Math.floor(run / 16) % 2 === 0 ? 10 : 20));

  expect(warmed.isStable).toBe(false);
  expect(warmed.ms).toBeGreaterThanOrEqual(10_000);
});
