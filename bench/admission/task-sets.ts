// Owns drawn task sets: UUniFast-discard over three classes, on lanes as the runtime assigns them. Knows no analysis.
// Invariant: the same seed gives the same sets; utilisations add up to what was asked, but for rounding to microseconds.

import { CRITICALITIES } from "../../runtime/core/contract.js";
import type { Rng } from "../../runtime/core/rng.js";
import type { AdmissionTask } from "../../runtime/scheduler/admission/admission-task.js";
import { LaneAssignment } from "../../runtime/scheduler/lane-assignment.js";

/** The divisors of a second between 10 ms and one second: a hyperperiod of one second, two decades of periods. */
const PERIODS_MS = [10, 20, 25, 40, 50, 100, 125, 200, 250, 500, 1000] as const;
/** After so many jobs' worth of time every periodic pattern of such sets repeats. */
export const HYPERPERIOD_US = 1_000_000;

/** What the runtime gives each class on a machine of so many cores. */
const MOST_LANES_PER_CLASS = 4;

const TASKS_MIN = 2;
const TASKS_MAX = 12;
const DISCARDS_MAX = 1000;

/** What to draw. */
export interface SetRequest {
  readonly cores: number;
  /** Share of all cores that the set keeps busy. */
  readonly utilisation: number;
  /** Most threads of one job. Default 1. */
  readonly threadsMax?: number;
}

/** Draws one set. Deadlines are the periods; classes and periods (log-uniform) are independent of utilisation. */
export function drawTaskSet(rng: Rng, { cores, utilisation, threadsMax = 1 }: SetRequest): AdmissionTask[] {
  const loads = drawLoads(rng, cores * utilisation);
  const lanes = new LaneAssignment(Math.min(MOST_LANES_PER_CLASS, cores));
  return loads.map((load, index) => {
    const periodUs = drawPeriodUs(rng);
    const criticality = CRITICALITIES[rng.below(CRITICALITIES.length)]!;
    const threads = 1 + rng.below(Math.min(threadsMax, cores));
    return {
      name: `t${index}`,
      criticality,
      laneIndex: lanes.assign(criticality),
      periodUs,
      deadlineUs: periodUs,
      costUs: Math.max(1, Math.round((load * periodUs) / threads)),
      threads,
      energyMj: 0,
      isPromised: true,
    };
  });
}

/**
 * UUniFast-discard: uniform over all ways to split the total into parts of at most one core (Davis, Burns, "Priority
 * assignment for global fixed priority pre-emptive scheduling in multiprocessor real-time systems", RTSS 2009).
 */
function drawLoads(rng: Rng, total: number): number[] {
  for (;;) {
    const count = TASKS_MIN + rng.below(TASKS_MAX - TASKS_MIN + 1);
    if (count < total) continue;
    for (let tries = 0; tries < DISCARDS_MAX; tries += 1) {
      const loads: number[] = [];
      let left = total;
      for (let index = 1; index < count; index += 1) {
        const next = left * rng.next() ** (1 / (count - index));
        loads.push(left - next);
        left = next;
      }
      loads.push(left);
      if (loads.every((load) => load <= 1)) return loads;
    }
  }
}

function drawPeriodUs(rng: Rng): number {
  const low = Math.log(PERIODS_MS[0]);
  const high = Math.log(PERIODS_MS.at(-1)!);
  const drawn = low + rng.next() * (high - low);
  const distance = (ms: number): number => Math.abs(Math.log(ms) - drawn);
  return 1000 * PERIODS_MS.reduce((best, ms) => (distance(ms) < distance(best) ? ms : best));
}
