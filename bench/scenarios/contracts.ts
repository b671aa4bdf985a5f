// Owns the scenario "are the promises kept over minutes?": both pipelines in real time, against the same two loops on
// tuned onnxruntime-node, with and without a background hog. Control: the peer itself, block by block.

import { DEFAULT_TEACHER, DRIVE_SAMPLE, requireFile, storedModel, VOICE_SAMPLE } from "../harness/assets.js";
import { startArm } from "../harness/child.js";
import { interleave } from "../harness/interleave.js";
import type { LiveRequest, LiveResult } from "../harness/live-block.js";
import { LiveTotals } from "../harness/live-totals.js";
import { quantilesOf } from "../harness/quantiles.js";
import { type Bench, type Scenario, SHARED_OPTIONS } from "../harness/scenario.js";
import { atMost, atMostTimes, type Verdict } from "../harness/verdict.js";

/** The period of which an unhurried frame takes the same share as 37 ms of 50 ms, the load of the reference figures. */
const AUTO_FACTOR = 1.35;

/** Long enough for 40 frames at the unhurried period. */
const SOLO_SECONDS = 20;

export const contracts: Scenario = {
  name: "contracts",
  about: "both pipelines in real time, minutes long, beside the same loops on onnxruntime-node",
  options: [
    { name: "minutes", about: "minutes of each arm", full: "10", quick: "0.1" },
    { name: "block-s", about: "seconds of a block", full: "60", quick: "6" },
    {
      name: "periods",
      about:
        "the teacher's periods: milliseconds, or auto for 1.35 x an unhurried frame, separated by commas",
      full: "auto,50",
      quick: "auto",
    },
    { name: "student", about: "the driving student, by name or path", full: "road-seg", quick: "road-seg" },
    { name: "student-period-ms", about: "the student's period", full: "50", quick: "50" },
    { name: "teacher", about: "path of the driving teacher", full: DEFAULT_TEACHER, quick: DEFAULT_TEACHER },
    { name: "audio", about: "a WAV file of speech", full: VOICE_SAMPLE, quick: VOICE_SAMPLE },
    { name: "frames", about: "a folder of images or a clip", full: DRIVE_SAMPLE, quick: DRIVE_SAMPLE },
    { name: "late", about: "Redline's late policy: cancel or keep", full: "cancel", quick: "cancel" },
    { name: "gate", about: "the energy gate of both voice loops: on or off", full: "off", quick: "off" },
    SHARED_OPTIONS.provider,
  ],
  run: measure,
};

/** One arm: a side, a model, a period, with or without hog. */
interface Arm {
  readonly name: string;
  readonly module: "arms/live-redline.js" | "peers/live-ort.js";
  readonly request: LiveRequest & { readonly provider: string };
  readonly totals: LiveTotals;
}

async function measure(bench: Bench): Promise<Verdict[]> {
  const teacher = requireFile(bench.text("teacher"), "teacher");
  const shared = await sharedRequest(bench);
  const soloMs = await soloPipelineMs({ ...shared, drivingModel: teacher });
  bench.row({ type: "solo", model: teacher, soloMs });
  const periods = bench
    .text("periods")
    .split(",")
    .map((word) => periodOf(word.trim(), soloMs));
  const arms = await armsOf(bench, { teacher, periods, shared });
  const blockS = bench.number("block-s");
  await interleave({
    arms,
    rounds: Math.max(1, Math.round((bench.number("minutes") * 60) / blockS)),
    restMs: 500,
    block: async (arm, round) => {
      const process = await startArm(arm.module);
      try {
        const result = await process.ask<LiveResult>("run", arm.request);
        arm.totals.add(result);
        bench.row({ type: "block", arm: arm.name, round, ...LiveTotals.brief(result) });
      } finally {
        await process.close();
      }
    },
  });
  for (const { name, totals } of arms) totals.write(bench, name);
  return judge(arms, { soloMs, periods });
}

/** The p50 from capture to result of the peer's loops without a hog, at a period that leaves them all the time they want. */
async function soloPipelineMs(
  request: Omit<LiveRequest, "drivingPeriodMs" | "hasHog" | "seconds">,
): Promise<number> {
  const process = await startArm("peers/live-ort.js");
  try {
    const unhurried = { ...request, drivingPeriodMs: 500, hasHog: false, seconds: SOLO_SECONDS };
    const { driving } = await process.ask<LiveResult>("run", unhurried);
    return (quantilesOf(driving.heardUs).p50 ?? Number.NaN) / 1000;
  } finally {
    await process.close();
  }
}

function periodOf(word: string, soloMs: number): number {
  const periodMs = word === "auto" ? Math.round(soloMs * AUTO_FACTOR) : Number(word);
  if (!(periodMs > 0)) throw new Error(`--periods takes milliseconds or auto, not ${word}`);
  return periodMs;
}

/** What every block has in common; the voice model as the path the peer needs. */
async function sharedRequest(bench: Bench) {
  return {
    audio: requireFile(bench.text("audio"), "audio"),
    frames: requireFile(bench.text("frames"), "frames"),
    late: bench.text("late") === "keep" ? "keep" : "cancel",
    gate: bench.text("gate") === "on" ? "on" : "off",
    voiceModel: await storedModel("silero-vad"),
  } as const;
}

async function armsOf(
  bench: Bench,
  given: {
    teacher: string;
    periods: readonly number[];
    shared: Awaited<ReturnType<typeof sharedRequest>>;
  },
): Promise<Arm[]> {
  const { teacher, periods } = given;
  const shared = { ...given.shared, seconds: bench.number("block-s"), provider: bench.text("provider") };
  const redline = (
    name: string,
    driving: { drivingModel: string; drivingPeriodMs: number; hasHog: boolean },
  ): Arm => ({
    name,
    module: "arms/live-redline.js",
    request: { ...shared, voiceModel: "silero-vad", ...driving },
    totals: new LiveTotals(),
  });
  const peer = (name: string, period: { drivingPeriodMs: number; hasHog: boolean }): Arm => ({
    name,
    module: "peers/live-ort.js",
    request: { ...shared, drivingModel: teacher, ...period },
    totals: new LiveTotals(),
  });
  const student = { drivingModel: bench.text("student"), drivingPeriodMs: bench.number("student-period-ms") };
  return [
    redline("redline student", { ...student, hasHog: false }),
    ...periods.flatMap((drivingPeriodMs) =>
      [false, true].flatMap((hasHog) => [
        redline(armName("redline", { drivingPeriodMs, hasHog }), {
          drivingModel: teacher,
          drivingPeriodMs,
          hasHog,
        }),
        peer(armName("ort-node", { drivingPeriodMs, hasHog }), { drivingPeriodMs, hasHog }),
      ]),
    ),
  ];
}

function armName(
  side: string,
  { drivingPeriodMs, hasHog }: { drivingPeriodMs: number; hasHog: boolean },
): string {
  return `${side} ${drivingPeriodMs} ms${hasHog ? " + hog" : ""}`;
}

function judge(arms: readonly Arm[], given: { soloMs: number; periods: readonly number[] }): Verdict[] {
  const of = (name: string): LiveTotals => arms.find((arm) => arm.name === name)?.totals ?? new LiveTotals();
  const kept = (what: string, measured: number | null): Verdict =>
    atMost({ what, bar: "<= 0.1 % late or lost", measured, limit: 0.001, unit: "share" });
  const student = of("redline student");
  return [
    kept("student: driving late or lost", student.driving.missRatio),
    kept("student: voice late or lost", student.voice.missRatio),
    ...given.periods.flatMap((drivingPeriodMs) => {
      const at = (side: string, hasHog: boolean) => of(armName(side, { drivingPeriodMs, hasHog }));
      const note = `an unhurried frame takes the peer ${given.soloMs.toFixed(0)} ms, ${((100 * given.soloMs) / drivingPeriodMs).toFixed(0)} % of the period of ${drivingPeriodMs} ms${given.soloMs > drivingPeriodMs ? ": no runtime can keep it here" : ""}`;
      const teacher = `teacher at ${drivingPeriodMs} ms`;
      return [
        kept(`${teacher}: voice late or lost`, at("redline", false).voice.missRatio),
        atMost({
          what: `${teacher}: driving miss ratio`,
          bar: "<= the peer's",
          measured: at("redline", false).driving.missRatio,
          limit: at("ort-node", false).driving.missRatio,
          unit: "share",
          note,
        }),
        atMost({
          what: `${teacher}: p99.9 from capture to result known in JavaScript`,
          bar: "<= the peer's",
          measured: at("redline", false).driving.heardUs.p999,
          limit: at("ort-node", false).driving.heardUs.p999,
          unit: "us",
          note: `every settled job counts, a cancelled one with the time it was given up; ${note}`,
        }),
        againstHog(teacher, { ours: at("redline", true), theirs: at("ort-node", true), note }),
      ];
    }),
  ];
}

function againstHog(
  teacher: string,
  { ours, theirs, note }: { ours: LiveTotals; theirs: LiveTotals; note: string },
): Verdict {
  const ratio = ours.driving.missRatio;
  const peers = theirs.driving.missRatio;
  const counts = `Redline ${ours.driving.misses} of ${ours.driving.n}, peer ${theirs.driving.misses} of ${theirs.driving.n}; hog runs ${ours.hogRuns} and ${theirs.hogRuns}`;
  const what = `${teacher} with a hog: driving miss ratio`;
  // A ratio over a peer that missed nothing says nothing; then only nothing missed is as good.
  if (peers === 0) {
    return atMost({
      what,
      bar: "<= 0.1x the peer's",
      measured: ratio,
      limit: 0,
      unit: "share",
      note: `${counts}; ${note}`,
    });
  }
  return atMostTimes({
    what,
    ours: ratio,
    theirs: peers,
    factor: 0.1,
    of: "the peer's",
    note: `${counts}; ${note}`,
  });
}
