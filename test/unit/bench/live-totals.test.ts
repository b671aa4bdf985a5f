// Owns the proof that the miss ratio counts what was late, what was cut and what never became a job.

import { expect, test } from "vitest";
import { LiveTotals, PipelineTotals } from "../../../bench/harness/live-totals.js";

const record = (outcomes: Record<string, number>, lost = 0) => ({
  outcomes,
  lost,
  starved: 0,
  settleUs: [1000],
  heardUs: [1100],
  missed: [],
});

test("a lost frame is a miss like a late one", () => {
  const totals = new PipelineTotals();

  totals.add(record({ "done / ok": 95, "late / unstoppable": 1, "cancelled / deadline": 1 }, 3));

  expect(totals).toMatchObject({ n: 100, misses: 5, missRatio: 0.05 });
});

test("blocks add up", () => {
  const totals = new LiveTotals();
  const block = {
    voice: record({ "done / ok": 10 }),
    driving: record({ "done / ok": 4 }, 1),
    wake: record({ "done / ok": 5, "dropped / stale": 1 }),
    hogs: { runs: 2, cpuUs: 10 },
    cpuShare: 0.5,
    machine: null,
  };

  totals.add(block);
  totals.add(block);

  expect(totals.voice).toMatchObject({ n: 20, misses: 0, missRatio: 0 });
  expect(totals.driving).toMatchObject({ n: 10, misses: 2, missRatio: 0.2 });
  expect(totals.wake).toMatchObject({ n: 12, misses: 2 });
  expect(totals.hogRuns).toBe(4);
});

test("an arm without a job has no miss ratio", () => {
  expect(new PipelineTotals().missRatio).toBeNull();
});
