// What a running program gets of the scheduler: sessions over the real lane rules, in virtual time.

import { beforeEach, describe, expect, test } from "vitest";
import { AS_PLANNED, type PowerPressure } from "../../runtime/core/budget.js";
import type { Contract } from "../../runtime/core/contract.js";
import type { RuntimeScheduler } from "../../runtime/runtime-scheduler.js";
import type { AdmissionPort } from "../../runtime/scheduler/admission-port.js";
import type { OpenedSession } from "../../runtime/sessions/opened-session.js";
import type { Outcome, Session } from "../../runtime/sessions/session.js";
import { CAMERA, HELPER, type Opening, runOnce, ScheduledHouse, X } from "../support/scheduled-house.js";
import type { VirtualClock } from "../support/virtual-clock.js";
import type { VirtualProvider } from "../support/virtual-provider.js";

const everything: AdmissionPort = () => ({ isAdmitted: true, reasons: [] });

let house: ScheduledHouse;
let clock: VirtualClock;
let provider: VirtualProvider;
let scheduler: RuntimeScheduler;

function move(admit: AdmissionPort): void {
  house = new ScheduledHouse(admit);
  ({ clock, provider, scheduler } = house);
}

beforeEach(() => move(everything));

const open = (name: string, opening: Opening): Promise<OpenedSession> => house.open(name, opening);
const finish = (run: Promise<Outcome>, afterUs?: number): Promise<Outcome> => house.finish(run, afterUs);
const told = (kind: string): string[] => house.told(kind);

/** Runs the session at its period for so long; answers what settled, in order. */
async function play(session: Session, forUs: number): Promise<Outcome[]> {
  const running: Promise<Outcome>[] = [];
  const { periodUs } = session.contract;
  const endUs = clock.nowUs() + forUs;
  while (clock.nowUs() + periodUs <= endUs) {
    running.push(runOnce(session));
    await clock.advanceTo(clock.nowUs() + periodUs);
  }
  // The last job's deadline is the end: what stops it comes after.
  await clock.advanceTo(endUs + 1000);
  return Promise.all(running);
}

describe("overload", () => {
  test("moves the least critical session down, says why, and recovery brings it back", async () => {
    const camera = await open("camera", { contract: CAMERA, wcetUs: 100_000 });
    const helper = await open("helper", { contract: HELPER, steps: ["small", { rate: 1 / 2 }] });

    provider.work.busyUs = 60_000;
    await play(camera, 1_000_000);

    expect(helper.rung).toMatchObject({ index: 1, variant: "small", kind: "variant" });
    expect(camera.rung.index).toBe(0);
    expect(told("ladder.move")).toEqual([
      expect.stringMatching(/^helper: rung 0 \(as planned\) to 1 \(small\): late, session 1: .* late/),
    ]);
    provider.work.busyUs = 1000;
    const degraded = await finish(runOnce(helper));
    expect(degraded).toMatchObject({ status: "done", rung: { index: 1, variant: "small" } });
    expect(helper.stats()).toMatchObject({ variant: "small", rung: { index: 1 } });

    await play(camera, 8_000_000);

    expect(helper.rung.index).toBe(0);
    expect(told("ladder.move").at(-1)).toMatch(/^helper: rung 1 .* to 0 .*: calm, no pressure for/);
    expect(await finish(runOnce(helper))).toMatchObject({ status: "done", rung: { index: 0 } });
  });

  test("a slot reserved before a move stays on its rung", async () => {
    const camera = await open("camera", { contract: CAMERA, wcetUs: 100_000 });
    const helper = await open("helper", { contract: HELPER, steps: ["small"] });
    const reserved = helper.reserve()!;
    reserved.inputs.x!.fill(3 as never);
    provider.work.busyUs = 60_000;
    await play(camera, 1_000_000);
    provider.work.busyUs = 1000;

    const outcome = await finish(reserved.run());

    expect(helper.rung.variant).toBe("small");
    expect(outcome).toMatchObject({ status: "done", rung: { variant: "large" } });
    expect([...(outcome.outputs.y!.data as Float32Array)]).toEqual([6, 6, 6, 6]);
  });

  test("a lower rate leaves jobs out evenly, a model with state none", async () => {
    const camera = await open("camera", { contract: CAMERA, wcetUs: 100_000 });
    const helper = await open("helper", { contract: HELPER, steps: [{ rate: 1 / 2 }] });
    provider.work.busyUs = 60_000;
    await play(camera, 1_000_000);
    provider.work.busyUs = 1000;

    const outcomes = await play(helper, 600_000);

    const words = outcomes.map(({ status, reason }) => `${status} ${reason}`);
    expect(words.filter((each) => each === "dropped skipped")).toHaveLength(3);
    expect(words.filter((each) => each === "done ok")).toHaveLength(3);
    expect(helper.stats().outcomes).toMatchObject({ done: 3, dropped: 3 });
  });

  test("skips what the tolerance allows, and never more", async () => {
    const camera = await open("camera", { contract: CAMERA, wcetUs: 100_000 });
    const contract: Contract = { ...HELPER, tolerate: { misses: 1, outOf: 3 } };
    const helper = await open("helper", { contract });
    provider.work.busyUs = 60_000;
    await play(camera, 1_000_000);
    const pressed = play(camera, 1_200_000);
    provider.work.busyUs = 60_000;
    const outcomes: Outcome[] = [];
    for (let job = 0; job < 9; job += 1) outcomes.push(await finish(runOnce(helper), 120_000));
    await pressed;

    const skipped = outcomes.map(({ reason }) => reason === "skipped");
    expect(skipped.some((isSkipped) => isSkipped)).toBe(true);
    for (let first = 0; first + 3 <= skipped.length; first += 1) {
      expect(skipped.slice(first, first + 3).filter((isSkipped) => isSkipped).length).toBeLessThan(2);
    }
  });
});

describe("a critical run beyond its worst time", () => {
  test("suspends the lower classes at once, and they come back after a calm", async () => {
    const camera = await open("camera", { contract: CAMERA, wcetUs: 10_000 });
    const voice = await open("voice", { contract: { periodMs: 40, criticality: "interactive" } });
    provider.work.busyUs = 35_000;
    const slow = camera.run({ x: X });

    await clock.advanceTo(11_000);
    const during = await runOnce(voice);
    await clock.advanceTo(40_000);
    provider.work.busyUs = 1000;
    await clock.advanceTo(500_000);
    const still = await runOnce(voice);
    await clock.advanceTo(540_000);
    const after = await finish(runOnce(voice));

    expect((await slow).status).toBe("done");
    expect([during, still].map(({ status, reason }) => `${status} ${reason}`)).toEqual([
      "rejected suspended",
      "rejected suspended",
    ]);
    expect(after.status).toBe("done");
    expect(told("mode.change")).toEqual([
      expect.stringContaining("protected"),
      expect.stringContaining("normal"),
    ]);
  });

  test("is noticed also when it waited behind another job before it started", async () => {
    const camera = await open("camera", { contract: CAMERA, wcetUs: 10_000 });
    const jobs = [camera.run({ x: X }), camera.run({ x: X })];
    provider.work.busyUs = 9000;
    await clock.advanceTo(9500);
    provider.work.busyUs = 30_000;

    await clock.advanceTo(22_000);

    expect(told("mode.change")).toHaveLength(0);
    await clock.advanceTo(100_000);
    await Promise.all(jobs);
  });
});

describe("a run that hangs", () => {
  test("loses its lane and nothing else: the session opens anew and works, every job settles once", async () => {
    const camera = await open("camera", { contract: CAMERA });
    provider.work.busyUs = Number.MAX_SAFE_INTEGER;
    provider.work.stopUs = Number.MAX_SAFE_INTEGER;
    let settled = 0;
    const hung = runOnce(camera).finally(() => settled++);

    await clock.advanceTo(1_400_000);
    provider.work.busyUs = 1000;
    const next = await finish(runOnce(camera));

    expect(await hung).toMatchObject({ status: "failed", reason: "lost" });
    expect(next).toMatchObject({ status: "done" });
    expect(settled).toBe(1);
    expect(told("lane.replace")).toEqual([": critical lane 0 did not stop within its grace"]);
    expect(told("session.reopen")).toEqual(["camera: opened anew after its provider lost a job"]);
    await camera.close();
    expect(camera.stats()).toMatchObject({ n: 2, outcomes: { failed: 1, done: 1 } });
  });

  test("is left alone when it has just ended and another one runs in its place", async () => {
    const camera = await open("camera", { contract: CAMERA });
    provider.work.busyUs = Number.MAX_SAFE_INTEGER;
    provider.work.stopUs = 1_049_900;
    const slow = runOnce(camera);
    await clock.advanceTo(1_000_000);
    const { runningJobs } = provider;
    provider.runningJobs = () => runningJobs.call(provider).map((job) => ({ ...job, jobId: job.jobId + 1 }));

    await clock.advanceTo(1_200_000);

    expect(told("lane.replace")).toEqual([]);
    expect((await slow).reason).toBe("deadline");
  });

  test("whose model cannot be opened again leaves the session suspended, and says so", async () => {
    const camera = await open("camera", { contract: CAMERA });
    provider.work.busyUs = Number.MAX_SAFE_INTEGER;
    provider.work.stopUs = Number.MAX_SAFE_INTEGER;
    const hung = runOnce(camera);
    provider.open = async () => Promise.reject(new Error("the device is gone"));

    await clock.advanceTo(1_400_000);
    const next = await runOnce(camera);

    expect((await hung).reason).toBe("lost");
    expect(next).toMatchObject({ status: "rejected", reason: "suspended" });
    expect(told("session.reopen")).toEqual([
      "camera: stays suspended, not opened anew after its provider lost a job: the device is gone",
    ]);
  });
});

describe("frames", () => {
  test("that are not newer than the newest are dropped as superseded and are no misses", async () => {
    const camera = await open("camera", { contract: CAMERA });

    const outcomes = [];
    for (const frame of [5, 6, 6, 4, 7]) outcomes.push(await finish(runOnce(camera, { frame })));

    expect(outcomes.map(({ reason }) => reason)).toEqual(["ok", "ok", "superseded", "superseded", "ok"]);
    expect(camera.stats()).toMatchObject({ n: 5, misses: 0, outcomes: { done: 3, dropped: 2 } });
  });

  test("tell a model with state whether the frame before was run", async () => {
    const camera = await open("camera", { contract: CAMERA });

    const outcomes = [];
    for (const frame of [5, 6, 8, 9]) outcomes.push(await finish(runOnce(camera, { frame })));

    expect(outcomes.map(({ isConsecutive }) => isConsecutive)).toEqual([false, true, false, true]);
  });

  test("without a number are counted up, those without a slot included", async () => {
    const camera = await open("camera", { contract: CAMERA });
    const first = await finish(camera.run({ x: X }));
    const held = [camera.reserve(), camera.reserve()];
    const rejected = await camera.run({ x: X });
    for (const slot of held) slot?.release();
    const third = await finish(runOnce(camera));

    expect(rejected.reason).toBe("no-slot");
    expect([first, third].map(({ isConsecutive }) => isConsecutive)).toEqual([true, false]);
  });

  test.each([-1, 0.5, Number.NaN, 2 ** 60])("numbered %s are refused", async (frame) => {
    const camera = await open("camera", { contract: CAMERA });

    await expect(camera.run({ x: X }, { frame })).rejects.toMatchObject({ code: "INPUT_FRAME" });
    await expect(camera.reserve()!.run({ frame })).rejects.toMatchObject({ code: "INPUT_FRAME" });
  });
});

test("a band of the power watch holds back whoever it does not keep", async () => {
  const helper = await open("helper", { contract: HELPER });
  const voice = await open("voice", { contract: { periodMs: 40, criticality: "interactive" } });
  let pressure: PowerPressure = {
    atUs: 0,
    watts: 5,
    budgetWatts: 10,
    saveWatts: -5,
    band: "red",
    source: "measured",
  };
  scheduler.watchBudget({
    pressure: () => pressure,
    overspent: () => new Map(),
    ask: () => AS_PLANNED,
  });

  await clock.advanceTo(150_000);
  const red = [await runOnce(helper), await finish(runOnce(voice))];
  pressure = { ...pressure, atUs: 1, band: "green" };
  await clock.advanceTo(300_000);
  const green = await finish(runOnce(helper));

  expect(red.map(({ reason }) => reason)).toEqual(["suspended", "ok"]);
  expect(green.reason).toBe("ok");
});

test("a session that is not admitted is refused with every reason and leaves no trace", async () => {
  move((asks) => ({ isAdmitted: asks.length < 2, reasons: ["camera: 60 ms of 50 ms"] }));
  const camera = await open("camera", { contract: CAMERA });

  const refused = open("second", { contract: CAMERA });

  await expect(refused).rejects.toMatchObject({
    code: "PLAN_INFEASIBLE",
    what: "camera: 60 ms of 50 ms",
  });
  expect((await finish(runOnce(camera))).status).toBe("done");
});

test("with no session open nothing is looked at", async () => {
  const camera = await open("camera", { contract: CAMERA });
  await camera.close();
  await clock.advanceTo(1_000_000);
  let looks = 0;
  provider.runningJobs = () => {
    looks += 1;
    return [];
  };

  await clock.advanceTo(5_000_000);

  expect(looks).toBe(0);
});
