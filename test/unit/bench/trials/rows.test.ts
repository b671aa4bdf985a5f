// Owns the proof that rows say what their trials held, pass the published schema, and hide no disturbance.

import { expect, test } from "vitest";
import { foreignLoad } from "../../../../bench/trials/foreign-load.js";
import { resultRowSchema, resultsJsonSchema } from "../../../../bench/trials/result-rows.js";
import { foreignOf, quantileInterval, resultRow, trialRow } from "../../../../bench/trials/rows-of.js";
import type { TrialRecord } from "../../../../bench/trials/trial.js";

const LOAD = { scenario: "constant-stream", periodUs: 1000 } as const;
const OF = { run: "2026-01-01T00:00:00.000Z", load: LOAD, model: "m", subject: "redline" } as const;

function record(latencyUs: readonly number[], over: Partial<TrialRecord> = {}): TrialRecord {
  return {
    plan: { runtime: "redline (ort)", version: "1", variant: "v", device: "cpu", threads: 1 },
    answers: "golden",
    warmUp: { runs: 48, ms: 10, isStable: true },
    load: {
      startUs: 5,
      elapsedUs: latencyUs.length * 1000,
      dueUs: latencyUs.map((_, index) => index * 1000),
      latencyUs,
      heardUs: latencyUs.map((us) => us + 50),
      arrivalErrorUs: latencyUs.map(() => 60),
      missed: latencyUs.map((us) => (us > 1000 ? 1 : 0)),
      outcomes: { "done / ok": latencyUs.length },
      wrong: 1,
      firstWrong: "x",
      toldCpuUs: -1,
    },
    cpuUs: 100 * latencyUs.length,
    machine: { busyUs: 100 * latencyUs.length, idleUs: 1e6, stolenUs: 0 },
    energy: { packageMj: 50, coveredUs: 500_000, source: "estimated", from: "model" },
    peakRssBytes: 1000,
    celsius: { start: 40, end: 41 },
    bareTimerUs: [55],
    ...over,
  };
}

const kept = (one: TrialRecord) => ({ record: one, foreign: foreignOf(one) });

test("a result pools the samples of its trials and judges their misses together", () => {
  const fast = Array<number>(5000).fill(100);
  const slow = [...Array<number>(1699).fill(300), 2000];

  const row = resultRow(OF, [kept(record(fast)), kept(record(slow))]);

  expect(row).toMatchObject({ trials: 2, misses: 1, wrongAnswers: 2, cpuUsPerJob: 100, peakRssBytes: 1000 });
  expect(row.latencyUs).toMatchObject({ n: 6700, p50: 100, p90: 300, max: 2000 });
  expect(row.validity).toMatchObject({ queries: 6700, misses: 1, queriesNeeded: 6636, isValid: true });
  expect(row.words).toContain("valid for p99.9 at 99 % confidence");
  // 100 mJ in a covered second is 100 mW: 6.7 s of it over 6700 queries.
  expect(row).toMatchObject({ energyMjPerJob: 0.1, energySource: "estimated" });
  expect(row.histogram.reduce((sum, { n }) => sum + n, 0)).toBe(6700);
  expect(resultRowSchema.parse(row)).toEqual(row);
});

test("one miss more makes it not valid, and the words say how many queries are missing", () => {
  const row = resultRow(OF, [kept(record([...Array<number>(6698).fill(100), 2000, 2000]))]);

  expect(row.validity?.isValid).toBe(false);
  expect(row.words).toContain(`${row.validity?.cleanQueriesNeeded} more queries in time are needed`);
});

test("a single stream claims a latency that is not its best guess, or none when it is too short", () => {
  const of = { ...OF, load: { scenario: "single-stream" } } as const;
  const rising = Array.from({ length: 1000 }, (_, index) => index + 1);

  const claimed = resultRow(of, [kept(record(rising))]);
  const short = resultRow(of, [kept(record(rising.slice(0, 60)))]);

  expect(claimed.claimedLatencyUs).toBeGreaterThan(900);
  expect(claimed.validity?.isValid).toBe(true);
  expect(short.claimedLatencyUs).toBeNull();
  expect(short.words).toBe("too short to claim a latency: 4 more queries are needed");
});

test("an energy that one trial does not know is not known", () => {
  const unknown = record([1], { energy: { packageMj: null, coveredUs: 0, source: "unknown", from: "" } });

  const row = resultRow(OF, [kept(record([1])), kept(unknown)]);

  expect(row).toMatchObject({ energyMjPerJob: null, energySource: "unknown" });
});

test("a trial's row has a timeline of every query and passes the schema", () => {
  const one = record([...Array<number>(3000).fill(100), ...Array<number>(500).fill(1500)]);

  const row = trialRow(OF, { ...kept(one), trial: 2, attempt: 1 });

  expect(row.timeline.map(({ atS, n, misses }) => [atS, n, misses])).toEqual([
    [0, 1000, 0],
    [1, 1000, 0],
    [2, 1000, 0],
    [3, 500, 500],
  ]);
  expect(resultRowSchema.parse(row)).toEqual(row);
});

test("what others used is what the machine did less what the trial did, and beyond a twentieth it disturbs", () => {
  const machine = { busyUs: 60, idleUs: 40, stolenUs: 0 };

  expect(foreignLoad(machine, 56)).toEqual({ share: 0.04, stolenShare: 0, isDisturbed: false });
  expect(foreignLoad(machine, 54)).toMatchObject({ share: 0.06, isDisturbed: true });
  expect(foreignLoad({ ...machine, stolenUs: 2 }, 60)).toMatchObject({ isDisturbed: true });
  expect(foreignLoad(null, 1)).toEqual({ share: null, stolenShare: null, isDisturbed: false });
});

test("the interval of a quantile is one of ranks, and holds the true one in 95 of 100 repetitions", () => {
  const rising = Float64Array.from({ length: 1000 }, (_, index) => index + 1);

  // n q = 500, half = 1.96 sqrt(250) = 30.99: ranks 469 and 531.
  expect(quantileInterval(rising, 0.5)).toEqual([469, 531]);
  expect(quantileInterval(rising.subarray(0, 50), 0.99)).toBeNull();
});

test("the published schema is the one rows are checked with (vitest -u writes it)", async () => {
  const text = `${JSON.stringify(resultsJsonSchema(), null, 2)}\n`;

  await expect(text).toMatchFileSnapshot("../../../../bench/results.schema.json");
});
