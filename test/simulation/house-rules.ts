// Owns the numbers the simulated house runs by, and the bounds its promises follow from. Knows no event.

import type { SchedulerRules } from "../../runtime/scheduler/scheduler.js";
import { GOVERNOR_US, POWER_WINDOW_US } from "./package-power.js";
import type { SimulatedMachine } from "./scenario.js";

/** A session whose provider died is back after so long. */
export const REOPEN_US = 200_000;
/** A dead thread is noticed after so long. */
export const DEATH_NOTICED_US = 10_000;
/** From the request to stop to the latest settlement. */
export const CANCEL_BOUND_US = 102_000;

/** Ten times as quick as what ships, so that half a minute holds what a machine sees in minutes. */
export function rulesFor(machine: SimulatedMachine): SchedulerRules {
  const devices = machine.isPreemptive ? ["npu"] : ["npu", "cpu"];
  return {
    controlUs: GOVERNOR_US,
    mode: { calmUs: 500_000, calmUsMax: 2_000_000, relapseUs: 2_000_000 },
    ladder: { windowUs: 100_000, calmUs: 1_000_000, calmUsMax: 4_000_000, relapseUs: 3_000_000 },
    watch: { graceUs: 100_000, worstTimes: 20, unstoppedUs: 2_000_000 },
    power: { windowUs: POWER_WINDOW_US, guard: 0.05, idleWatts: machine.idleWatts },
    nonPreemptive: new Set(devices),
  };
}

/** After the last fault: the mode's longest calm, the ladder's, one window of readings and every step up. */
export function recoveryBoundUs(rungs: number): number {
  return 2_000_000 + 4_000_000 + 2 * POWER_WINDOW_US + 5_000_000 + rungs * 150_000;
}

/** After the last disturbance of power: three windows, and the steps down there can be. */
export function powerSettlingUs(rungs: number): number {
  return 3 * POWER_WINDOW_US + rungs * 100_000;
}
