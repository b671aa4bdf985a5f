// Owns the scenario "may the program's thread stand still?": both pipelines on a hosted runtime, with a program that blocks
// its own thread 200 ms every second. Control: the same with a program that does not, block by block.

import type { HostedRequest, HostedResult } from "../arms/live-hosted.js";
import { DRIVE_SAMPLE, requireFile, VOICE_SAMPLE } from "../harness/assets.js";
import { startArm } from "../harness/child.js";
import { interleave } from "../harness/interleave.js";
import { fisherP, type Share } from "../harness/proportions.js";
import type { Bench, Scenario } from "../harness/scenario.js";
import { atMost, type Verdict } from "../harness/verdict.js";

/** Above it two shares are called different: one wrong alarm in twenty repetitions. */
const CONFIDENCE = 0.95;

export const hosted: Scenario = {
  name: "hosted",
  about: "a hosted runtime beside a program's thread that stands still 200 ms every second",
  options: [
    { name: "minutes", about: "minutes of each arm", full: "10", quick: "0.1" },
    { name: "block-s", about: "seconds of a block", full: "60", quick: "3" },
    { name: "stall-ms", about: "length of a standstill", full: "200", quick: "200" },
    { name: "every-ms", about: "time between two", full: "1000", quick: "1000" },
    { name: "model", about: "the driving model, by name or path", full: "road-seg", quick: "road-seg" },
    { name: "period-ms", about: "its period", full: "50", quick: "50" },
    { name: "audio", about: "a WAV file of speech", full: VOICE_SAMPLE, quick: VOICE_SAMPLE },
    { name: "frames", about: "a folder of images or a clip", full: DRIVE_SAMPLE, quick: DRIVE_SAMPLE },
  ],
  run: measure,
};

interface Arm {
  readonly name: "blocked" | "control";
  readonly stallMs: number;
  readonly results: HostedResult[];
}

async function measure(bench: Bench): Promise<Verdict[]> {
  const stallMs = bench.number("stall-ms");
  const arms: Arm[] = [
    { name: "blocked", stallMs, results: [] },
    { name: "control", stallMs: 0, results: [] },
  ];
  const blockS = bench.number("block-s");
  await interleave({
    arms,
    rounds: Math.max(1, Math.round((bench.number("minutes") * 60) / blockS)),
    restMs: 500,
    block: async (arm, round) => {
      const process = await startArm("arms/live-hosted.js");
      try {
        const request: HostedRequest = {
          seconds: blockS,
          audio: requireFile(bench.text("audio"), "audio"),
          frames: requireFile(bench.text("frames"), "frames"),
          drivingModel: bench.text("model"),
          drivingPeriodMs: bench.number("period-ms"),
          stallMs: arm.stallMs,
          everyMs: bench.number("every-ms"),
        };
        const result = await process.ask<HostedResult>("run", request);
        arm.results.push(result);
        bench.row({ type: "block", arm: arm.name, round, ...result });
      } finally {
        await process.close();
      }
    },
  });
  return (["driving", "voice"] as const).map((pipeline) => judge(pipeline, arms));
}

function judge(pipeline: "driving" | "voice", arms: readonly Arm[]): Verdict {
  const share = (name: Arm["name"]): Share => {
    const counts = arms.find((arm) => arm.name === name)!.results.map((result) => result[pipeline]);
    return {
      hits: counts.reduce((sum, { misses }) => sum + misses, 0),
      n: counts.reduce((sum, { n }) => sum + n, 0),
    };
  };
  const [blocked, control] = [share("blocked"), share("control")];
  const stalls = arms[0]!.results.reduce((sum, result) => sum + result.stalls, 0);
  return atMost({
    what: `${pipeline}: confidence that the miss ratios of blocked and control differ`,
    bar: `<= ${CONFIDENCE}: not distinguishable (Fisher's exact test)`,
    measured: blocked.n === 0 || control.n === 0 ? null : 1 - fisherP(blocked, control),
    limit: CONFIDENCE,
    unit: "share",
    note: `${blocked.hits} of ${blocked.n} missed with ${stalls} standstills, ${control.hits} of ${control.n} without`,
  });
}
