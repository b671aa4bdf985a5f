// Owns the scenario "do contracts hold with everything at once?": voice, wake word, driving and two background hogs on one
// machine for minutes; and the same load on tuned onnxruntime-node, block by block, with the heavier driving model.
// Controls: the hogs alone, a watch for stalls of the machine itself, and the peer with its hogs at both niceness levels.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DEFAULT_TEACHER, DRIVE_SAMPLE, requireFile, storedModel, VOICE_SAMPLE } from "../harness/assets.js";
import { startArm } from "../harness/child.js";
import { judgeValidity, validityWords } from "../harness/early-stopping.js";
import { interleave } from "../harness/interleave.js";
import { LeftOver, shareOfAlone } from "../harness/left-over.js";
import { type LiveArm, missRatioAgainst, peerArm, redlineArm, runLiveBlock } from "../harness/live-arm.js";
import type { HogsAlone, HogsAloneResult, LiveResult, TimeSpan } from "../harness/live-block.js";
import { type Bench, type Scenario, SHARED_OPTIONS } from "../harness/scenario.js";
import { periodOf, soloPipelineMs } from "../harness/solo-pipeline.js";
import { countStalled, StallWatch } from "../harness/stalls.js";
import { atMost, reported, type Verdict } from "../harness/verdict.js";
import { findWakeFiles } from "../harness/wake-files.js";

/** A ratio over fewer misses of a peer says nothing: the load is raised by a hog instead, so often at most. */
const LEAST_MISSES = 100;
const MOST_RAISES = 2;
const HOGS_SHARE = 0.85;

export const mixed: Scenario = {
  name: "mixed",
  about: "voice, wake word, driving and background hogs at once, and the same load on onnxruntime-node",
  options: [
    { name: "minutes", about: "minutes of the load with the driving student", full: "30", quick: "0.1" },
    { name: "block-s", about: "seconds of a block", full: "60", quick: "6" },
    { name: "alone-s", about: "seconds of a block of hogs alone", full: "10", quick: "3" },
    {
      name: "peer-minutes",
      about: "minutes of each arm with the teacher; 0 leaves the peers out",
      full: "5",
      quick: "0.1",
    },
    { name: "student", about: "the driving student, by name or path", full: "road-seg", quick: "road-seg" },
    { name: "student-period-ms", about: "the student's period", full: "50", quick: "50" },
    {
      name: "teacher",
      about: "path of the teacher: hogs, and driving beside peers",
      full: DEFAULT_TEACHER,
      quick: DEFAULT_TEACHER,
    },
    {
      name: "teacher-period-ms",
      about: "the teacher's period: milliseconds, or auto for 1.35 x an unhurried frame",
      full: "auto",
      quick: "100",
    },
    { name: "hogs", about: "background sessions of the teacher", full: "2", quick: "2" },
    { name: "audio", about: "a WAV file of speech", full: VOICE_SAMPLE, quick: VOICE_SAMPLE },
    { name: "frames", about: "a folder of images or a clip", full: DRIVE_SAMPLE, quick: DRIVE_SAMPLE },
    SHARED_OPTIONS.provider,
  ],
  run: measure,
};

type Shared = Awaited<ReturnType<typeof sharedRequest>>;

async function measure(bench: Bench): Promise<Verdict[]> {
  const folder = mkdtempSync(join(tmpdir(), "redline-bench-"));
  const watch = await StallWatch.start();
  try {
    const shared = await sharedRequest(bench, folder);
    const { from, why } = shared.wake;
    bench.row({ type: "wake", from, why });
    if (from === "stand-in") bench.say(`  wake word: a stand-in of the same size, because ${why}`);
    const verdicts = await measureStudent(bench, { shared, watch });
    // A share or a count of minutes may be zero here, which an option of a number may not.
    return Number(bench.text("peer-minutes")) > 0
      ? [...verdicts, ...(await measurePeers(bench, { shared, watch }))]
      : verdicts;
  } finally {
    await watch.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function sharedRequest(bench: Bench, folder: string) {
  const wake = await findWakeFiles({ folder, say: bench.say });
  return {
    seconds: bench.number("block-s"),
    audio: requireFile(bench.text("audio"), "audio"),
    frames: requireFile(bench.text("frames"), "frames"),
    voiceModel: await storedModel("silero-vad"),
    teacher: requireFile(bench.text("teacher"), "teacher"),
    late: "cancel",
    gate: "off",
    wake,
    provider: bench.text("provider"),
  } as const;
}

interface Given {
  readonly shared: Shared;
  readonly watch: StallWatch;
}

/** Misses of the pipelines, and stalls of the machine, block by block. */
class StalledMisses {
  stalls = 0;
  stalledUs = 0;
  priority = "";
  readonly driving = { misses: 0 };
  readonly voice = { misses: 0 };
  readonly wake = { misses: 0 };

  async add(watch: StallWatch, result: LiveResult): Promise<readonly TimeSpan[]> {
    const { priority, stalls } = await watch.report();
    this.priority = priority;
    this.stalls += stalls.length;
    for (const { fromUs, toUs } of stalls) this.stalledUs += toUs - fromUs;
    for (const pipeline of ["driving", "voice", "wake"] as const)
      this[pipeline].misses += countStalled(result[pipeline]?.missed ?? [], stalls);
    return stalls;
  }

  words(pipeline: "driving" | "voice" | "wake"): string {
    const { misses } = this[pipeline];
    const all = `the machine stalled ${this.stalls} times, ${Math.round(this.stalledUs / 1000)} ms in all`;
    return `beside, and not taken off: ${misses} of the misses lie in a stall; ${all}, seen at ${this.priority} priority`;
  }
}

async function measureStudent(bench: Bench, { shared, watch }: Given): Promise<Verdict[]> {
  const hogs = { count: bench.number("hogs"), model: shared.teacher };
  const arm = redlineArm("redline student", {
    ...shared,
    drivingModel: bench.text("student"),
    drivingPeriodMs: bench.number("student-period-ms"),
    hogs,
  });
  const alone = new LeftOver();
  const beside = new LeftOver();
  const stalled = new StalledMisses();
  await interleave({
    arms: ["mixed", "hogs alone"] as const,
    rounds: Math.max(1, Math.round((bench.number("minutes") * 60) / shared.seconds)),
    restMs: 500,
    block: async (kind, round) => {
      if (kind === "hogs alone") {
        alone.add(await hogsAlone(bench, { shared, hogs, round }));
        return;
      }
      await watch.report();
      const result = await runLiveBlock(bench, arm, round);
      beside.add(result);
      bench.row({ type: "stalls", arm: arm.name, round, stalls: await stalled.add(watch, result) });
    },
  });
  arm.totals.write(bench, arm.name);
  return [
    ...(["voice", "driving", "wake"] as const).map((pipeline) => isValid(arm, pipeline, stalled)),
    hogsVerdict(beside, alone),
  ];
}

async function hogsAlone(
  bench: Bench,
  given: { shared: Shared; hogs: HogsAlone["hogs"]; round: number },
): Promise<HogsAloneResult> {
  const { shared, hogs, round } = given;
  const process = await startArm("arms/live-redline.js");
  try {
    const request = { seconds: bench.number("alone-s"), hogs, provider: shared.provider };
    const result = await process.ask<HogsAloneResult>("burn", request);
    bench.row({ type: "block", arm: "hogs alone", round, ...result });
    return result;
  } finally {
    await process.close();
  }
}

function isValid(arm: LiveArm, pipeline: "voice" | "driving" | "wake", stalled: StalledMisses): Verdict {
  const { n, misses, starved } = arm.totals[pipeline];
  const validity = judgeValidity({ queries: n, misses });
  const light =
    starved === 0 ? "" : `; in ${starved} periods the source had no frame ready, which lightened the load`;
  const note = `${validityWords(validity)}${light}; ${stalled.words(pipeline)}`;
  const what = `mixed load, ${pipeline}: queries in time still needed for p99.9 at 99 % confidence`;
  const measured = validity.cleanQueriesNeeded;
  if (pipeline === "wake") return reported({ what, measured, unit: "queries", note });
  return atMost({ what, bar: "valid by MLPerf's early stopping", measured, limit: 0, unit: "queries", note });
}

function hogsVerdict(beside: LeftOver, alone: LeftOver): Verdict {
  const share = shareOfAlone(beside, alone);
  return atMost({
    what: "mixed load: runs the hogs lose, of those they make alone in the processor time left over",
    bar: "hogs >= 85 %",
    measured: share === null ? null : 1 - share,
    limit: 1 - HOGS_SHARE,
    unit: "share",
    note: `${beside.runs} runs, ${beside.runsPerCoreS?.toFixed(2)} a second of a core; alone ${alone.runs} and ${alone.runsPerCoreS?.toFixed(2)}`,
  });
}

async function measurePeers(bench: Bench, { shared, watch }: Given): Promise<Verdict[]> {
  const { teacher } = shared;
  const word = bench.text("teacher-period-ms");
  const soloMs =
    word === "auto" ? await soloPipelineMs({ ...shared, drivingModel: teacher, wake: null }) : Number.NaN;
  const drivingPeriodMs = periodOf(word, { option: "teacher-period-ms", soloMs });
  for (let raise = 0; ; raise++) {
    const hogs = { count: bench.number("hogs") + raise, model: teacher };
    const request = { ...shared, drivingModel: teacher, drivingPeriodMs, hogs };
    const label = `${hogs.count} hogs`;
    const ours = redlineArm(`redline teacher + ${label}`, request);
    const ordinary = peerArm(`ort-node + ${label}`, request, { hogNiceness: 0 });
    const nice = peerArm(`ort-node + ${label} at nice 19`, request, { hogNiceness: 19 });
    const stalled = new StalledMisses();
    await interleave({
      arms: [ours, ordinary, nice],
      rounds: Math.max(1, Math.round((bench.number("peer-minutes") * 60) / shared.seconds)),
      restMs: 500,
      block: async (arm, round) => {
        await watch.report();
        const result = await runLiveBlock(bench, arm, round);
        const stalls = await stalled.add(watch, result);
        bench.row({ type: "stalls", arm: arm.name, round, stalls });
      },
    });
    for (const { name, totals } of [ours, ordinary, nice]) totals.write(bench, name);
    const isLight = [ordinary, nice].some(({ totals }) => totals.driving.misses < LEAST_MISSES);
    if (!isLight || raise === MOST_RAISES) {
      const note = `teacher every ${drivingPeriodMs} ms, ${label}; stalls of the machine over all arms: ${stalled.stalls}`;
      return [
        against("hogs at normal priority", { ours, theirs: ordinary, factor: 1 / 20, note }),
        against("hogs at nice 19", { ours, theirs: nice, factor: 1 / 3, note }),
      ];
    }
    bench.say(`  a peer missed fewer than ${LEAST_MISSES} frames: once more with ${hogs.count + 1} hogs`);
  }
}

function against(
  peer: string,
  given: { ours: LiveArm; theirs: LiveArm; factor: number; note: string },
): Verdict {
  const { ours, theirs, factor, note } = given;
  return missRatioAgainst({
    what: `mixed load with the teacher, against a peer's ${peer}: driving miss ratio`,
    ours: ours.totals,
    theirs: theirs.totals,
    factor,
    note,
    leastMisses: LEAST_MISSES,
  });
}
