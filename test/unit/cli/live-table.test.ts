// Owns the proof that the live table and the verdicts say what was measured.

import { expect, test } from "vitest";
import { redraw, tableLines, verdictText } from "../../../runtime/cli/live-table.js";
import type { ContractRecord } from "../../../runtime/contract-record.js";
import { planRung } from "../../../runtime/core/rung.js";
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
    background: [recordOf({ session: "hog" })],
    machine: { platform: "p", cpu: "c", cores: 2, node: "20", provider: "ort", processCpuShare: 0.3 },
    seconds: 20.04,
    kept: true,
  };

  const lines = tableLines(report);

  expect(lines).toHaveLength(5);
  expect(lines[1]).toMatch(/^voice \(silero-vad@fp32\) .* 14\.00 ms {2}21\.50 ms {2}31\.00 ms {2}24\.1 %$/);
  expect(lines[4]).toBe("20.0 s, provider ort, whole process 30.0 % of a core");
  expect(new Set(lines.slice(0, 4).map((line) => line.length)).size).toBe(1);
});

test("a redraw goes back over exactly the lines drawn before", () => {
  expect(redraw(["a", "b"], { drawn: 0 })).toBe("a\nb");
  expect(redraw(["a", "b"], { drawn: 2 })).toBe("\u001b[2A\r\u001b[Ja\nb");
});
