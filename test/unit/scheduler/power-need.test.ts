import { expect, test } from "vitest";
import type { PowerPressure } from "../../../runtime/core/budget.js";
import { PowerNeed } from "../../../runtime/scheduler/power-need.js";

const rules = { windowUs: 1000, guard: 0.05, idleWatts: 2 };

function pressure(atUs: number, given: Partial<PowerPressure> = {}): PowerPressure {
  return { atUs, watts: 12, budgetWatts: 10, saveWatts: 2, band: "green", source: "measured", ...given };
}

const blind = { watts: "unknown", saveWatts: 0, source: "unknown" } as const;

test("without a budget there is nothing to save and room for anything", () => {
  const need = new PowerNeed(rules);
  expect(need.needWatts(5)).toBe(Number.NEGATIVE_INFINITY);

  need.take(pressure(0, { budgetWatts: Number.POSITIVE_INFINITY, saveWatts: Number.NEGATIVE_INFINITY }), 5);

  expect(need.needWatts(5)).toBe(Number.NEGATIVE_INFINITY);
  expect(need.hasRoomFor("unknown", { planned: 5 })).toBe(true);
});

test("a move counts as made as far as the average cannot show it yet", () => {
  const need = new PowerNeed(rules);
  need.take(pressure(100), 10);

  need.noteMove(-1.5, { nowUs: 100 });
  need.take(pressure(200), 8.5);
  expect(need.needWatts(8.5)).toBeCloseTo(0.65);

  need.take(pressure(600), 8.5);
  expect(need.needWatts(8.5)).toBeCloseTo(1.25);

  need.take(pressure(1100), 8.5);
  expect(need.needWatts(8.5)).toBeCloseTo(2);
});

test("a climb under way uses up headroom and never becomes a demand", () => {
  const need = new PowerNeed(rules);
  need.take(pressure(0, { watts: 8, saveWatts: -1 }), 6);

  need.noteMove(0.4, { nowUs: 0 });
  expect(need.needWatts(6.4)).toBeCloseTo(-0.6);
  need.noteMove(0.9, { nowUs: 0 });
  expect(need.needWatts(7.3)).toBe(0);

  need.take(pressure(100, { watts: 8, saveWatts: 0 }), 7.3);
  expect(need.needWatts(7.3)).toBe(0);
});

test("a saving under way is no headroom before the reading shows it", () => {
  const need = new PowerNeed(rules);
  need.take(pressure(0), 10);
  need.noteMove(-3, { nowUs: 0 });

  need.take(pressure(100, { watts: 9.7, saveWatts: 0 }), 7);
  expect(need.needWatts(7)).toBe(0);
  expect(need.hasRoomFor(0.5, { planned: 7 })).toBe(false);

  need.take(pressure(300, { watts: 9, saveWatts: -1 }), 7);
  expect(need.needWatts(7)).toBeCloseTo(-1);
});

test("while a sensor is lost its last figure stands, moved by what the plan has changed since", () => {
  const need = new PowerNeed(rules);
  need.take(pressure(0, { watts: 9, saveWatts: -1 }), 7);
  need.take(pressure(100, blind), 7);
  expect(need.needWatts(7)).toBe(0);

  need.take(pressure(200, { ...blind, budgetWatts: 6 }), 7);

  // Of six, a twentieth is kept free.
  expect(need.needWatts(7)).toBeCloseTo(3.3);
  expect(need.needWatts(5)).toBeCloseTo(1.3);
});

test("a lost sensor is never headroom", () => {
  const need = new PowerNeed(rules);
  need.take(pressure(0, { watts: 3, saveWatts: -7 }), 1);
  need.take(pressure(100, blind), 1);

  expect(need.hasRoomFor(0.1, { planned: 1 })).toBe(false);
});

test("a climb must fit into what the governor offers, and into the plan with the guard free", () => {
  const need = new PowerNeed(rules);
  need.take(pressure(0, { watts: 5, saveWatts: -5 }), 3);

  expect(need.hasRoomFor(5, { planned: 2 })).toBe(true);
  expect(need.hasRoomFor(5.1, { planned: 2 })).toBe(false);
  // Two idle, six planned, two more: ten of ten.
  expect(need.hasRoomFor(2, { planned: 6 })).toBe(false);
  expect(need.hasRoomFor(1.5, { planned: 6 })).toBe(true);
});

test("a step that nobody has measured is tried only where a fifth of the budget is free", () => {
  const need = new PowerNeed(rules);

  need.take(pressure(0, { watts: 8.1, saveWatts: -1.9 }), "unknown");
  expect(need.hasRoomFor("unknown", { planned: "unknown" })).toBe(false);

  need.take(pressure(100, { watts: 7.9, saveWatts: -2.1 }), "unknown");
  expect(need.hasRoomFor("unknown", { planned: "unknown" })).toBe(true);
});

test("a climb that draws no more than now has room even where the guard is used up and the sensor is lost", () => {
  const need = new PowerNeed(rules);
  need.take(pressure(0, { watts: 9.9, saveWatts: -0.1 }), 7.9);

  expect(need.hasRoomFor(-0.5, { planned: 7.9 })).toBe(true);
  expect(need.hasRoomFor(0.01, { planned: 7.9 })).toBe(false);
  need.take(pressure(100, blind), 7.9);
  expect(need.hasRoomFor(0, { planned: 7.9 })).toBe(true);
});
