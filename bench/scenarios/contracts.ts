// Owns the scenario "are the promises kept over minutes?": both pipelines in real time, against the same two loops on
// tuned onnxruntime-node, with and without a background hog. Control: the peer itself, block by block.

import { DEFAULT_TEACHER, DRIVE_SAMPLE, requireFile, storedModel, VOICE_SAMPLE } from "../harness/assets.js";
import { interleave } from "../harness/interleave.js";
import { type LiveArm, missRatioAgainst, peerArm, redlineArm, runLiveBlock } from "../harness/live-arm.js";
import { LiveTotals } from "../harness/live-totals.js";
import { type Bench, type Scenario, SHARED_OPTIONS } from "../harness/scenario.js";
import { periodOf, soloPipelineMs } from "../harness/solo-pipeline.js";
import { atMost, type Verdict } from "../harness/verdict.js";

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

async function measure(bench: Bench): Promise<Verdict[]> {
  const teacher = requireFile(bench.text("teacher"), "teacher");
  const shared = await sharedRequest(bench);
  const soloMs = await soloPipelineMs({ ...shared, drivingModel: teacher });
  bench.row({ type: "solo", model: teacher, soloMs });
  const periods = bench
    .text("periods")
    .split(",")
    .map((word) => periodOf(word.trim(), { option: "periods", soloMs }));
  const arms = await armsOf(bench, { teacher, periods, shared });
  const blockS = bench.number("block-s");
  await interleave({
    arms,
    rounds: Math.max(1, Math.round((bench.number("minutes") * 60) / blockS)),
    restMs: 500,
    block: async (arm, round) => {
      await runLiveBlock(bench, arm, round);
    },
  });
  for (const { name, totals } of arms) totals.write(bench, name);
  return judge(arms, { soloMs, periods });
}

/** What every block has in common; the voice model as the path the peer needs. */
async function sharedRequest(bench: Bench) {
  return {
    audio: requireFile(bench.text("audio"), "audio"),
    frames: requireFile(bench.text("frames"), "frames"),
    late: bench.text("late") === "keep" ? "keep" : "cancel",
    gate: bench.text("gate") === "on" ? "on" : "off",
    voiceModel: await storedModel("silero-vad"),
    wake: null,
  } as const;
}

async function armsOf(
  bench: Bench,
  given: {
    teacher: string;
    periods: readonly number[];
    shared: Awaited<ReturnType<typeof sharedRequest>>;
  },
): Promise<LiveArm[]> {
  const { teacher, periods } = given;
  const shared = { ...given.shared, seconds: bench.number("block-s"), provider: bench.text("provider") };
  const student = bench.text("student");
  const driving = (drivingModel: string, drivingPeriodMs: number, hogs: 0 | 1) => ({
    ...shared,
    drivingModel,
    drivingPeriodMs,
    hogs: { count: hogs, model: drivingModel },
  });
  return [
    redlineArm("redline student", driving(student, bench.number("student-period-ms"), 0)),
    ...periods.flatMap((drivingPeriodMs) =>
      ([0, 1] as const).flatMap((hogs) => {
        const request = driving(teacher, drivingPeriodMs, hogs);
        const name = { drivingPeriodMs, hasHog: hogs === 1 };
        return [redlineArm(armName("redline", name), request), peerArm(armName("ort-node", name), request)];
      }),
    ),
  ];
}

function armName(
  side: string,
  { drivingPeriodMs, hasHog }: { drivingPeriodMs: number; hasHog: boolean },
): string {
  return `${side} ${drivingPeriodMs} ms${hasHog ? " + hog" : ""}`;
}

function judge(arms: readonly LiveArm[], given: { soloMs: number; periods: readonly number[] }): Verdict[] {
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
        missRatioAgainst({
          what: `${teacher} with a hog: driving miss ratio`,
          ours: at("redline", true),
          theirs: at("ort-node", true),
          factor: 0.1,
          note,
        }),
      ];
    }),
  ];
}
