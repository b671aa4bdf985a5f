// Owns the scenario "what does one voice frame cost at its real pace?": latency and processor time per frame.
// Controls: a process with the same timer and no model, and the probabilities, which must agree over all arms.

import type { SileroArm, SileroSetup } from "../arms/silero.js";
import { requireFile, storedModel, VOICE_SAMPLE } from "../harness/assets.js";
import { type ArmProcess, startArm } from "../harness/child.js";
import { interleave } from "../harness/interleave.js";
import type { BlockResult, FrameBlock } from "../harness/paced-frames.js";
import { quantilesOf } from "../harness/quantiles.js";
import { type Bench, type Scenario, SHARED_OPTIONS } from "../harness/scenario.js";
import { atMost, atMostTimes, reported, type Verdict } from "../harness/verdict.js";

const ARMS = ["redline voice", "redline lane", "ort-node tuned", "ort-node default", "timer alone"] as const;
const PERIOD_MS = 32;
/** Frames run at first as quickly as they go, so that every arm is measured with compiled code: about a second. */
const WARM_UP_FRAMES = 1000;
const WARM_UP_PERIOD_MS = 1;
/** Runs of the same graph by the same library on the same frames differ by less; a different model by far more. */
const AGREEMENT = 1e-4;

export const sileroPaced: Scenario = {
  name: "silero-paced",
  about: "Silero frames on speech, gate off, one every 32 ms",
  options: [
    { name: "audio", about: "a WAV file of speech", full: VOICE_SAMPLE, quick: VOICE_SAMPLE },
    { name: "rounds", about: "blocks of each arm", full: "12", quick: "2" },
    { name: "frames", about: "frames in a block", full: "150", quick: "40" },
    SHARED_OPTIONS.provider,
  ],
  run: measure,
};

/** Everything measured of one arm. */
interface ArmRecord {
  readonly heardUs: number[];
  readonly settleUs: number[];
  readonly cpuUsPerFrame: number[];
  readonly probabilities: number[];
}

async function measure(bench: Bench): Promise<Verdict[]> {
  const audio = requireFile(bench.text("audio"), "audio");
  const modelPath = await storedModel("silero-vad");
  const provider = bench.text("provider") as SileroSetup["provider"];
  const processes = new Map<SileroArm, ArmProcess>();
  const records = new Map<SileroArm, ArmRecord>();
  const count = bench.number("frames");
  try {
    for (const arm of ARMS) {
      const process = await startArm("arms/silero.js");
      processes.set(arm, process);
      await process.ask("setUp", { arm, audio, modelPath, provider } satisfies SileroSetup);
      const warmUp: FrameBlock = { first: 0, count: WARM_UP_FRAMES, periodMs: WARM_UP_PERIOD_MS };
      await process.ask("run", warmUp);
      records.set(arm, { heardUs: [], settleUs: [], cpuUsPerFrame: [], probabilities: [] });
    }
    await interleave({
      arms: ARMS,
      rounds: bench.number("rounds"),
      block: async (arm, round) => {
        const first = WARM_UP_FRAMES + round * count;
        const block = await processes
          .get(arm)!
          .ask<BlockResult>("run", { first, count, periodMs: PERIOD_MS });
        const record = records.get(arm)!;
        record.heardUs.push(...block.heardUs);
        record.settleUs.push(...block.settleUs);
        record.probabilities.push(...block.probabilities);
        record.cpuUsPerFrame.push(block.cpuUs / count);
        bench.row({
          type: "block",
          arm,
          round,
          cpuUsPerFrame: block.cpuUs / count,
          heardUs: quantilesOf(block.heardUs),
        });
      },
    });
  } finally {
    await Promise.all([...processes.values()].map((process) => process.close()));
  }
  return judge(bench, records);
}

function judge(bench: Bench, records: ReadonlyMap<SileroArm, ArmRecord>): Verdict[] {
  for (const [arm, record] of records) {
    bench.samples({ arm, metric: "frame to result", unit: "us", quantiles: quantilesOf(record.heardUs) });
    if (record.settleUs.length > 0) {
      bench.samples({ arm, metric: "native settle", unit: "us", quantiles: quantilesOf(record.settleUs) });
    }
    bench.samples({ arm, metric: "CPU per frame", unit: "us", quantiles: quantilesOf(record.cpuUsPerFrame) });
  }
  const p50 = (arm: SileroArm): number | null => quantilesOf(records.get(arm)?.heardUs ?? []).p50;
  const cpu = (arm: SileroArm): number | null => quantilesOf(records.get(arm)?.cpuUsPerFrame ?? []).mean;
  const latency = {
    ours: p50("redline voice"),
    theirs: p50("ort-node tuned"),
    factor: 1,
    of: "onnxruntime-node tuned",
  };
  const cost = (arm: SileroArm): Verdict =>
    atMostTimes({
      what: `${arm}: process CPU per frame`,
      ours: cpu(arm),
      theirs: cpu("ort-node default"),
      factor: 0.05,
      of: "onnxruntime-node with default options",
      note: `the timer alone costs ${Math.round(cpu("timer alone") ?? 0)} us a frame, onnxruntime-node tuned ${Math.round(cpu("ort-node tuned") ?? 0)} us`,
    });
  const tuned = records.get("ort-node tuned")?.probabilities ?? [];
  const apart = (arm: SileroArm): number =>
    Math.max(
      ...(records.get(arm)?.probabilities ?? []).map((value, index) => Math.abs(value - (tuned[index] ?? 2))),
    );
  const settled = quantilesOf(records.get("redline lane")?.settleUs ?? []).p50;
  const peerP50 = p50("ort-node tuned");
  const lanes = p50("redline lane");
  return [
    atMostTimes({ what: "redline, as the voice pipeline runs it: frame to result, p50", ...latency }),
    reported({
      what: "redline through a lane: frame to result, p50, as a share of onnxruntime-node tuned's",
      measured: lanes === null || peerP50 === null ? null : lanes / peerP50,
      unit: "x",
    }),
    reported({
      what: "redline through a lane: frame to native settle, p50, as a share of onnxruntime-node tuned's frame to result",
      measured: settled === null || peerP50 === null ? null : settled / peerP50,
      unit: "x",
    }),
    cost("redline voice"),
    cost("redline lane"),
    atMost({
      what: "largest difference of a probability between the arms",
      bar: "<= 1e-4",
      measured: Math.max(apart("redline lane"), apart("redline voice"), apart("ort-node default")),
      limit: AGREEMENT,
      unit: "",
    }),
    reported({
      what: "frames at a probability above 0.5",
      measured: tuned.filter((value) => value > 0.5).length / Math.max(1, tuned.length),
      unit: "share",
      note: "shows that the frames hold speech",
    }),
  ];
}
