// Owns the search for a pattern of arrivals in which a set misses a deadline. Knows the machine, not the analysis.
// Invariant: every pattern it plays is a legal one, so that a miss it finds is a miss the set can have.

import type { Rng } from "../../runtime/core/rng.js";
import type { AdmissionTask } from "../../runtime/scheduler/admission/admission-task.js";
import { type Pattern, type SimulationResult, simulate } from "./simulated-machine.js";
import { HYPERPERIOD_US } from "./task-sets.js";

/** First arrivals, and what one job of a task is later than it could be, by task. */
interface Phases {
  readonly offsetsUs: readonly number[];
  /** From its n-th job on, a task is this much later: sporadic tasks may pause. */
  readonly pauses: readonly { readonly fromJob: number; readonly us: number }[];
}

/** How hard to look. */
export interface SearchEffort {
  /** Patterns played for each task. */
  readonly playsPerTask: number;
}

/** What the search found. */
export interface SearchResult {
  readonly hasMiss: boolean;
  /** Longest response seen of each task. */
  readonly responsesUs: readonly number[];
}

/** Looks for a miss: of each task in turn, from its textbook critical instant and from drawn offsets, by hill climbing. */
export function searchMiss(
  tasks: readonly AdmissionTask[],
  given: {
    readonly cores: number;
    readonly rng: Rng;
    readonly effort: SearchEffort;
    /** Tasks to look at, those most likely to miss first. Default: all. */
    readonly suspects?: readonly number[];
    readonly preemption?: "classes" | "none";
  },
): SearchResult {
  const responsesUs = tasks.map(() => 0);
  const { rng } = given;
  const play = (phases: Phases, target: number): SimulationResult => {
    const pattern: Pattern = {
      arrivalsUs: arrivalsOf(tasks, phases),
      lastTask: target,
      isReversed: rng.next() < 0.5,
      gang: rng.next() < 0.5 ? "rigid" : "malleable",
    };
    const { cores, preemption = "classes" } = given;
    const result = simulate(tasks, pattern, { cores, preemption });
    result.responsesUs.forEach((us, index) => {
      responsesUs[index] = Math.max(responsesUs[index]!, us);
    });
    return result;
  };
  for (const target of given.suspects ?? tasks.keys()) {
    if (climb(tasks, { target, rng, play, plays: given.effort.playsPerTask }))
      return { hasMiss: true, responsesUs };
  }
  return { hasMiss: false, responsesUs };
}

/** Half the plays start anew, the others change the best so far a little. Whether a miss was found. */
function climb(
  tasks: readonly AdmissionTask[],
  given: {
    target: number;
    rng: Rng;
    plays: number;
    play: (phases: Phases, target: number) => SimulationResult;
  },
): boolean {
  const { target, rng, plays, play } = given;
  const starts = criticalInstants(tasks, target);
  let best: { phases: Phases; us: number; atUs: number } | undefined;
  for (let count = 0; count < plays; count += 1) {
    const isFresh = best === undefined || count < starts.length || (count < plays / 2 && rng.next() < 0.3);
    const phases = isFresh
      ? (starts[count] ?? drawPhases(tasks, rng))
      : changed(tasks, { phases: best!.phases, towardsUs: best!.atUs, rng });
    const { hasMiss, responsesUs, worstArrivalsUs } = play(phases, target);
    if (hasMiss) return true;
    const us = responsesUs[target]!;
    if (best === undefined || us >= best.us) best = { phases, us, atUs: worstArrivalsUs[target]! };
  }
  return false;
}

/** All together; then with each mate that has a later deadline just started; then with the target behind its mates. */
function criticalInstants(tasks: readonly AdmissionTask[], target: number): Phases[] {
  const none = tasks.map(() => ({ fromJob: 0, us: 0 }));
  const { criticality, laneIndex, deadlineUs } = tasks[target]!;
  const isMate = (task: AdmissionTask): boolean =>
    task.criticality === criticality && task.laneIndex === laneIndex;
  const starts: Phases[] = [{ offsetsUs: tasks.map(() => 0), pauses: none }];
  tasks.forEach((mate, blocker) => {
    if (blocker === target || !isMate(mate)) return;
    if (mate.deadlineUs > deadlineUs)
      starts.push({ offsetsUs: tasks.map((_, index) => (index === blocker ? 0 : 1)), pauses: none });
    const apartUs = mate.deadlineUs - deadlineUs;
    if (apartUs > 0)
      starts.push({ offsetsUs: tasks.map((_, index) => (index === target ? apartUs : 0)), pauses: none });
  });
  return starts;
}

function drawPhases(tasks: readonly AdmissionTask[], rng: Rng): Phases {
  return {
    offsetsUs: tasks.map(({ periodUs }) => (rng.next() < 0.4 ? 0 : rng.below(periodUs))),
    pauses: tasks.map(() => ({ fromJob: 0, us: 0 })),
  };
}

/** One task elsewhere: anywhere, a little aside, so that a job of it comes with the worst one, or ends as that arrives. */
function changed(
  tasks: readonly AdmissionTask[],
  { phases, towardsUs, rng }: { phases: Phases; towardsUs: number; rng: Rng },
): Phases {
  const at = rng.below(tasks.length);
  const { periodUs, costUs } = tasks[at]!;
  const offsetUs = phases.offsetsUs[at]!;
  const aimsUs = [0, 1, -1, -costUs + 1, -rng.below(costUs + 1), rng.below(periodUs)];
  const aimUs = towardsUs + aimsUs[rng.below(aimsUs.length)]!;
  const isPause = rng.next() < 0.35;
  if (!isPause) {
    const movedUs = (((rng.next() < 0.75 ? aimUs : rng.below(periodUs)) % periodUs) + periodUs) % periodUs;
    return { ...phases, offsetsUs: phases.offsetsUs.map((us, index) => (index === at ? movedUs : us)) };
  }
  // A pause before the job that would come next after the aim brings that job onto it.
  const fromJob = Math.max(0, Math.floor((aimUs - offsetUs) / periodUs));
  const us = Math.max(0, aimUs - (offsetUs + fromJob * periodUs));
  return { ...phases, pauses: phases.pauses.map((pause, index) => (index === at ? { fromJob, us } : pause)) };
}

function arrivalsOf(tasks: readonly AdmissionTask[], { offsetsUs, pauses }: Phases): number[][] {
  return tasks.map(({ periodUs }, index) => {
    const arrivals: number[] = [];
    const { fromJob, us } = pauses[index]!;
    for (let job = 0; ; job += 1) {
      const atUs = offsetsUs[index]! + job * periodUs + (job >= fromJob ? us : 0);
      if (atUs >= HYPERPERIOD_US) return arrivals;
      arrivals.push(atUs);
    }
  });
}
