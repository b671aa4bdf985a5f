// Owns the worst response of every task of one lane: non-preemptive, earliest deadline first, held up by other lanes.
// Knows other lanes only as interference. Invariant: no job of the lane responds later than its bound while the tasks
// keep to their periods and costs.

import type { LoadedTask } from "./admission-task.js";
import type { Interference } from "./interference.js";
import type { LaneDemand } from "./lane-demand.js";

/** A bound on one task's response, and the situation that gives it. */
export interface TaskResponse {
  readonly task: LoadedTask;
  readonly responseUs: number;
  /** Into a busy period of the lane, when the worst job arrives. */
  readonly arrivesUs: number;
  /** Length from the busy period's start to the worst job's end. */
  readonly windowUs: number;
  /** A job with a later deadline that had started just before, or undefined. */
  readonly blockedBy: LoadedTask | undefined;
  readonly blockedUs: number;
  /** Jobs that run first, by task; the worst job itself is not among them. */
  readonly first: readonly { readonly task: LoadedTask; readonly jobs: number }[];
  /** Time within the window in which other lanes hold the processors. */
  readonly waitUs: number;
}

/** What one lane promises, or that its work does not end. */
export type LaneResponse =
  | { readonly kind: "bounded"; readonly responses: readonly TaskResponse[]; readonly heldUpUs: number }
  | { readonly kind: "unbounded" };

/** A fixed point still moving after so many steps belongs to a lane loaded to within a fraction of a percent: refused. */
const STEPS_MAX = 2000;

/** Nor does it end within so many of its shortest periods: it keeps an admission well below a second. */
const PERIODS_MAX = 5000;

/**
 * Bounds every task's response. A lane is one processor whose supply is what other lanes leave of it, so this is the analysis
 * of non-preemptive EDF (George, Rivierre, Spuri, "Preemptive and non-preemptive real-time uniprocessor scheduling",
 * INRIA RR-2966, 1996) with waiting added: a job that arrives `a` into a busy period ends when the supply has covered one
 * blocking run, every job that arrived before it started and has an earlier deadline, and itself.
 */
export function laneResponse(lane: LaneDemand, interference: Interference): LaneResponse {
  const busyUs = busyPeriodUs(lane, interference);
  if (busyUs === undefined) return { kind: "unbounded" };
  const responses: TaskResponse[] = [];
  for (const task of lane.tasks) {
    let worst: TaskResponse | undefined;
    for (const arrivesUs of arrivalsToTry(task, { lane, busyUs })) {
      const response = responseOf({ task, arrivesUs }, { lane, interference });
      if (response === undefined) return { kind: "unbounded" };
      if (worst === undefined || response.responseUs > worst.responseUs) worst = response;
    }
    responses.push(worst!);
  }
  return { kind: "bounded", responses, heldUpUs: interference.waitUs(busyUs) };
}

/** The longest the lane can be without a moment in which it has nothing to do. */
function busyPeriodUs(lane: LaneDemand, interference: Interference): number | undefined {
  const blockingUs =
    lane.tasks.length === 1 ? 0 : Math.max(...lane.tasks.map(({ loadedUs }) => loadedUs)) - 1;
  return settledUs((lengthUs) => blockingUs + lane.arrivingUs(lengthUs), { from: 1, lane, interference });
}

/** Between two of these arrivals nothing changes but the arrival itself, so that the earlier one responds later. */
function arrivalsToTry(
  task: LoadedTask,
  { lane, busyUs }: { lane: LaneDemand; busyUs: number },
): ReadonlySet<number> {
  const arrivals = new Set([0]);
  for (const { periodUs, deadlineUs } of lane.tasks) {
    const apartUs = deadlineUs - task.deadlineUs;
    for (let jobs = Math.max(0, Math.ceil(-apartUs / periodUs)); ; jobs += 1) {
      const arrivesUs = jobs * periodUs + apartUs;
      if (arrivesUs >= busyUs) break;
      if (arrivesUs >= 0) arrivals.add(arrivesUs);
    }
  }
  return arrivals;
}

function responseOf(
  { task, arrivesUs }: { task: LoadedTask; arrivesUs: number },
  { lane, interference }: { lane: LaneDemand; interference: Interference },
): TaskResponse | undefined {
  const deadlineUs = arrivesUs + task.deadlineUs;
  const { us: blockedUs, by: blockedBy } = lane.blocking(deadlineUs);
  /** Jobs of a mate that arrive by `startUs` and whose deadline is not after the worst job's. */
  const jobsBefore = (mate: LoadedTask, startUs: number): number => {
    const due = Math.floor((deadlineUs - mate.deadlineUs) / mate.periodUs) + 1;
    return Math.max(0, Math.min(due, Math.floor(startUs / mate.periodUs) + 1));
  };
  const workBefore = (startUs: number): number => {
    // Of its own task every job until the worst one counts, whenever that starts.
    const own = Math.floor(arrivesUs / task.periodUs) * task.loadedUs;
    return lane.tasks.reduce(
      (sum, mate) => (mate === task ? sum : sum + jobsBefore(mate, startUs) * mate.loadedUs),
      blockedUs + own,
    );
  };
  // The first microsecond of the run included: until then the lane may still choose another job.
  const startUs = settledUs((at) => workBefore(at) + 1, { from: 0, lane, interference });
  if (startUs === undefined) return undefined;
  const workUs = workBefore(startUs) + task.loadedUs;
  const endUs = interference.coveredUs(workUs, limitUs(lane));
  if (endUs === undefined) return undefined;
  return {
    task,
    responseUs: Math.max(task.loadedUs, endUs - arrivesUs),
    arrivesUs,
    windowUs: endUs,
    blockedBy,
    blockedUs,
    first: lane.tasks
      .map((mate) => ({
        task: mate,
        jobs: mate === task ? Math.floor(arrivesUs / task.periodUs) : jobsBefore(mate, startUs),
      }))
      .filter(({ jobs }) => jobs > 0),
    waitUs: endUs - workUs,
  };
}

/** No window of the analysis is longer than this. */
function limitUs(lane: LaneDemand): number {
  return PERIODS_MAX * Math.min(...lane.tasks.map(({ periodUs }) => periodUs)) + lane.tasks[0]!.deadlineUs;
}

/** The first instant by which the lane can have done all work that has come by then; undefined when there is none. */
function settledUs(
  workBy: (atUs: number) => number,
  given: { from: number; lane: LaneDemand; interference: Interference },
): number | undefined {
  const atMostUs = limitUs(given.lane);
  let workUs = workBy(given.from);
  for (let step = 0; step < STEPS_MAX; step += 1) {
    const atUs = given.interference.coveredUs(workUs, atMostUs);
    if (atUs === undefined || atUs > atMostUs) return undefined;
    const more = workBy(atUs);
    if (more <= workUs) return atUs;
    workUs = more;
  }
  return undefined;
}
