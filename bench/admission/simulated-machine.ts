// Owns a machine in discrete events: lanes at class priority over m cores, jobs of a lane one at a time by deadline.
// Knows no analysis. Invariant: work-conserving; between two events nothing changes.

import { CRITICALITIES } from "../../runtime/core/contract.js";
import type { AdmissionTask } from "../../runtime/scheduler/admission/admission-task.js";

/** When jobs come, and who goes first where the machine promises nothing. */
export interface Pattern {
  /** Arrivals of each task, rising, at least a period apart. */
  readonly arrivalsUs: readonly (readonly number[])[];
  /** The task whose lane gets a core last among those of its class. */
  readonly lastTask: number;
  /** Order of the other lanes of a class: by this sign of their index. */
  readonly isReversed: boolean;
  /**
   * How a job of several threads that finds too few cores goes on: not at all, leaving the cores to others, or more slowly
   * on those there are.
   */
  readonly gang: "rigid" | "malleable";
}

/** What the machine did. */
export interface SimulationResult {
  /** Longest response of each task. */
  readonly responsesUs: readonly number[];
  /** When the job with the longest response of each task arrived. */
  readonly worstArrivalsUs: readonly number[];
  readonly hasMiss: boolean;
}

interface LaneState {
  readonly rank: number;
  readonly queue: Job[];
  running: Job | undefined;
  cores: number;
}

interface Job {
  readonly task: number;
  readonly arrivedUs: number;
  readonly deadlineUs: number;
  /** Left to do with all its threads running; a fraction where fewer ran for a while. */
  leftUs: number;
}

/** Plays a pattern until every job has ended or one has missed its deadline. */
export function simulate(
  tasks: readonly AdmissionTask[],
  pattern: Pattern,
  { cores, preemption = "classes" }: { cores: number; preemption?: "classes" | "none" },
): SimulationResult {
  const { lanes, laneOf } = lanesFor(tasks, pattern, preemption);
  const next = tasks.map(() => 0);
  const responsesUs = tasks.map(() => 0);
  const worstArrivalsUs = tasks.map(() => 0);
  let nowUs = 0;
  for (;;) {
    admitArrivals(nowUs);
    allot(lanes, { tasks, cores, gang: pattern.gang });
    const untilUs = Math.min(nextArrivalUs(), nextEndUs(nowUs));
    if (untilUs === Number.POSITIVE_INFINITY) return { responsesUs, worstArrivalsUs, hasMiss: false };
    if (run(nowUs, untilUs)) return { responsesUs, worstArrivalsUs, hasMiss: true };
    nowUs = untilUs;
  }

  function admitArrivals(atUs: number): void {
    for (let task = 0; task < tasks.length; task += 1) {
      const arrivals = pattern.arrivalsUs[task]!;
      while (next[task]! < arrivals.length && arrivals[next[task]!]! <= atUs) {
        const arrivedUs = arrivals[next[task]!]!;
        next[task]! += 1;
        const { deadlineUs, costUs } = tasks[task]!;
        laneOf[task]!.queue.push({ task, arrivedUs, deadlineUs: arrivedUs + deadlineUs, leftUs: costUs });
      }
    }
  }

  function nextArrivalUs(): number {
    let earliest = Number.POSITIVE_INFINITY;
    for (let task = 0; task < tasks.length; task += 1)
      earliest = Math.min(earliest, pattern.arrivalsUs[task]![next[task]!] ?? Number.POSITIVE_INFINITY);
    return earliest;
  }

  function nextEndUs(atUs: number): number {
    let earliest = Number.POSITIVE_INFINITY;
    for (const { running, cores: held } of lanes) {
      if (running === undefined || held === 0) continue;
      earliest = Math.min(earliest, atUs + (running.leftUs * tasks[running.task]!.threads) / held);
    }
    return earliest;
  }

  /** Advances every lane that has cores. Whether a job missed its deadline. */
  function run(fromUs: number, untilUs: number): boolean {
    for (const lane of lanes) {
      const job = lane.running;
      if (job === undefined || lane.cores === 0) continue;
      job.leftUs -= ((untilUs - fromUs) * lane.cores) / tasks[job.task]!.threads;
      // Fractions of threads add up to a job but for rounding.
      if (job.leftUs > 1e-6) continue;
      lane.running = undefined;
      const responseUs = untilUs - job.arrivedUs;
      if (responseUs > responsesUs[job.task]!) {
        responsesUs[job.task] = responseUs;
        worstArrivalsUs[job.task] = job.arrivedUs;
      }
      if (untilUs > job.deadlineUs + 1e-6) return true;
    }
    return false;
  }
}

function lanesFor(
  tasks: readonly AdmissionTask[],
  { lastTask, isReversed }: Pattern,
  preemption: "classes" | "none",
): { lanes: LaneState[]; laneOf: LaneState[] } {
  const byKey = new Map<string, LaneState>();
  const last = tasks[lastTask]!;
  const laneOf = tasks.map(({ criticality, laneIndex }) => {
    const key = `${criticality} ${laneIndex}`;
    const level = preemption === "classes" ? CRITICALITIES.indexOf(criticality) : 0;
    const isLast = criticality === last.criticality && laneIndex === last.laneIndex;
    const place = laneIndex + 8 * CRITICALITIES.indexOf(criticality);
    const rank = level * 1000 + (isLast ? 900 : isReversed ? 100 - place : place);
    const lane = byKey.get(key) ?? { rank, queue: [], running: undefined, cores: 0 };
    byKey.set(key, lane);
    return lane;
  });
  return { lanes: [...byKey.values()].sort((a, b) => a.rank - b.rank), laneOf };
}

/** Gives the cores to lanes in their order; a lane that gets one and has no job takes the earliest deadline. */
function allot(
  lanes: readonly LaneState[],
  { tasks, cores, gang }: { tasks: readonly AdmissionTask[]; cores: number; gang: Pattern["gang"] },
): void {
  let free = cores;
  for (const lane of lanes) {
    lane.cores = 0;
    const job = lane.running ?? earliestOf(lane.queue);
    if (job === undefined || free === 0) continue;
    const wanted = tasks[job.task]!.threads;
    if (gang === "rigid" && free < wanted) continue;
    if (lane.running === undefined) lane.queue.splice(lane.queue.indexOf(job), 1);
    lane.running = job;
    lane.cores = Math.min(free, wanted);
    free -= lane.cores;
  }
}

function earliestOf(queue: readonly Job[]): Job | undefined {
  let earliest: Job | undefined;
  for (const job of queue) if (earliest === undefined || job.deadlineUs < earliest.deadlineUs) earliest = job;
  return earliest;
}
