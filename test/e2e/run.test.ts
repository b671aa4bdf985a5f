// Owns the proof that `redline run` runs both pipelines in real time, counts everything and gives its verdicts.
// Whether a contract is kept depends on the machine: the verdict must follow from the counts, whatever they are.

import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { ensureBuilt, REPO_ROOT, redline } from "./built-cli.js";

interface Contract {
  readonly session: string;
  readonly n: number;
  readonly outcomes: Readonly<Record<string, number>>;
  readonly latencyUs: Readonly<Record<string, number>>;
  readonly misses: number;
  readonly kept: boolean;
}

const STATUSES = ["done", "late", "rejected", "dropped", "cancelled", "failed"];

beforeAll(ensureBuilt, 120_000);

test("three seconds of the main job give a record per contract whose counts add up", async () => {
  const { status, lines, summary } = await redline(["run", "--seconds", "3", "--json"]);

  const contracts = summary.contracts as Contract[];
  expect(contracts.map(({ session }) => session)).toEqual(["voice", "driving"]);
  for (const contract of contracts) {
    const { n, outcomes, latencyUs, misses, kept } = contract;
    const fields = ["model", "variant", "device", "periodMs", "deadlineMs", "criticality", "cpuUsPerJob"];
    for (const field of fields) expect(contract).toHaveProperty(field);
    expect(Object.keys(outcomes)).toEqual(STATUSES);
    expect(Object.keys(latencyUs)).toEqual(["p50", "p90", "p99", "p999", "max"]);
    expect(Object.values(outcomes).reduce((sum, count) => sum + count, 0)).toBe(n);
    expect(kept).toBe(misses * 1000 <= n);
    expect(latencyUs.p50).toBeLessThanOrEqual(latencyUs.max ?? 0);
  }
  expect(contracts[0]).toMatchObject({ periodMs: 32, deadlineMs: 32, criticality: "interactive" });
  expect(contracts[1]).toMatchObject({ periodMs: 50, deadlineMs: 50, criticality: "critical" });
  // 3 s at 20 Hz, the first frame at once, the last on either side of the end. A busy machine may decode fewer in time.
  expect(contracts[1]?.n).toBeGreaterThan(5);
  expect(contracts[1]?.n).toBeLessThanOrEqual(62);
  expect(summary.machine).toMatchObject({ node: process.versions.node });
  expect(lines.filter(({ type }) => type === "progress").length).toBeGreaterThanOrEqual(1);
  expect(lines.filter(({ type }) => type === "verdict").map(({ session }) => session)).toEqual([
    "voice",
    "driving",
  ]);
  expect(status).toBe(contracts.every(({ kept }) => kept) ? 0 : 1);
});

test("a deadline no machine can meet is broken, in words and in the exit status", async () => {
  const { status, out, err } = await redline(["run", "--seconds", "2", "--deadline-ms", "0.1"]);

  expect(out).toMatch(/^driving: NOT KEPT\. \d+ of \d+ missed, 1 in 1000 allowed \(.+\)$/m);
  expect(err).toContain("[CONTRACT_BROKEN]");
  expect(status).toBe(1);
});

test("the background hog is reported beside the contracts and has no verdict", async () => {
  const { lines, summary } = await redline(["run", "--seconds", "2", "--load", "hog", "--json"]);

  const [hog] = summary.background as Contract[];
  expect(hog).toMatchObject({ session: "hog", criticality: "background" });
  expect(hog?.outcomes.done).toBeGreaterThan(5);
  expect(lines.filter(({ type }) => type === "verdict").map(({ session }) => session)).not.toContain("hog");
});

test("a budget is made of what the load drew, held, and judged by its own windows", async () => {
  const { lines, summary } = await redline([
    "run",
    "--seconds",
    "9",
    "--load",
    "hog",
    "--power",
    "70%",
    "--json",
  ]);

  const phases = lines
    .filter(({ type }) => type === "progress")
    .map(({ power }) => (power as { phase: string }).phase);
  expect(phases[0]).toBe("measuring");
  expect(phases.at(-1)).toBe("holding");
  const power = summary.power as {
    freeWatts: number;
    budgetWatts: number;
    source: string;
    settled: { windows: number };
  };
  expect(power.source).toMatch(/measured|estimated/);
  expect(power.budgetWatts).toBeLessThanOrEqual(0.7 * power.freeWatts + 1e-9);
  expect(power.settled.windows).toBeGreaterThan(0);
  expect(lines.find(({ type }) => type === "power-verdict")).toMatchObject({ freeWatts: power.freeWatts });
});

test("a budget that is none is refused with what is accepted", async () => {
  const { status, err } = await redline(["run", "--power", "lots"]);

  expect(err).toContain("6W, or as 70%");
  expect(status).toBe(64);
});

test("an interrupt ends the run early and the summary is still the last line", async () => {
  const started = Date.now();
  let isInterrupted = false;

  const { status, summary } = await redline(["run", "--seconds", "60", "--json"], {
    onOutput: (out, child) => {
      if (isInterrupted || !out.includes('"type":"progress"')) return;
      isInterrupted = true;
      child.kill("SIGINT");
    },
  });

  expect(summary).toMatchObject({ type: "summary", interrupted: true });
  expect((summary.contracts as Contract[])[1]?.n).toBeGreaterThan(0);
  expect(status).toBe(130);
  expect(Date.now() - started).toBeLessThan(30_000);
});

test("without the addon the main job still runs, and says by which provider", async () => {
  const { summary } = await redline(["run", "--seconds", "2", "--deadline-ms", "2000", "--json"], {
    env: { REDLINE_NO_ADDON: "1" },
  });

  expect(summary.machine).toMatchObject({ provider: "ort-node" });
  const [voice, driving] = summary.contracts as Contract[];
  expect(voice?.n).toBeGreaterThan(10);
  expect(driving?.outcomes.done).toBeGreaterThan(3);
});

test("a reader that goes away ends the command without a word", async () => {
  const main = join(REPO_ROOT, "dist/runtime/cli/main.js");
  const voice = join(REPO_ROOT, "models/samples/voice.wav");

  const piped = spawnSync(
    "sh",
    ["-c", '"$0" "$1" voice "$2" --json | head -n 1', process.execPath, main, voice],
    {
      encoding: "utf8",
      timeout: 30_000,
    },
  );

  expect(piped.stdout).toMatch(/^\{"type":"speech-start","startMs":\d+\}\n$/);
  expect(piped.stderr).not.toContain("EPIPE");
});
