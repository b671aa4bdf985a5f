// Owns the proof that `redline bench` measures a real model in fresh processes, checks its answers, and compares two results.

import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { ResultRow, TrialRow } from "../../bench/index.js";
import { ensureBuilt, redline } from "./built-cli.js";

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "redline-bench-"));
  await ensureBuilt();
}, 120_000);

afterAll(() => rm(folder, { recursive: true, force: true }));

test("a model is measured after the null provider, its answers are right, and the results compare with themselves", async () => {
  const file = join(folder, "results.ndjson");
  const asked = ["--model", "road-seg@int8-320", "--period-ms", "40", "--seconds", "0.8", "--trials", "1"];
  const page = join(folder, "report.html");

  const { status, lines, summary } = await redline([
    "bench",
    ...asked,
    "--json",
    "--results",
    file,
    "--report",
    page,
  ]);
  const same = await redline(["bench", "compare", file, file, "--json"]);

  expect(status).toBe(0);
  expect(lines[0]).toMatchObject({ type: "run", schema: 1 });
  const trials = lines.filter((line) => line.type === "trial") as unknown as TrialRow[];
  expect(trials[0]?.subject).toBe("null provider");
  const own = trials.find(({ subject }) => subject === "redline");
  expect(own).toMatchObject({ answers: { against: "golden", wrong: 0, firstWrong: null } });
  expect(own?.plan).toMatchObject({ variant: "int8-320", device: "cpu" });
  expect(own?.cpuUsPerJob).toBeGreaterThan(0);
  expect(own?.peakRssBytes).toBeGreaterThan(1e7);
  const result = lines.find((line) => line.type === "result" && line.subject === "redline");
  expect((result as unknown as ResultRow).latencyUs.n).toBe(20);
  // Twenty queries are never enough for one in a thousand.
  expect(summary).toMatchObject({ type: "summary", areAllValid: false, isInterrupted: false });
  expect(JSON.stringify(summary.verdicts)).toContain("more queries in time are needed");
  expect((await readFile(file, "utf8")).trim().split("\n")).toHaveLength(lines.length - 1);
  expect(await readFile(page, "utf8")).toContain("road-seg@int8-320: constant-stream, one query every 40 ms");
  expect(same.status).toBe(0);
  expect(same.summary).toMatchObject({ worse: 0, better: 0 });
});

test("a result that got worse ends with status 1 and names the figure", async () => {
  const before = join(folder, "results.ndjson");
  const after = join(folder, "after.ndjson");
  const slower = (text: string): string => {
    const row = JSON.parse(text) as TrialRow;
    const { p50 } = row.latencyUs ?? {};
    return JSON.stringify(p50 == null ? row : { ...row, latencyUs: { ...row.latencyUs, p50: p50 * 1.15 } });
  };
  const lines = (await readFile(before, "utf8")).trim().split("\n");
  await writeFile(after, `${lines.map(slower).join("\n")}\n`);

  const { status, summary, lines: told } = await redline(["bench", "compare", before, after, "--json"]);

  expect(status).toBe(1);
  expect(summary).toMatchObject({ error: "BENCH_REGRESSED" });
  expect(
    told.filter(({ verdict }) => verdict === "worse").every(({ figure }) => figure === "latency p50"),
  ).toBe(true);
});

test("a model that does not exist is told before anything is measured, and a file that is no result by its line", async () => {
  const unknown = await redline(["bench", "--model", "nosuch", "--json"]);
  const file = join(folder, "broken.ndjson");
  await writeFile(file, '{"type":"trial"}\n');

  const broken = await redline(["bench", "compare", file, file, "--json"]);

  expect([unknown.status, unknown.summary.error]).toEqual([66, "MODEL_UNKNOWN"]);
  expect([broken.status, broken.summary.error]).toEqual([65, "SOURCE_FORMAT"]);
});
