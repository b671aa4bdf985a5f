// Owns the scenario "what does it cost to be there?": the always-on set in silence, energy gate before the voice model.
// Control: a process with the same source at the same pace that does nothing with it.

import type { IdleRequest, IdleResult } from "../arms/idle.js";
import { startArm } from "../harness/child.js";
import { interleave } from "../harness/interleave.js";
import { quantilesOf } from "../harness/quantiles.js";
import { type Bench, type Scenario, SHARED_OPTIONS } from "../harness/scenario.js";
import { atMost, reported, type Verdict } from "../harness/verdict.js";

const ARMS = ["always-on", "timer alone"] as const;

export const idle: Scenario = {
  name: "idle",
  about: "the always-on set, energy gate and voice model, in silence: share of a core",
  options: [
    { name: "rounds", about: "blocks of each arm, each in a process of its own", full: "5", quick: "1" },
    { name: "block-s", about: "seconds of a block", full: "60", quick: "3" },
    SHARED_OPTIONS.provider,
  ],
  run: measure,
};

async function measure(bench: Bench): Promise<Verdict[]> {
  const shares = { "always-on": [] as number[], "timer alone": [] as number[] };
  const counts = { frames: 0, gatedFrames: 0 };
  await interleave({
    arms: ARMS,
    rounds: bench.number("rounds"),
    block: async (arm, round) => {
      const process = await startArm("arms/idle.js");
      try {
        const provider = bench.text("provider") as IdleRequest["provider"];
        const request: IdleRequest = { arm, seconds: bench.number("block-s"), provider };
        const result = await process.ask<IdleResult>("run", request);
        bench.row({ type: "block", arm, round, ...result });
        shares[arm].push(result.cpuShare);
        if (arm !== "always-on") return;
        counts.frames += result.frames;
        counts.gatedFrames += result.gatedFrames;
      } finally {
        await process.close();
      }
    },
  });
  for (const arm of ARMS)
    bench.samples({ arm, metric: "share of a core", unit: "share", quantiles: quantilesOf(shares[arm]) });
  const timer = quantilesOf(shares["timer alone"]).mean;
  return [
    atMost({
      what: "always-on set in silence: processor time of the whole process",
      bar: "<= 1 % of a core",
      measured: quantilesOf(shares["always-on"]).mean,
      limit: 0.01,
      unit: "share",
      note: `the timer alone costs ${((timer ?? 0) * 100).toFixed(2)} %; the gate kept ${counts.gatedFrames} of ${counts.frames} frames from the model`,
    }),
    reported({ what: "the same source and timer without gate and model", measured: timer, unit: "share" }),
  ];
}
