import { expect, test } from "vitest";
import { LaneWatch } from "../../../runtime/scheduler/lane-watch.js";

const rules = { graceUs: 100, worstTimes: 20, unstoppedUs: 2000 };
const run = { jobId: 1, startedUs: 1000, wcetUs: 50, stopUs: 1200, isCritical: true };

test("a critical run is told as overrunning once its worst time is over, and only once", () => {
  const watch = new LaneWatch(rules);
  watch.started(3, run);

  expect(watch.nextWakeUs()).toBe(1051);
  expect(watch.tick(1050).overrun).toEqual([]);
  expect(watch.tick(1051).overrun).toEqual([1]);
  expect(watch.tick(1060).overrun).toEqual([]);
});

test("a run of a lower class may take longer than its worst time", () => {
  const watch = new LaneWatch(rules);
  watch.started(3, { ...run, isCritical: false });

  expect(watch.tick(1299)).toEqual({ overrun: [], hung: [] });
});

test("a lane hangs when its run is still there a grace after its deadline", () => {
  const watch = new LaneWatch(rules);
  watch.started(3, run);
  watch.tick(1051);

  expect(watch.nextWakeUs()).toBe(1300);
  expect(watch.tick(1300).hung).toEqual([3]);
  expect(watch.tick(1400).hung).toEqual([]);
});

test("a request to stop before the deadline begins the grace earlier, one after it does not begin it anew", () => {
  const watch = new LaneWatch(rules);
  watch.started(3, { ...run, isCritical: false });

  watch.stopAsked(1, { nowUs: 1100 });
  watch.stopAsked(1, { nowUs: 1190 });

  expect(watch.nextWakeUs()).toBe(1200);
});

test("a run whose late result is kept hangs after many worst times, and not before two seconds", () => {
  const watch = new LaneWatch(rules);
  watch.started(0, { ...run, isCritical: false, stopUs: Number.POSITIVE_INFINITY });
  watch.started(1, { ...run, jobId: 2, isCritical: false, wcetUs: 500, stopUs: Number.POSITIVE_INFINITY });

  expect(watch.tick(3000).hung).toEqual([0]);
  expect(watch.tick(10_999).hung).toEqual([]);
  expect(watch.tick(11_000).hung).toEqual([1]);
});

test("a run that has ended is watched no longer, and the end of an earlier one changes nothing", () => {
  const watch = new LaneWatch(rules);
  watch.started(3, run);

  watch.ended({ laneId: 3, jobId: 99 });
  expect(watch.nextWakeUs()).toBe(1051);
  watch.ended({ laneId: 3, jobId: 1 });
  expect(watch.nextWakeUs()).toBe(Number.POSITIVE_INFINITY);
});
