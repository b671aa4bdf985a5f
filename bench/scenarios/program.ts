// Owns the scenario "what does always-on listening cost as programs of fused ops?": voice frames back to back and at their real
// pace, and hops of a wake word.
// Controls: the same frames on ONNX Runtime in the same host, and the probabilities, which must agree.

import type { SileroArm, SileroSetup } from "../arms/silero.js";
import { requireFile, storedModel, VOICE_SAMPLE } from "../harness/assets.js";
import { type ArmProcess, startArm } from "../harness/child.js";
import { interleave } from "../harness/interleave.js";
import type { BlockResult, FrameBlock } from "../harness/paced-frames.js";
import { quantilesOf } from "../harness/quantiles.js";
import type { Bench, Scenario } from "../harness/scenario.js";
import { atMost, atMostTimes, type Verdict } from "../harness/verdict.js";
import { measureWake } from "./wake-chain.js";

const PROGRAM = "program";
const ORT = "session of ONNX Runtime";
const ARMS: readonly SileroArm[] = [PROGRAM, ORT, "timer alone"];
const PERIOD_MS = 32;
const WARM_UP: FrameBlock = { first: 0, count: 1000, periodMs: 1 };
/** What a program may differ by: PROGRAM_TOLERANCE of runtime/vetting/program-first.ts. */
const AGREEMENT = 1e-4;

export const programFrames: Scenario = {
  name: "program",
  about: "Silero frames and openWakeWord hops as programs of fused ops beside ONNX Runtime",
  options: [
    { name: "audio", about: "a WAV file of speech", full: VOICE_SAMPLE, quick: VOICE_SAMPLE },
    { name: "rounds", about: "blocks of each arm", full: "12", quick: "2" },
    { name: "frames", about: "paced frames in a block", full: "150", quick: "30" },
    { name: "tight", about: "frames back to back in a block", full: "2000", quick: "200" },
    { name: "hops", about: "hops of the wake word in a block", full: "100", quick: "10" },
  ],
  run: measure,
};

interface ArmRecord {
  readonly tightUs: number[];
  readonly heardUs: number[];
  readonly cpuUsPerFrame: number[];
  readonly probabilities: number[];
}

async function measure(bench: Bench): Promise<Verdict[]> {
  const audio = requireFile(bench.text("audio"), "audio");
  const modelPath = await storedModel("silero-vad");
  const processes = new Map<SileroArm, ArmProcess>();
  const records = new Map<SileroArm, ArmRecord>();
  const [count, tight] = [bench.number("frames"), bench.number("tight")];
  try {
    for (const arm of ARMS) {
      const process = await startArm("arms/silero.js");
      processes.set(arm, process);
      await process.ask("setUp", { arm, audio, modelPath, provider: "ort" } satisfies SileroSetup);
      await process.ask("run", WARM_UP);
      records.set(arm, { tightUs: [], heardUs: [], cpuUsPerFrame: [], probabilities: [] });
    }
    await interleave({
      arms: ARMS,
      rounds: bench.number("rounds"),
      block: async (arm, round) => {
        const process = processes.get(arm)!;
        const record = records.get(arm)!;
        const first = WARM_UP.count + round * count;
        if (arm !== "timer alone")
          record.tightUs.push(...(await process.ask<number[]>("tight", { first, count: tight })));
        const block = await process.ask<BlockResult>("run", { first, count, periodMs: PERIOD_MS });
        record.heardUs.push(...block.heardUs);
        record.probabilities.push(...block.probabilities);
        record.cpuUsPerFrame.push(block.cpuUs / count);
        bench.row({ type: "block", arm, round, cpuUsPerFrame: block.cpuUs / count });
      },
    });
  } finally {
    await Promise.all([...processes.values()].map((process) => process.close()));
  }
  const wake = await measureWake(bench, {
    audio,
    hops: bench.number("hops"),
    rounds: bench.number("rounds"),
  });
  return [...judge(bench, records), ...wake];
}

function judge(bench: Bench, records: ReadonlyMap<SileroArm, ArmRecord>): Verdict[] {
  for (const [arm, { tightUs, heardUs, cpuUsPerFrame }] of records) {
    if (tightUs.length > 0)
      bench.samples({ arm, metric: "back to back", unit: "us", quantiles: quantilesOf(tightUs) });
    bench.samples({ arm, metric: "frame to result", unit: "us", quantiles: quantilesOf(heardUs) });
    bench.samples({ arm, metric: "CPU per frame", unit: "us", quantiles: quantilesOf(cpuUsPerFrame) });
  }
  const of = (arm: SileroArm): ArmRecord => records.get(arm)!;
  const p50 = (arm: SileroArm): number | null => quantilesOf(of(arm).tightUs).p50;
  const cpu = (arm: SileroArm): number | null => quantilesOf(of(arm).cpuUsPerFrame).p50;
  const timer = Math.round(cpu("timer alone") ?? 0);
  const theirs = of(ORT).probabilities;
  const apart = of(PROGRAM).probabilities.map((value, index) => Math.abs(value - (theirs[index] ?? 2)));
  return [
    atMostTimes({
      what: "a frame as a program, back to back, p50",
      ours: p50(PROGRAM),
      theirs: p50(ORT),
      factor: 0.5,
      of: "our own session of ONNX Runtime",
    }),
    atMostTimes({
      what: "a frame as a program at its pace, process CPU, p50 of blocks",
      ours: cpu(PROGRAM),
      theirs: cpu(ORT),
      factor: 0.7,
      of: "our own session of ONNX Runtime",
      note: `the timer alone costs ${timer} us a frame`,
    }),
    atMost({
      what: "largest difference of a probability",
      bar: "<= 1e-4",
      measured: Math.max(...apart),
      limit: AGREEMENT,
      unit: "",
    }),
  ];
}
