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
  /** The average since the reading before, as a counter gives it. */
  readonly watts: number | "unknown";
  readonly budgetWatts: number;
  readonly band: PowerBand;
  /** Processor time per time since the reading before: what a frozen sensor is told by. */
  readonly busyCores: number;
}

/** The governor behind a port: a reading becomes a pressure. */
export type Governor = (reading: PowerReading) => PowerPressure;

/** Energy of the package and its average over the last window. */
export class PackagePower {
  sensor: SensorState = "well";
  private energyMj = 0;
  private busyUs = 0;
  private lastUs = 0;
  private readonly samplesMj: number[] = [0];
  private frozenWatts = 0;

  constructor(private readonly idleWatts: number) {}

  /** Adds what was drawn since the last call, besides idle, and by how many cores. */
  advance(nowUs: number, { watts, busyCores }: { readonly watts: number; readonly busyCores: number }): void {
    const elapsedUs = nowUs - this.lastUs;
    this.energyMj += ((this.idleWatts + watts) * elapsedUs) / 1000;
    this.busyUs += busyCores * elapsedUs;
    this.lastUs = nowUs;
  }

  /** Cores busy on average since the last call. */
  takeBusy(): number {
    const busyCores = this.busyUs / GOVERNOR_US;
    this.busyUs = 0;
    return busyCores;
  }

  /** Called every `GOVERNOR_US`: the true means of the last step and of the last window. */
  sample(): { readonly stepWatts: number; readonly windowWatts: number } {
    const samplesMj = this.samplesMj;
    samplesMj.push(this.energyMj);
    if (samplesMj.length > SAMPLES) samplesMj.shift();
    const meanOver = (steps: number): number =>
      ((samplesMj.at(-1)! - samplesMj.at(-1 - steps)!) * 1000) / (steps * GOVERNOR_US);
    return { stepWatts: meanOver(1), windowWatts: meanOver(samplesMj.length - 1) };
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
