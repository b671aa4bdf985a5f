// Owns the proof of what the mixed load is judged by: time left over, stalls beside misses, and peers that miss too little.

import { expect, test } from "vitest";
import { LeftOver, shareOfAlone } from "../../../bench/harness/left-over.js";
import { missRatioAgainst } from "../../../bench/harness/live-arm.js";
import { LiveCounter, type LiveRecord } from "../../../bench/harness/live-block.js";
import { LiveTotals } from "../../../bench/harness/live-totals.js";
import { parseMachineTime, timeBetween } from "../../../bench/harness/machine-time.js";
import { countStalled } from "../../../bench/harness/stalls.js";

const NOTHING: LiveRecord = { outcomes: {}, lost: 0, starved: 0, settleUs: [], heardUs: [], missed: [] };
const machine = { busyUs: 0, idleUs: 0, stolenUs: 0 };

test("the machine's time is read from the first line, with guest time counted once", () => {
  const text = "cpu  100 20 30 4000 50 1 2 7 99 9\ncpu0 1 2 3 4 5 6 7 8 9 10\n";

  expect(parseMachineTime(text)).toEqual({ busyUs: 1_530_000, idleUs: 40_500_000, stolenUs: 70_000 });
  expect(parseMachineTime("cpu 1 2 3\n")).toBeNull();
  expect(parseMachineTime("")).toBeNull();
  expect(timeBetween(null, machine)).toBeNull();
});

test("hogs are judged by the time that nothing else used, idle time included", () => {
  const alone = new LeftOver();
  const beside = new LeftOver();

  // Alone: 100 runs in 10 s of both cores. Beside: 40 runs in 5 s, of which 1 s was left idle.
  alone.add({ hogs: { runs: 100, cpuUs: 10e6 }, machine });
  beside.add({ hogs: { runs: 40, cpuUs: 4e6 }, machine: { ...machine, idleUs: 1e6 } });

  expect(shareOfAlone(beside, alone)).toBeCloseTo(0.8, 12);
});

test("without the machine's time there is no share", () => {
  const beside = new LeftOver();

  beside.add({ hogs: { runs: 1, cpuUs: 1 }, machine: null });
  beside.add({ hogs: { runs: 1, cpuUs: 1 }, machine });

  expect(beside.runsPerCoreS).toBeNull();
  expect(shareOfAlone(beside, beside)).toBeNull();
});

test("a miss that touches a stall is told, one that ends before it is not", () => {
  const stalls = [{ fromUs: 100, toUs: 200 }];
  const spans = [
    { fromUs: 0, toUs: 100 },
    { fromUs: 50, toUs: 101 },
    { fromUs: 120, toUs: 130 },
    { fromUs: 200, toUs: 300 },
  ];

  expect(countStalled(spans, stalls)).toBe(2);
});

test("a peer with fewer than a hundred misses judges nothing and asks for more load", () => {
  const totals = (misses: number) => {
    const of = new LiveTotals();
    const driving = { ...NOTHING, outcomes: { "done / ok": 1000 - misses, "late / unstoppable": misses } };
    of.add({ voice: NOTHING, driving, wake: null, hogs: { runs: 1, cpuUs: 0 }, cpuShare: 1, machine: null });
    return of;
  };
  const against = (theirs: number) =>
    missRatioAgainst({
      what: "x",
      ours: totals(4),
      theirs: totals(theirs),
      factor: 0.05,
      note: "",
      leastMisses: 100,
    });

  expect(against(99)).toMatchObject({ verdict: "not-measured", measured: null });
  expect(against(99).note).toContain("raise the load");
  expect(against(100)).toMatchObject({ verdict: "met", measured: 0.04 });
  expect(against(100).note).toContain("Redline 4 of 1000, peer 100 of 1000");
});

test("a counter keeps when a job missed, and counts nothing after its block", () => {
  const counter = new LiveCounter(() => 1000);
  const late = { status: "late", reason: "unstoppable", capturedUs: 10, atUs: 90 } as const;

  counter.count(late);
  counter.isCounting = true;
  counter.count(late);
  counter.count({ status: "done", reason: "ok", capturedUs: 20, atUs: 30 });
  counter.count({ status: "cancelled", reason: "signal", capturedUs: 20, atUs: 30 });
  counter.isCounting = false;
  counter.count(late);

  const record = counter.record({ lost: 0, starved: 0 });
  expect(record.outcomes).toEqual({ "late / unstoppable": 1, "done / ok": 1 });
  expect(record.missed).toEqual([{ fromUs: 10, toUs: 90 }]);
  expect(record.settleUs).toEqual([80, 10]);
});
