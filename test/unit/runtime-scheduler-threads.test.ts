// What becomes of a session's threads while the power budget asks for fewer: sessions under a runtime's scheduler, in virtual time.

import { beforeEach, expect, test } from "vitest";
import { AS_PLANNED, type PowerAsk } from "../../runtime/core/budget.js";
import { CAMERA, HELPER, runOnce, ScheduledHouse, X } from "../support/scheduled-house.js";

const ONE: PowerAsk = { ...AS_PLANNED, threads: "one", spin: "never" };

let house: ScheduledHouse;
let ask: PowerAsk;

beforeEach(() => {
  ask = AS_PLANNED;
  house = new ScheduledHouse(() => ({ isAdmitted: true, reasons: [] }));
  house.scheduler.watchBudget({
    pressure: () => ({
      atUs: house.clock.nowUs(),
      watts: 5,
      budgetWatts: 10,
      saveWatts: -5,
      band: "green",
      source: "measured",
    }),
    overspent: () => new Map(),
    ask: () => ask,
  });
});

/** Enough looks of the scheduler for what was asked to be done. */
const settle = (): Promise<void> => house.clock.advanceTo(house.clock.nowUs() + 500_000);

test("what was promised to nobody takes one thread while the budget asks for it, and its own again afterwards", async () => {
  const helper = await house.open("helper", { contract: HELPER, isPromised: false, threads: 4 });
  const planned = helper.threads;

  ask = ONE;
  await settle();
  const saving = [helper.threads, (await house.finish(runOnce(helper))).status];
  ask = AS_PLANNED;
  await settle();

  expect([planned, ...saving, helper.threads]).toEqual([4, 1, "done", 4]);
  expect((await house.finish(runOnce(helper))).status).toBe("done");
  expect(house.told("session.reopen")).toEqual([
    "helper: opened anew with one thread, as the power budget asks",
    "helper: opened anew as planned",
  ]);
});

test("threads stop spinning first", async () => {
  const helper = await house.open("helper", { contract: HELPER, isPromised: false, threads: 2 });

  ask = { ...AS_PLANNED, spin: "never" };
  await settle();

  expect(helper.threads).toBe(2);
  expect(house.provider.requests.at(-1)?.ort).toEqual({ intraOpThreads: 2, spin: false });
});

test("a promise keeps the threads it was shown to hold with", async () => {
  const camera = await house.open("camera", { contract: CAMERA, threads: 2 });
  const opened = house.provider.requests.length;

  ask = ONE;
  await settle();

  expect([camera.threads, house.provider.requests.length]).toEqual([2, opened]);
});

test("what has one thread that does not spin is left as it is, without a word", async () => {
  await house.open("helper", { contract: HELPER, isPromised: false });
  const opened = house.provider.requests.length;

  ask = ONE;
  await settle();

  expect([house.provider.requests.length, house.told("session.reopen")]).toEqual([opened, []]);
});

test("nothing is opened anew while a critical job is under way", async () => {
  await house.open("helper", { contract: HELPER, isPromised: false, threads: 4 });
  const camera = await house.open("camera", { contract: { ...CAMERA, periodMs: 900 }, wcetUs: 800_000 });
  house.provider.work.busyUs = 600_000;
  const running = camera.run({ x: X });

  ask = ONE;
  await settle();
  const during = house.told("session.reopen");
  await settle();

  expect(during).toEqual([]);
  expect((await running).status).toBe("done");
  expect(house.told("session.reopen")).toHaveLength(1);
});

test("a job under way ends where it began, and what it gave stays readable until it is released", async () => {
  const helper = await house.open("helper", { contract: HELPER, isPromised: false, threads: 4 });
  house.provider.work.busyUs = 300_000;
  const running = helper.run({ x: X });

  ask = ONE;
  await settle();
  house.provider.work.busyUs = 1000;
  const newer = await house.finish(helper.run({ x: Float32Array.of(5, 5, 5, 5) }));
  const outcome = await running;

  expect([outcome.status, newer.status, helper.threads]).toEqual(["late", "done", 1]);
  expect([...(outcome.outputs.y?.data as Float32Array)]).toEqual([2, 4, 6, 8]);
  const before = house.provider.closed;
  outcome.release();
  await settle();
  expect(house.provider.closed).toBe(before + 1);
  newer.release();
  await helper.close();
});

test("a session that closes meanwhile closes everything it had", async () => {
  const helper = await house.open("helper", { contract: HELPER, isPromised: false, threads: 4 });
  const slot = helper.reserve()!;

  ask = ONE;
  await settle();
  await helper.close();
  slot.release();

  expect(house.provider.closed).toBe(house.provider.requests.length);
});

test("where it cannot be opened anew it stays as it was, and says so once", async () => {
  const helper = await house.open("helper", { contract: HELPER, isPromised: false, threads: 4 });
  house.provider.refusal = "no memory";

  ask = ONE;
  await settle();
  await settle();

  expect(helper.threads).toBe(4);
  expect((await house.finish(runOnce(helper))).status).toBe("done");
  expect(house.told("session.reopen")).toEqual([
    "helper: stays as it was, not opened anew with one thread, as the power budget asks: no memory",
  ]);
});
