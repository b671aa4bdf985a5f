// Owns the proof that the live table and the verdicts say what was measured.

import { expect, test } from "vitest";
import {
  powerLines,
  powerVerdict,
  redraw,
  tableLines,
  verdictText,
} from "../../../runtime/cli/live-table.js";
import type { ContractRecord } from "../../../runtime/contract-record.js";
import { planRung } from "../../../runtime/core/rung.js";
import type { PowerRecord } from "../../../runtime/live-power.js";
import type { LiveRunReport } from "../../../runtime/live-run.js";

const NONE = { done: 0, late: 0, rejected: 0, dropped: 0, cancelled: 0, failed: 0 };

function recordOf(fields: Partial<ContractRecord>): ContractRecord {
  return {
    session: "driving",
    model: "road-seg",
    variant: "int8-320",
    device: "cpu",
    rung: planRung({ variant: "int8-320", device: "cpu" }),
    threads: 1,
    periodMs: 50,
    deadlineMs: 50,
    criticality: "critical",
    n: 400,
    outcomes: { ...NONE, done: 400 },
    latencyUs: { p50: 14_000, p90: 15_000, p99: 21_500, p999: 30_000, max: 31_000 },
    cpuUsPerJob: 12_000,
    misses: 0,
    kept: true,
    skipped: 0,
    refused: 0,
    starved: 0,
    cpuShare: 0.241,
    tolerate: { misses: 1, outOf: 1000 },
    ...fields,
  };
}

test("a kept contract is said to be kept, with the tolerance it was judged by", () => {
  expect(verdictText(recordOf({}))).toBe("driving: kept. 0 of 400 missed, 1 in 1000 allowed");
});

test("a contract under which nothing was due is not praised", () => {
  expect(verdictText(recordOf({ n: 0, outcomes: NONE }))).toBe("driving: nothing to judge. No job was due.");
});

test("a broken contract names every cause", () => {
  const outcomes = { ...NONE, done: 390, late: 2, dropped: 8 };

  const text = verdictText(recordOf({ kept: false, misses: 10, outcomes, skipped: 5, refused: 1 }));

  expect(text).toBe(
    "driving: NOT KEPT. 10 of 400 missed, 1 in 1000 allowed (2 late, 8 dropped, of them never run: 5 overwritten, 1 refused)",
  );
});

test("the table has a row per session and times in milliseconds", () => {
  const report: LiveRunReport = {
    promises: [],
    contracts: [recordOf({ session: "voice", model: "silero-vad", variant: "fp32" }), recordOf({})],
    background: [
      recordOf({ session: "hog", rung: { ...planRung({ variant: "int8-320", device: "cpu" }), index: 2 } }),
    ],
    machine: { platform: "p", cpu: "c", cores: 2, node: "20", provider: "ort", processCpuShare: 0.3 },
    seconds: 20.04,
    kept: true,
  };

  const lines = tableLines(report);

  expect(lines).toHaveLength(5);
  expect(lines[0]).toMatch(/^contract +rung +period/);
  expect(lines[3]).toMatch(/^hog \(road-seg@int8-320\) +2 +50 ms/);
  expect(lines[1]).toMatch(/^voice \(silero-vad@fp32\) .* 14\.00 ms {2}21\.50 ms {2}31\.00 ms {2}24\.1 %$/);
  expect(lines[4]).toBe("20.0 s, provider ort, whole process 30.0 % of a core");
  expect(new Set(lines.slice(0, 4).map((line) => line.length)).size).toBe(1);
});

const POWER: PowerRecord = {
  phase: "holding",
  freeWatts: 12,
  budgetWatts: 8.4,
  watts: 8.13,
  source: "estimated",
  band: "green",
  windowSeconds: 1,
  settledSeconds: 1.4,
  settled: { windows: 150, over: 0, highestWatts: 8.31 },
  moves: [
    {
      atSeconds: 5.2,
      session: "hog",
      detail: "rung 0 (as planned) to 1 (rate 0.5): power, 2.10 W over 8.40 W",
    },
    {
      atSeconds: 6.2,
      session: "hog",
      detail: "rung 1 (rate 0.5) to 2 (rate 0.25): power, 0.40 W over 8.40 W",
    },
  ],
};

test("the power says what it is an estimate of, and each session's last move why", () => {
  expect(powerLines(POWER)).toEqual([
    "power 8.13 W (estimated), budget 8.40 W, without a budget 12.00 W",
    "hog, 6.2 s: rung 1 (rate 0.5) to 2 (rate 0.25): power, 0.40 W over 8.40 W",
  ]);
  expect(
    powerLines({ ...POWER, phase: "measuring", freeWatts: "unknown", budgetWatts: null, moves: [] }),
  ).toEqual(["power 8.13 W (estimated), no budget yet: the load is measured first"]);
  expect(powerLines({ ...POWER, watts: "unknown", source: "unknown", band: "red", moves: [] })[0]).toBe(
    "power unknown (unknown, red), budget 8.40 W, without a budget 12.00 W",
  );
});

test("a budget is kept when no settled window was above it", () => {
  expect(powerVerdict(POWER)).toBe(
    "power: kept. 0 of 150 windows of 1 s above 8.40 W, the highest 8.31 W, settled after 1.4 s (estimated)",
  );
  expect(powerVerdict({ ...POWER, settled: { windows: 9, over: 2, highestWatts: 9 } })).toMatch(
    /^power: NOT KEPT\. 2 of 9/,
  );
  expect(powerVerdict({ ...POWER, settled: { windows: 0, over: 0, highestWatts: 0 } })).toMatch(
    /^power: nothing to judge/,
  );
});

test("a redraw goes back over exactly the lines drawn before", () => {
  expect(redraw(["a", "b"], { drawn: 0 })).toBe("a\nb");
  expect(redraw(["a", "b"], { drawn: 2 })).toBe("\u001b[2A\r\u001b[Ja\nb");
});
