// Owns the power of the simulated machine: what it really draws, what a sensor says of it, and the budget that holds.
// Knows no scheduler. Invariant: energy is the integral of what the processors hold, exactly.

import type { PowerBand, PowerPressure } from "../../runtime/core/budget.js";
import type { Rng } from "../../runtime/core/rng.js";

/** Averages are over this long, the governor's window. */
export const POWER_WINDOW_US = 1_000_000;
/** The governor publishes this often. */
export const GOVERNOR_US = 100_000;

const SAMPLES = POWER_WINDOW_US / GOVERNOR_US + 1;

/** How the sensor is doing. */
export type SensorState = "well" | "lost" | "negative" | "frozen" | "absurd";

/** What the governor is given each time. */
export interface PowerReading {
  readonly atUs: number;
  readonly meanWatts: number | "unknown";
  readonly budgetWatts: number;
  readonly band: PowerBand;
}

/** The governor behind a port: a reading becomes a pressure. */
export type Governor = (reading: PowerReading) => PowerPressure;

/** Energy of the package and its average over the last window. */
export class PowerPlant {
  sensor: SensorState = "well";
  private energyMj = 0;
  private lastUs = 0;
  private readonly samplesMj: number[] = [0];
  private frozenWatts = 0;

  constructor(private readonly idleWatts: number) {}

  /** Adds what was drawn since the last call; `watts` is what ran besides idle. */
  advance(nowUs: number, watts: number): void {
    this.energyMj += ((this.idleWatts + watts) * (nowUs - this.lastUs)) / 1000;
    this.lastUs = nowUs;
  }

  /** Called every `GOVERNOR_US`: the true mean of the last window. */
  sampleMeanWatts(): number {
    this.samplesMj.push(this.energyMj);
    if (this.samplesMj.length > SAMPLES) this.samplesMj.shift();
    const spanUs = (this.samplesMj.length - 1) * GOVERNOR_US;
    return ((this.samplesMj.at(-1)! - this.samplesMj[0]!) * 1000) / spanUs;
  }

  /** What the sensor says of a mean: within a percent, unless it is ill. */
  read(meanWatts: number, rng: Rng): number | "unknown" {
    const watts = meanWatts * (0.99 + 0.02 * rng.next());
    switch (this.sensor) {
      case "lost":
        return "unknown";
      case "negative":
        return -watts;
      case "absurd":
        return watts * 1000;
      case "frozen":
        return this.frozenWatts;
      case "well":
        this.frozenWatts = watts;
        return watts;
    }
  }
}

/** Readings outside what a machine can draw, and the same figure three times, are no readings. */
const WATTS_MAX = 1000;
const FROZEN_AFTER = 3;
/** What is kept free for the steps between two windows. */
const TARGET = 0.93;

/** A governor of one page, where the production one is not under test. */
export function plainGovernor(): Governor {
  let lastWatts: number | "unknown" = "unknown";
  let same = 0;
  return ({ atUs, meanWatts, budgetWatts, band }) => {
    same = meanWatts === lastWatts ? same + 1 : 0;
    lastWatts = meanWatts;
    const isTrusted =
      meanWatts !== "unknown" && meanWatts >= 0 && meanWatts <= WATTS_MAX && same < FROZEN_AFTER;
    if (!isTrusted) return { atUs, watts: "unknown", budgetWatts, saveWatts: 0, band, source: "unknown" };
    const saveWatts = meanWatts - TARGET * budgetWatts;
    return { atUs, watts: meanWatts, budgetWatts, saveWatts, band, source: "measured" };
  };
}
