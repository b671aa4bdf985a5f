// Owns the scenario "does the event loop stay free while a long model loads and runs?".
// Control: the same timer in a process that does nothing for as long.

import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { LoadAndRun, LoopBlock } from "../arms/event-loop.js";
import { requireFile } from "../harness/assets.js";
import { startArm } from "../harness/child.js";
import { interleave } from "../harness/interleave.js";
import { quantilesOf } from "../harness/quantiles.js";
import { type Bench, type Scenario, SHARED_OPTIONS } from "../harness/scenario.js";
import { writeSlowModel } from "../harness/slow-model.js";
import { atMost, atMostTimes, type Verdict } from "../harness/verdict.js";

const ARMS = ["idle", "redline", "onnxruntime-node"] as const;
type Arm = (typeof ARMS)[number];

const MADE = "made";

export const eventLoop: Scenario = {
  name: "event-loop",
  about: "gaps of the event loop while a long model loads and runs",
  options: [
    {
      name: "model",
      about: "path of a long-running model; `made` is a chain of matrix products sized to --run-ms",
      full: MADE,
      quick: MADE,
    },
    { name: "run-ms", about: "what a run of the made model takes the peer", full: "400", quick: "100" },
    { name: "rounds", about: "blocks of each arm", full: "20", quick: "2" },
    { name: "runs", about: "runs after each load", full: "3", quick: "1" },
    {
      name: "peer",
      about: "onnxruntime-node's options: default or tuned (one thread)",
      full: "default",
      quick: "default",
    },
    SHARED_OPTIONS.provider,
  ],
  run: measure,
};

async function measure(bench: Bench): Promise<Verdict[]> {
  const folder = mkdtempSync(join(tmpdir(), "redline-bench-"));
  try {
    const tuning = bench.text("peer") === "tuned" ? "tuned" : "default";
    const model = await modelOf(bench, { folder, tuning });
    const provider = bench.text("provider") as LoadAndRun["provider"];
    return await measureOn(bench, { model, runs: bench.number("runs"), provider, tuning });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function modelOf(
  bench: Bench,
  given: { readonly folder: string; readonly tuning: LoadAndRun["tuning"] },
): Promise<string> {
  if (bench.text("model") !== MADE) return requireFile(bench.text("model"), "model");
  const { path, nodes } = await writeSlowModel({ ...given, runMs: bench.number("run-ms") });
  bench.row({ type: "model", nodes, bytes: statSync(path).size });
  return path;
}

async function measureOn(bench: Bench, request: LoadAndRun): Promise<Verdict[]> {
  const processes = Object.fromEntries(
    await Promise.all(ARMS.map(async (arm) => [arm, await startArm("arms/event-loop.js")] as const)),
  );
  const gaps: Record<Arm, number[]> = { idle: [], redline: [], "onnxruntime-node": [] };
  const largest: Record<Arm, number[]> = { idle: [], redline: [], "onnxruntime-node": [] };
  let lastMs = 1000;
  const run = async (arm: Arm): Promise<LoopBlock> => {
    const startMs = performance.now();
    const block = await processes[arm]!.ask<LoopBlock>(arm, arm === "idle" ? { ms: lastMs } : request);
    if (arm === "redline") lastMs = performance.now() - startMs;
    return block;
  };
  try {
    // One block of each arm unmeasured: code is compiled and the library loaded.
    for (const arm of ["redline", "idle", "onnxruntime-node"] as const) await run(arm);
    await interleave({
      arms: ARMS,
      rounds: bench.number("rounds"),
      block: async (arm) => {
        const { gapsMs, loadMs, runMs } = await run(arm);
        gaps[arm].push(...gapsMs);
        largest[arm].push(Math.max(...gapsMs));
        bench.row({ type: "block", arm, loadMs, runMs, largestGapMs: Math.max(...gapsMs) });
      },
    });
  } finally {
    await Promise.all(Object.values(processes).map((process) => process.close()));
  }
  return judge(bench, { gaps, largest });
}

function judge(
  bench: Bench,
  { gaps, largest }: { gaps: Record<Arm, number[]>; largest: Record<Arm, number[]> },
): Verdict[] {
  const all = Object.fromEntries(ARMS.map((arm) => [arm, quantilesOf(gaps[arm])]));
  for (const arm of ARMS) {
    bench.samples({ arm, metric: "gap", unit: "ms", quantiles: all[arm]! });
    bench.samples({
      arm,
      metric: "largest gap of a block",
      unit: "ms",
      quantiles: quantilesOf(largest[arm]),
    });
  }
  const idleMs = all.idle?.p99 ?? null;
  return [
    atMostTimes({
      what: "largest gap of the event loop",
      ours: all.redline?.max ?? null,
      theirs: all["onnxruntime-node"]?.max ?? null,
      factor: 0.05,
      of: `onnxruntime-node's (${bench.text("peer")} options)`,
      note: `the idle control's largest gap was ${(all.idle?.max ?? Number.NaN).toFixed(1)} ms`,
    }),
    atMost({
      what: "p99 gap of the event loop",
      bar: "<= the idle control's + 2 ms",
      measured: all.redline?.p99 ?? null,
      limit: idleMs === null ? null : idleMs + 2,
      unit: "ms",
    }),
  ];
}
