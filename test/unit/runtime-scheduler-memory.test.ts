// What becomes of models while memory is short: sessions under a runtime's scheduler, in virtual time.

import { beforeEach, expect, test } from "vitest";
import { AS_PLANNED, type PowerBand, type PowerPressure } from "../../runtime/core/budget.js";
import { CAMERA, HELPER, runOnce, ScheduledHouse, X } from "../support/scheduled-house.js";

let house: ScheduledHouse;
let pressure: PowerPressure;

function watch(memoryBytes: number): void {
  house = new ScheduledHouse(() => ({ isAdmitted: true, reasons: [] }), { memoryBytes });
  house.scheduler.watchBudget({
    pressure: () => pressure,
    overspent: () => new Map(),
    ask: () => AS_PLANNED,
  });
}

/** Red holds background sessions back. */
function turn(band: PowerBand): void {
  pressure = { ...pressure, atUs: pressure.atUs + 1, band };
}

beforeEach(() => {
  pressure = { atUs: 0, watts: 5, budgetWatts: 10, saveWatts: -5, band: "green", source: "measured" };
});

test("variants off a session's rung are let go first, and what runs is left alone", async () => {
  watch(130);
  const helper = await house.open("helper", { contract: HELPER, steps: ["small"] });

  await house.clock.advanceTo(400_000);

  expect(house.told("session.release")).toEqual(["helper: 40 bytes, not on its rung: memory is short"]);
  expect(helper.openBytes).toBe(100);
  expect((await house.finish(runOnce(helper))).status).toBe("done");
});

test("a session that is held back lets go of its models, rejects, and works again when it comes back", async () => {
  watch(150);
  const helper = await house.open("helper", { contract: HELPER });
  turn("red");
  await house.clock.advanceTo(150_000);
  const camera = await house.open("camera", { contract: CAMERA });
  await house.clock.advanceTo(600_000);

  const whileHeld = await runOnce(helper);
  const slot = helper.reserve();
  turn("green");
  await house.clock.advanceTo(900_000);
  const after = await house.finish(runOnce(helper));

  expect(house.told("session.release")[0]).toBe("helper: 140 bytes, held back: memory is short");
  expect(whileHeld).toMatchObject({ status: "rejected", reason: "suspended" });
  expect(slot).toBeNull();
  expect(house.told("session.reopen")).toContain("helper: opened anew as it may run again");
  expect(after.status).toBe("done");
  expect((await house.finish(runOnce(camera))).status).toBe("done");
});

test("nothing is let go while a critical job is under way", async () => {
  watch(150);
  const helper = await house.open("helper", { contract: HELPER });
  const camera = await house.open("camera", { contract: { ...CAMERA, periodMs: 500 }, wcetUs: 400_000 });
  turn("red");
  house.provider.work.busyUs = 300_000;
  const running = camera.run({ x: X });

  await house.clock.advanceTo(290_000);
  const during = house.told("session.release");
  await house.clock.advanceTo(600_000);

  expect(during).toEqual([]);
  expect((await running).status).toBe("done");
  expect(helper.openBytes).toBe(0);
});

test("a slot that somebody holds keeps its model", async () => {
  watch(50);
  const helper = await house.open("helper", { contract: HELPER });
  const slot = helper.reserve()!;
  turn("red");

  await house.clock.advanceTo(400_000);
  const held = helper.openBytes;
  slot.release();
  await house.clock.advanceTo(600_000);

  expect(held).toBe(100);
  expect(helper.openBytes).toBe(0);
});
