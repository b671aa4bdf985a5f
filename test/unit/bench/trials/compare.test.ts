// Owns the proof that a comparison tells changes that were made from scatter, and refuses what has nothing in common.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { compareResults } from "../../../../bench/trials/compare.js";
import { appendResults, readResults } from "../../../../bench/trials/result-file.js";
import type { TrialRow } from "../../../../bench/trials/result-rows.js";
import { seededRng } from "../../../../runtime/core/rng.js";

const quantiles = (us: number) => ({
  n: 1000,
  p50: us,
  p90: us,
  p99: us * 2,
  p999: us * 3,
  max: us * 4,
  mean: us,
});

interface Made {
  readonly seed: number;
  /** Relative scatter from trial to trial. */
  readonly scatter?: number;
  readonly latency?: number;
  readonly energy?: number;
  readonly trials?: number;
  readonly run?: string;
}

/** Trials of a machine whose figures scatter by a normal share. */
function trials({
  seed,
  scatter = 0.03,
  latency = 1,
  energy = 1,
  trials: count = 5,
  run = "r",
}: Made): TrialRow[] {
  const rng = seededRng(seed);
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - rng.next())) * Math.cos(2 * Math.PI * rng.next());
  return Array.from({ length: count }, (_, trial): TrialRow => {
    const noisy = (value: number): number => value * (1 + scatter * normal());
    const us = noisy(1000 * latency);
    return {
      type: "trial",
      run,
      load: { scenario: "constant-stream", periodUs: 50_000 },
      model: "road-seg",
      subject: "redline",
      trial,
      attempt: 0,
      seconds: 10,
      latencyUs: quantiles(us),
      heardUs: quantiles(us + 50),
      arrivalErrorUs: quantiles(60),
      bareTimerUs: quantiles(55),
      perSecond: 20,
      misses: 0,
      outcomes: { "done / ok": 1000 },
      cpuUsPerJob: noisy(900),
      energyMjPerJob: noisy(12 * energy),
      energySource: "estimated",
      energyFrom: "model",
      peakRssBytes: 1e8,
      answers: { against: "golden", wrong: 0, firstWrong: null },
      warmUp: { runs: 48, ms: 400, isStable: true },
      foreign: { share: 0.01, stolenShare: 0, isDisturbed: false },
      celsius: { start: null, end: null },
      plan: { runtime: "redline (ort)", version: "0.1.0", variant: "int8-320", device: "cpu", threads: 1 },
      placement: { all: "cpu" },
      timeline: [],
    };
  });
}

const worse = (a: TrialRow[], b: TrialRow[]): string[] =>
  compareResults(a, b)
    .moved.filter(({ verdict }) => verdict === "worse")
    .map(({ figure }) => figure);

test("a pair without a change is not flagged in 20 of 20 repeats, on a quiet machine and on a noisy one", () => {
  for (const scatter of [0.03, 0.15])
    for (let repeat = 0; repeat < 20; repeat++) {
      const { moved } = compareResults(
        trials({ seed: repeat, scatter }),
        trials({ seed: 1000 + repeat, scatter }),
      );
      expect(
        moved.filter(({ verdict }) => verdict !== "same"),
        `repeat ${repeat} at ${scatter}`,
      ).toEqual([]);
    }
});

test("15 % in latency and 20 % in energy are flagged in 20 of 20 repeats, and nothing else is", () => {
  for (let repeat = 0; repeat < 20; repeat++) {
    const before = trials({ seed: repeat, scatter: 0.01 });
    const slower = trials({ seed: 500 + repeat, scatter: 0.01, latency: 1.15 });
    const hungrier = trials({ seed: 900 + repeat, scatter: 0.01, energy: 1.2 });

    expect(worse(before, slower), `repeat ${repeat}`).toEqual(["latency p50", "latency p99", "heard p50"]);
    expect(worse(before, hungrier), `repeat ${repeat}`).toEqual(["energy a query"]);
    expect(compareResults(slower, before).better).toBe(3);
  }
});

test("a change within the trials' own scatter is not told from chance", () => {
  const at = (figures: readonly number[]) =>
    trials({ seed: 1, trials: figures.length }).map((row, index) => ({
      ...row,
      latencyUs: quantiles(figures[index]!),
    }));

  const [p50] = compareResults(at([800, 1000, 1200]), at([1000, 1200, 1400])).moved;

  // t(99.9 %, 4) = 8.61 standard errors of 200 sqrt(2/3) = 163.3.
  expect(p50).toMatchObject({ figure: "latency p50", change: 0.2, verdict: "same" });
  expect(p50?.threshold).toBeCloseTo((8.6103 * 163.299) / 1000, 3);
});

test("a change below a tenth is not told, however certain it is", () => {
  const still = trials({ seed: 8, scatter: 0 });

  expect(worse(still, trials({ seed: 8, scatter: 0, latency: 1.09 }))).toEqual([]);
  expect(worse(still, trials({ seed: 8, scatter: 0, latency: 1.12 }))).toContain("latency p50");
});

test("new misses are flagged, one in a thousand is not", () => {
  const with100 = (misses: number) => trials({ seed: 3, scatter: 0 }).map((row) => ({ ...row, misses }));

  expect(worse(with100(0), with100(1))).toEqual([]);
  expect(worse(with100(0), with100(5))).toEqual(["share missed"]);
});

test("energy from another kind of meter is not compared", () => {
  const measured = trials({ seed: 4, energy: 3 }).map((row) => ({
    ...row,
    energySource: "measured" as const,
  }));

  expect(compareResults(trials({ seed: 4 }), measured).moved.map(({ figure }) => figure)).not.toContain(
    "energy a query",
  );
});

test("the last run of a file counts, and of a disturbed trial its quieter attempt", () => {
  const old = trials({ seed: 5, latency: 9, run: "old" });
  const loud = trials({ seed: 5, latency: 5 }).map((row) => ({
    ...row,
    foreign: { share: 0.4, stolenShare: 0, isDisturbed: true },
  }));
  const quiet = trials({ seed: 5 }).map((row) => ({ ...row, attempt: 1 }));

  expect(worse(quiet, [...old, ...loud, ...quiet])).toEqual([]);
  expect(worse(quiet, [...old, ...quiet, ...loud])).toEqual([]);
  expect(worse(quiet, old)).toContain("latency p50");
});

test("rows of one file only are named, and files without a row in common are refused", () => {
  const peer = trials({ seed: 6 }).map((row) => ({ ...row, subject: "onnxruntime-node" as const }));
  const own = trials({ seed: 6 });

  expect(compareResults([...own, ...peer], own).onlyInA).toEqual([
    "constant-stream every 50 ms road-seg on onnxruntime-node",
  ]);
  expect(() => compareResults(own, peer)).toThrow(expect.objectContaining({ code: "BENCH_INCOMPARABLE" }));
});

test("a file reads back what was appended, a cut last line is let go, and any other damage is named by line", async () => {
  const folder = await mkdtemp(join(tmpdir(), "redline-results-"));
  const file = join(folder, "deep", "results.ndjson");
  const rows = trials({ seed: 7 });
  const append = appendResults(file);
  for (const row of rows) append(row);
  const text = rows.map((row) => JSON.stringify(row)).join("\n");

  expect(await readResults(file)).toEqual(rows);
  await writeFile(file, text.slice(0, -10));
  expect(await readResults(file)).toEqual(rows.slice(0, -1));
  await writeFile(file, `${text}\n`.replace('"trial":2', '"trial":-2'));
  await expect(readResults(file)).rejects.toMatchObject({
    code: "SOURCE_FORMAT",
    what: expect.stringContaining("line 3"),
  });
  await writeFile(file, "\n");
  await expect(readResults(file)).rejects.toMatchObject({ code: "SOURCE_EMPTY" });
  await expect(readResults(join(folder, "none"))).rejects.toMatchObject({ code: "SOURCE_MISSING" });
  expect(() => appendResults(folder)).toThrow(expect.objectContaining({ code: "OUTPUT_WRITE_FAILED" }));
  await rm(folder, { recursive: true });
});
