// Owns the promise of the governor: what it asks for, when it offers headroom, and what it does when it cannot see.

import { expect, test } from "vitest";
import type { PowerBand, PowerPressure } from "../../../runtime/core/budget.js";
import { seededRng } from "../../../runtime/core/rng.js";
import { PowerGovernor } from "../../../runtime/power/governor.js";
import { estimated, measured, type PowerFigure, unknown } from "../../../runtime/power/meter.js";
import { freezePower, type PowerOptions } from "../../../runtime/power/power-policy.js";
import { PowerPlant, TICK_US } from "../../support/power-plant.js";

const MAINS = { source: "mains", batteryPercent: undefined } as const;
const BATTERY = { source: "battery", batteryPercent: 60 } as const;

/** A governor fed ten times a second. */
class Fed {
  readonly governor: PowerGovernor;
  atUs = 0;

  constructor(options: PowerOptions) {
    this.governor = new PowerGovernor(freezePower(options));
  }

  /** Feeds the same figure for so long; answers the last pressure. */
  feed(
    figure: PowerFigure,
    given: { ms: number; band?: PowerBand; supply?: typeof MAINS | typeof BATTERY },
  ): PowerPressure {
    const { ms, band = "green", supply = MAINS } = given;
    for (const untilUs = this.atUs + ms * 1000; this.atUs < untilUs; ) {
      this.atUs += TICK_US;
      this.governor.step({ atUs: this.atUs, figure, band, supply });
    }
    return this.governor.pressure();
  }
}

test("a package over its budget is asked to save the difference and the guard", () => {
  const pressure = new Fed({ packageWatts: 10 }).feed(measured(14), { ms: 2000 });

  expect(pressure).toMatchObject({ budgetWatts: 10, band: "green", source: "measured" });
  expect(pressure.watts).toBeCloseTo(14, 9);
  expect(pressure.saveWatts).toBeCloseTo(14 - 10 * 0.97, 9);
});

test("before the first figure nothing is asked and nothing offered", () => {
  const fed = new Fed({ packageWatts: 10 });

  expect(fed.governor.pressure()).toMatchObject({ watts: "unknown", saveWatts: 0, source: "unknown" });
  expect(fed.feed(unknown("a counter needs two readings"), { ms: 100 }).saveWatts).toBe(0);
});

test("a saving shows at once: what is already saved is not asked for again", () => {
  const fed = new Fed({ packageWatts: 10 });
  fed.feed(measured(14), { ms: 2000 });

  const pressure = fed.feed(measured(9), { ms: 400 });

  expect(pressure.watts).toBeGreaterThan(10);
  expect(pressure.saveWatts).toBe(0);
});

test("headroom is offered after two calm windows, and four fifths of it", () => {
  const fed = new Fed({ packageWatts: 10 });
  fed.feed(measured(14), { ms: 1500 });

  expect(fed.feed(measured(5), { ms: 1900 }).saveWatts).toBe(0);
  expect(fed.feed(measured(5), { ms: 1500 }).saveWatts).toBeCloseTo(-0.8 * (10 * 0.94 - 5), 1);
});

test("a draw between demand and headroom is left alone for as long as it stays there", () => {
  const fed = new Fed({ packageWatts: 10 });

  for (let second = 0; second < 60; second += 1) {
    expect(fed.feed(measured(9.6), { ms: 1000 }).saveWatts).toBe(0);
  }
});

test("the noisier the draw, the further it is kept below the budget", () => {
  const askedAt = (noise: number): number => {
    const fed = new Fed({ packageWatts: 10 });
    const rng = seededRng(1);
    for (let tick = 0; tick < 100; tick += 1) {
      fed.feed(measured(12 + noise * (rng.next() - 0.5)), { ms: 100 });
    }
    return fed.governor.pressure().saveWatts;
  };

  expect(askedAt(4)).toBeGreaterThan(askedAt(0) + 0.5);
});

test("readings faster than ten a second change the pressure no more often than that", () => {
  const governor = new PowerGovernor(freezePower({ packageWatts: 10 }));
  const seen = new Set<PowerPressure>();
  for (let atUs = 0; atUs < 2_000_000; atUs += 7_000) {
    seen.add(governor.step({ atUs, figure: measured(12), band: "green", supply: MAINS }));
  }

  expect(seen.size).toBeLessThanOrEqual(21);
  expect([...seen].every((pressure) => Object.isFrozen(pressure))).toBe(true);
});

test("an offer that leads to a new demand is made more slowly the next time, and never later than after eight windows", () => {
  const fed = new Fed({ packageWatts: 10 });
  const calmMs: number[] = [];
  for (let round = 0; round < 8; round += 1) {
    fed.feed(measured(14), { ms: 1500 });
    let ms = 0;
    for (; fed.feed(measured(5), { ms: 100 }).saveWatts >= 0; ms += 100);
    calmMs.push(ms);
  }

  expect(calmMs[1]).toBeGreaterThan(1.5 * (calmMs[0] as number));
  expect(calmMs[2]).toBeGreaterThan(1.5 * (calmMs[1] as number));
  // The window is a second; two readings more tell the step of the load.
  expect(calmMs.at(-1)).toBeLessThanOrEqual(8000 + 300);
});

/** Readings in watts, over and over, ten a second. */
function feedOver(fed: Fed, readings: readonly number[], { ms }: { readonly ms: number }): PowerPressure {
  for (let at = 0; at < ms; at += 100) {
    fed.feed(measured(readings[(at / 100) % readings.length] as number), { ms: 100 });
  }
  return fed.governor.pressure();
}

test("a demand that a smaller budget brought is no reason to be more patient", () => {
  const fed = new Fed({ packageWatts: 10 });
  const calmMs: number[] = [];
  for (let round = 0; round < 4; round += 1) {
    fed.governor.setBudget(4);
    fed.feed(measured(5), { ms: 1500 });
    fed.feed(measured(3), { ms: 500 });
    fed.governor.setBudget(10);
    let ms = 0;
    for (; fed.feed(measured(5), { ms: 100 }).saveWatts >= 0; ms += 100);
    calmMs.push(ms);
  }

  expect(Math.max(...calmMs)).toBeLessThanOrEqual((calmMs[0] as number) + 200);
});

test("a load that swings once a second is offered what lies above its highest average", () => {
  const fed = new Fed({ packageWatts: 10 });
  const swing = [2.3, 2.3, 2.4, 2.3, 2.3, 2.4, 2.3, 2.3, 5, 5];

  feedOver(fed, swing, { ms: 4000 });
  const offered = Array.from({ length: 100 }, () => feedOver(fed, swing, { ms: 1000 }).saveWatts);

  expect(Math.max(...offered)).toBeLessThan(-1.5);
});

test("jobs that meet for two readings a second are no demand at half the budget, and a load that stays is", () => {
  const fed = new Fed({ packageWatts: 5.2 });
  const beat = [2.2, 2.3, 4.8, 4.9, 2.2, 2.3, 2.4, 2.2, 2.3, 2.2];

  const met = Array.from({ length: 200 }, (_, at) =>
    fed.feed(measured(beat[at % beat.length] as number), { ms: 100 }),
  );
  const stays = feedOver(fed, [5.6, 5.3], { ms: 1000 });

  expect(Math.max(...met.map(({ saveWatts }) => saveWatts))).toBeLessThanOrEqual(0);
  expect(stays.saveWatts).toBeGreaterThan(0);
});

test("a climb has time to be seen before more is offered", () => {
  const fed = new Fed({ packageWatts: 10 });
  expect(fed.feed(measured(4), { ms: 10_000 }).saveWatts).toBeCloseTo(-0.8 * (9.4 - 4), 1);

  const soon = fed.feed(measured(8), { ms: 300 });

  expect(soon.watts).toBeLessThan(6);
  expect(soon.saveWatts).toBeGreaterThan(-0.8 * (9.4 - 8) - 0.01);
});

test("without its sensor a governor keeps its demand for one window, then asks and offers nothing, and turns yellow", () => {
  const fed = new Fed({ packageWatts: 10 });
  fed.feed(measured(14), { ms: 2000 });

  const soon = fed.feed(unknown("gone"), { ms: 500 });
  const later = fed.feed(unknown("gone"), { ms: 1500 });
  const long = fed.feed(unknown("gone"), { ms: 2000 });

  expect(soon).toMatchObject({ watts: "unknown", source: "unknown", band: "green" });
  expect(soon.saveWatts).toBeGreaterThan(4);
  expect(later).toMatchObject({ saveWatts: 0, band: "green" });
  expect(long).toMatchObject({ saveWatts: 0, band: "yellow", budgetWatts: 8.5 });
});

test("a governor that lost its sensor while there was headroom offers none", () => {
  const fed = new Fed({ packageWatts: 10 });
  expect(fed.feed(measured(3), { ms: 5000 }).saveWatts).toBeLessThan(0);

  expect(fed.feed(unknown("gone"), { ms: 100 }).saveWatts).toBe(0);
});

test("a figure that is no power is no figure", () => {
  for (const watts of [Number.NaN, Number.POSITIVE_INFINITY, -3]) {
    const fed = new Fed({ packageWatts: 10 });
    expect(fed.feed(measured(watts), { ms: 1000 })).toMatchObject({ watts: "unknown", saveWatts: 0 });
  }
});

test("a reading from the past, or of the same instant, changes nothing", () => {
  const fed = new Fed({ packageWatts: 50 });
  fed.feed(measured(10), { ms: 2000 });
  for (const atUs of [fed.atUs - 500_000, fed.atUs]) {
    fed.governor.step({ atUs, figure: measured(40), band: "danger", supply: BATTERY });
  }

  const pressure = fed.feed(measured(20), { ms: 100 });

  expect(pressure).toMatchObject({ band: "green", budgetWatts: 50 });
  expect(pressure.watts).toBeCloseTo(11, 9);
});

test("figures of two meters are never averaged together", () => {
  const fed = new Fed({ packageWatts: 10 });
  fed.feed(measured(20), { ms: 3000 });

  const pressure = fed.feed(estimated(6), { ms: 300 });

  expect(pressure.source).toBe("estimated");
  expect(pressure.watts).toBeCloseTo(6, 9);
});

test("unplugging shrinks the budget to the preset's share at the next step", () => {
  const fed = new Fed({ packageWatts: 10, preset: "balanced" });
  fed.feed(measured(9), { ms: 3000 });

  const pressure = fed.feed(measured(9), { ms: 100, supply: BATTERY });

  expect(pressure.budgetWatts).toBe(8);
  expect(pressure.saveWatts).toBeCloseTo(9 - 8 * 0.97, 9);
});

test("without a budget everything may climb while it is cool, and heat takes its share of the cool draw", () => {
  const fed = new Fed({});
  expect(fed.feed(measured(20), { ms: 2000 })).toMatchObject({
    budgetWatts: Number.POSITIVE_INFINITY,
    saveWatts: Number.NEGATIVE_INFINITY,
  });

  const hot = fed.feed(measured(20), { ms: 100, band: "red" });

  expect(hot.budgetWatts).toBeCloseTo(12, 9);
  expect(hot.saveWatts).toBeCloseTo(20 - 12 * 0.97, 6);
  expect(fed.feed(measured(8), { ms: 3000, band: "red" }).budgetWatts).toBeCloseTo(12, 9);
});

test("a machine that starts hot and has no budget is held by its band alone", () => {
  const pressure = new Fed({}).feed(measured(20), { ms: 2000, band: "danger" });

  expect(pressure).toMatchObject({ band: "danger", saveWatts: 0 });
});

test("a smaller budget is kept within three windows of its arrival", () => {
  const options = { floorWatts: 4, windowUs: 1_000_000, delayUs: 200_000, drawNoise: 0.02, meterNoise: 0.01 };
  const loads = Array.from({ length: 6 }, () => ({ watts: 2, believedWatts: 2 }));
  const plant = new PowerPlant({ ...options, loads }, seededRng(3));
  const governor = new PowerGovernor(freezePower({ packageWatts: 20 }));
  const run = (ticks: number): void => {
    for (let tick = 0; tick < ticks; tick += 1) {
      const figure = plant.tick();
      plant.obey(governor.step({ atUs: plant.atUs, figure, band: "green", supply: MAINS }));
    }
  };
  run(100);
  const changedUs = plant.atUs;
  governor.setBudget(9);
  run(200);

  expect(plant.highestAverage({ fromUs: 0, windowUs: 1_000_000 })).toBeGreaterThan(15);
  expect(plant.highestAverage({ fromUs: changedUs + 3_000_000, windowUs: 1_000_000 })).toBeLessThanOrEqual(9);
  expect(plant.running).toBe(2);
});

test("when the budget comes back, so does every load, and then nothing moves any more", () => {
  const options = { floorWatts: 4, windowUs: 1_000_000, delayUs: 300_000, drawNoise: 0.02, meterNoise: 0.01 };
  const loads = Array.from({ length: 4 }, () => ({ watts: 2, believedWatts: 2 }));
  const plant = new PowerPlant({ ...options, loads }, seededRng(4));
  const governor = new PowerGovernor(freezePower({ packageWatts: 7 }));
  const run = (ticks: number): void => {
    for (let tick = 0; tick < ticks; tick += 1) {
      const figure = plant.tick();
      plant.obey(governor.step({ atUs: plant.atUs, figure, band: "green", supply: MAINS }));
    }
  };
  run(100);
  expect(plant.running).toBe(1);

  governor.setBudget(20);
  run(300);
  const settled = plant.moves.length;
  run(3000);

  expect(plant.running).toBe(4);
  expect(plant.moves.length).toBe(settled);
});
