// Owns the part of the scenario "program" that hears a wake word: processor time of a hop of 80 ms through three models, back to
// back on one thread. Controls: the same pieces on ONNX Runtime in the same host and on onnxruntime-node, whose scores must agree.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { WakeArm, WakeBlock, WakeSetup } from "../arms/wake.js";
import { speechSamples } from "../harness/assets.js";
import { type ArmProcess, startArm } from "../harness/child.js";
import { interleave } from "../harness/interleave.js";
import { quantilesOf } from "../harness/quantiles.js";
import type { Bench } from "../harness/scenario.js";
import { atMost, atMostTimes, reported, type Verdict } from "../harness/verdict.js";
import { findWakeFiles } from "../harness/wake-files.js";
import { writeWakeManifests } from "../harness/wake-golden.js";

const PROGRAMS = "wake programs";
const ORT = "wake sessions of ONNX Runtime";
const PEER = "wake on onnxruntime-node";
const ARMS: readonly WakeArm[] = [PROGRAMS, ORT, PEER];
/** All windows hold sound after 26 pieces. */
const WARM_UP = 50;
const AGREEMENT = 1e-4;

interface ArmRecord {
  readonly cpuUs: number[];
  readonly scores: number[];
}

/** Hears `hops` pieces in each of `rounds` blocks of each arm. */
export async function measureWake(
  bench: Bench,
  given: { readonly audio: string; readonly hops: number; readonly rounds: number },
): Promise<Verdict[]> {
  const { audio, hops, rounds } = given;
  const folder = mkdtempSync(join(tmpdir(), "redline-wake-"));
  const processes = new Map<WakeArm, ArmProcess>();
  const records = new Map<WakeArm, ArmRecord>(ARMS.map((arm) => [arm, { cpuUs: [], scores: [] }]));
  try {
    const files = await findWakeFiles({ folder, say: bench.say });
    if (files.from === "stand-in") bench.say(`  wake word: stand-ins, for ${files.why}`);
    const manifests = await writeWakeManifests({ files, folder, samples: await speechSamples(audio) });
    for (const arm of ARMS) {
      const process = await startArm("arms/wake.js");
      processes.set(arm, process);
      await process.ask("setUp", { arm, audio, files, manifests } satisfies WakeSetup);
      await process.ask("run", { first: 0, count: WARM_UP });
    }
    await interleave({
      arms: ARMS,
      rounds,
      block: async (arm, round) => {
        const first = WARM_UP + round * hops;
        const block = await processes.get(arm)!.ask<WakeBlock>("run", { first, count: hops });
        records.get(arm)!.cpuUs.push(block.cpuUsPerPiece);
        records.get(arm)!.scores.push(...block.scores);
        bench.row({ type: "block", arm, round, cpuUsPerHop: block.cpuUsPerPiece, models: files.from });
      },
    });
    return judge(bench, { records, models: files.from });
  } finally {
    await Promise.all([...processes.values()].map((process) => process.close()));
    rmSync(folder, { recursive: true, force: true });
  }
}

function judge(
  bench: Bench,
  { records, models }: { records: ReadonlyMap<WakeArm, ArmRecord>; models: string },
): Verdict[] {
  for (const [arm, { cpuUs }] of records)
    bench.samples({ arm, metric: "CPU per hop", unit: "us", quantiles: quantilesOf(cpuUs) });
  const cpu = (arm: WakeArm): number | null => quantilesOf(records.get(arm)!.cpuUs).p50;
  const theirs = records.get(ORT)!.scores;
  // A score is at most 1; what a stand-in answers is not.
  const apart = records
    .get(PROGRAMS)!
    .scores.map((score, index) => Math.abs(score - theirs[index]!) / Math.max(1, Math.abs(theirs[index]!)));
  const ratio = (arm: WakeArm): number | null =>
    cpu(PROGRAMS) === null || cpu(arm) === null ? null : cpu(PROGRAMS)! / cpu(arm)!;
  return [
    atMostTimes({
      what: "a wake word's hop of 80 ms as programs, process CPU, p50 of blocks",
      ours: cpu(PROGRAMS),
      theirs: cpu(ORT),
      factor: 0.6,
      of: "our own sessions of ONNX Runtime",
      note: `models: ${models}`,
    }),
    reported({
      what: "the same beside onnxruntime-node",
      measured: ratio(PEER),
      unit: "x",
    }),
    atMost({
      what: "largest difference of a wake word's score",
      bar: "<= 1e-4",
      measured: Math.max(...apart),
      limit: AGREEMENT,
      unit: "",
    }),
  ];
}
