// Owns the scenario "what does a voice frame cost as a program in WebAssembly?": in Node and in Chromium, beside onnxruntime-web.
// Control: the probabilities, which must agree. One thread each; blocks follow each other.

import { readFile } from "node:fs/promises";
import type { SileroWebSetup } from "../arms/silero-web.js";
import { requireFile, speechSamples, storedModel, VOICE_SAMPLE } from "../harness/assets.js";
import { findChromium, openBenchPage } from "../harness/bench-page.js";
import { type ArmProcess, startArm } from "../harness/child.js";
import { interleave } from "../harness/interleave.js";
import { quantilesOf } from "../harness/quantiles.js";
import type { Bench, Scenario } from "../harness/scenario.js";
import { atMost, atMostTimes, reported, type Verdict } from "../harness/verdict.js";
import { WEB_ARMS, type WebArm, type WebBlock } from "../harness/web-silero.js";

const [PROGRAM, ORT] = WEB_ARMS as [WebArm, WebArm];
const WARM_UP_FRAMES = 500;
/** What a program may differ by: PROGRAM_TOLERANCE of runtime/vetting/program-first.ts. */
const AGREEMENT = 1e-4;
const BARS = { Node: 0.25, Chromium: 0.3 } as const;
type Place = keyof typeof BARS;

export const programWeb: Scenario = {
  name: "program-web",
  about: "Silero frames as a program in WebAssembly beside onnxruntime-web, in Node and in Chromium",
  options: [
    { name: "audio", about: "a WAV file of speech", full: VOICE_SAMPLE, quick: VOICE_SAMPLE },
    { name: "rounds", about: "blocks of each arm", full: "20", quick: "2" },
    { name: "frames", about: "frames back to back in a block", full: "500", quick: "60" },
  ],
  run: measure,
};

/** Runs a block of one arm. */
type RunBlock = (arm: WebArm, block: { readonly first: number; readonly count: number }) => Promise<WebBlock>;

async function measure(bench: Bench): Promise<Verdict[]> {
  const audio = requireFile(bench.text("audio"), "audio");
  const modelPath = await storedModel("silero-vad");
  return [...(await inNode(bench, { audio, modelPath })), ...(await inChromium(bench, { audio, modelPath }))];
}

async function inNode(bench: Bench, setup: Omit<SileroWebSetup, "arm">): Promise<Verdict[]> {
  const processes = new Map<WebArm, ArmProcess>();
  try {
    for (const arm of WEB_ARMS) {
      const process = await startArm("arms/silero-web.js");
      processes.set(arm, process);
      await process.ask("setUp", { ...setup, arm } satisfies SileroWebSetup);
    }
    return await compare(bench, "Node", (arm, block) => processes.get(arm)!.ask<WebBlock>("run", block));
  } finally {
    await Promise.all([...processes.values()].map((process) => process.close()));
  }
}

async function inChromium(bench: Bench, given: Omit<SileroWebSetup, "arm">): Promise<Verdict[]> {
  const chromium = findChromium();
  if (chromium === undefined)
    return [
      reported({
        what: "a frame as a program in Chromium",
        measured: null,
        unit: "x",
        note: "no Chromium: apt-get install chromium, or REDLINE_CHROMIUM=PATH",
      }),
    ];
  const samples = await speechSamples(given.audio);
  const page = await openBenchPage({
    chromium,
    files: {
      "/silero.onnx": await readFile(given.modelPath),
      "/samples.f32": new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength),
    },
  });
  try {
    return await compare(bench, "Chromium", (arm, block) => page.run<WebBlock>({ arm, ...block }));
  } finally {
    await page.close();
  }
}

async function compare(bench: Bench, place: Place, run: RunBlock): Promise<Verdict[]> {
  const count = bench.number("frames");
  const frameUs = new Map<WebArm, number[]>(WEB_ARMS.map((arm) => [arm, []]));
  const meanUs = new Map<WebArm, number[]>(WEB_ARMS.map((arm) => [arm, []]));
  const probabilities = new Map<WebArm, number[]>(WEB_ARMS.map((arm) => [arm, []]));
  for (const arm of WEB_ARMS) await run(arm, { first: 0, count: WARM_UP_FRAMES });
  await interleave({
    arms: WEB_ARMS,
    rounds: bench.number("rounds"),
    block: async (arm, round) => {
      const block = await run(arm, { first: WARM_UP_FRAMES + round * count, count });
      frameUs.get(arm)!.push(...block.us);
      meanUs.get(arm)!.push(block.wholeUs / count);
      probabilities.get(arm)!.push(...block.probabilities);
      bench.row({ type: "block", place, arm, round, frameUs: block.wholeUs / count });
    },
  });
  for (const arm of WEB_ARMS) {
    const name = `${arm}, ${place}`;
    bench.samples({
      arm: name,
      metric: "back to back",
      unit: "us",
      quantiles: quantilesOf(frameUs.get(arm)!),
    });
    bench.samples({
      arm: name,
      metric: "mean of a block",
      unit: "us",
      quantiles: quantilesOf(meanUs.get(arm)!),
    });
  }
  // A browser's clock is coarse beside a frame: blocks are compared, not frames.
  const p50 = (arm: WebArm): number | null => quantilesOf(meanUs.get(arm)!).p50;
  const theirs = probabilities.get(ORT)!;
  const apart = probabilities.get(PROGRAM)!.map((value, index) => Math.abs(value - (theirs[index] ?? 2)));
  return [
    atMostTimes({
      what: `a frame as a program in ${place}, back to back, p50 of blocks`,
      ours: p50(PROGRAM),
      theirs: p50(ORT),
      factor: BARS[place],
      of: "onnxruntime-web, wasm, one thread",
    }),
    atMost({
      what: `largest difference of a probability in ${place}`,
      bar: "<= 1e-4",
      measured: Math.max(...apart),
      limit: AGREEMENT,
      unit: "",
    }),
  ];
}
