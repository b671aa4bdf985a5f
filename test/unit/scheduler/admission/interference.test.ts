// Owns what lanes can ask of the cores, and how long that makes another lane wait, in figures worked out by hand.

import { expect, test } from "vitest";
import type { Criticality } from "../../../../runtime/core/contract.js";
import { loadTasks } from "../../../../runtime/scheduler/admission/admission-task.js";
import { Interference } from "../../../../runtime/scheduler/admission/interference.js";
import { LaneDemand } from "../../../../runtime/scheduler/admission/lane-demand.js";
import { machine, task } from "./task-set.js";

/** A lane of one task, costs and periods in microseconds, whose worst response is known or not. */
function lane(
  name: string,
  given: {
    costUs: number;
    periodUs: number;
    responseUs?: number;
    heldUpUs?: number;
    criticality?: Criticality;
  },
): LaneDemand {
  const { costUs, periodUs, responseUs = costUs, heldUpUs = Number.POSITIVE_INFINITY } = given;
  const one = task(name, { costMs: costUs / 1000, periodMs: periodUs / 1000 });
  const demand = new LaneDemand(
    loadTasks([{ ...one, criticality: given.criticality ?? "critical" }], machine({ cores: 1 })),
  );
  demand.responsesUs[0] = responseUs;
  demand.heldUpUs = heldUpUs;
  return demand;
}

test("a job that may end late leaves work to the window, and its next one may come at once after", () => {
  // It arrived 20 before the window, runs in its first 10, and the next one arrives 50 after the first: 30 into the window.
  const late = lane("late", { costUs: 10, periodUs: 50, responseUs: 30 });

  expect([5, 10, 30, 35, 40, 80, 90].map((windowUs) => late.workUs(windowUs))).toEqual([
    5, 10, 10, 15, 20, 20, 30,
  ]);
  expect([5, 10, 50, 55].map((windowUs) => late.workFromEmptyUs(windowUs))).toEqual([5, 10, 10, 15]);
});

test("a lane never held up carries nothing in, one held up a little carries that much", () => {
  const given = { costUs: 10, periodUs: 50, responseUs: 30 };

  expect(lane("free", { ...given, heldUpUs: 0 }).workUs(35)).toBe(10);
  expect(lane("nearly", { ...given, heldUpUs: 3 }).workUs(35)).toBe(13);
});

test("mates of a lane run one after the other, all of them together at first", () => {
  const mates = [task("a", { costMs: 0.01, periodMs: 0.05 }), task("b", { costMs: 0.02, periodMs: 0.1 })];
  const both = new LaneDemand(loadTasks(mates, machine({ cores: 1 })));

  // Busy in [0, 30), [50, 60), [100, 130).
  expect([20, 30, 50, 55, 100, 125].map((us) => both.workFromEmptyUs(us))).toEqual([20, 30, 30, 35, 40, 65]);
});

test("of lanes of higher classes fewer than the cores begin a wait with work left", () => {
  // Within 35 each can run 10 from empty and 15 with work left.
  const higher = [1, 2].map((at) => lane(`h${at}`, { costUs: 10, periodUs: 50, responseUs: 30 }));
  const waiting = new Interference({ cores: 2, width: 1, higher, equal: [] });

  // Two cores: min(15, x) + min(10, x) >= 2 x holds up to 10, not 12.
  expect(waiting.waitUs(35)).toBe(10);
  expect(waiting.shares(35).filter(({ isCarriedIn }) => isCarriedIn)).toHaveLength(1);
});

test("three lanes of a higher class on two cores: one of them carries in", () => {
  const higher = [1, 2, 3].map((at) => lane(`h${at}`, { costUs: 10, periodUs: 50, responseUs: 30 }));

  // 15 + 10 + 10 = 35 of two cores' time: 17 microseconds of both.
  expect(new Interference({ cores: 2, width: 1, higher, equal: [] }).waitUs(35)).toBe(17);
});

test("lanes of the same class may all have been waiting with work left", () => {
  const equal = [1, 2, 3].map((at) => lane(`e${at}`, { costUs: 10, periodUs: 50, responseUs: 30 }));

  // 3 x 15 = 45 of two cores' time, but no lane runs longer than the wait: min(15, x) x 3 >= 2 x up to 22.
  expect(new Interference({ cores: 2, width: 1, higher: [], equal }).waitUs(35)).toBe(22);
});

test("the supply covers work when the window less the wait does", () => {
  const higher = [lane("h", { costUs: 20, periodUs: 50, heldUpUs: 0 })];
  const one = new Interference({ cores: 1, width: 1, higher, equal: [] });

  // 20 of waiting, 30 of running, 20 of waiting, then the last 10.
  expect(one.coveredUs(40, 1000)).toBe(80);
  expect(one.coveredUs(30, 1000)).toBe(50);
  expect(
    new Interference({
      cores: 1,
      width: 1,
      higher: [lane("all", { costUs: 50, periodUs: 50, heldUpUs: 0 })],
      equal: [],
    }).coveredUs(1, 1000),
  ).toBeUndefined();
});
