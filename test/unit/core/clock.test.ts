// Owns the promises of waiting on a clock.

import { expect, test } from "vitest";
import { sleepUntil } from "../../../runtime/core/clock.js";
import { VirtualClock } from "../../support/virtual-clock.js";

test("a sleeper wakes at its instant and not before", async () => {
  const clock = new VirtualClock();
  let isAwake = false;
  const sleep = sleepUntil(clock.nowUs() + 1000, { clock }).then(() => {
    isAwake = true;
  });

  await clock.advanceTo(999);
  expect(isAwake).toBe(false);
  await clock.advanceTo(1000);
  await sleep;

  expect(isAwake).toBe(true);
});

test("a signal wakes a sleeper at once, and one that has fired lets nobody fall asleep", async () => {
  const clock = new VirtualClock();
  const stop = new AbortController();
  const sleep = sleepUntil(clock.nowUs() + 1_000_000, { clock, signal: stop.signal });

  stop.abort();
  await sleep;
  await sleepUntil(clock.nowUs() + 1_000_000, { clock, signal: stop.signal });

  expect(clock.nowUs()).toBeLessThan(1_000_000);
});
