// Owns the study of admission: drawn sets, what the analysis says of them, and what a search for misses finds.
// Knows no table. Invariant: a set counts as refused in vain only if the search found no miss in it.

import { seededRng } from "../../runtime/core/rng.js";
import type { AdmissionTask, MachineModel } from "../../runtime/scheduler/admission/admission-task.js";
import { type Admission, admit } from "../../runtime/scheduler/admission/analysis.js";
import { drawTaskSet } from "./task-sets.js";
import { searchMiss } from "./worst-pattern.js";

/** Bins of total utilisation over all cores; the third is cut where the bar ends. */
export const BINS: readonly (readonly [from: number, to: number])[] = [
  [0.5, 0.6],
  [0.6, 0.7],
  [0.7, 0.75],
  [0.75, 0.8],
  [0.8, 0.9],
  [0.9, 0.95],
];

/** What to study. */
export interface StudyRequest {
  readonly cores: number;
  readonly seed: number;
  readonly setsPerBin: number;
  readonly playsPerTask: number;
  readonly threadsMax: number;
  readonly preemption: MachineModel["preemption"];
}

/** What was found in one bin. */
export interface BinResult {
  readonly from: number;
  readonly to: number;
  readonly sets: number;
  readonly admitted: number;
  /** Admitted sets in which a miss, or a response above its bound, was found: must be none. */
  readonly unsound: number;
  /** Refused sets in which a miss was found. */
  readonly refusedRightly: number;
  /** Refused sets in which none was found. */
  readonly refusedInVain: number;
  /** Seeds of the unsound sets, to look at. */
  readonly unsoundSeeds: readonly number[];
}

/** A machine as ideal as the simulated one: classes strictly above one another, nothing lost. */
export function idealMachine(cores: number, preemption: MachineModel["preemption"]): MachineModel {
  return { cores, preemption, weights: "strict", contention: 1, dispatchUs: 0, powerMw: "unlimited" };
}

/** Studies one bin. The set with index i of a bin has a seed of its own, so that each can be looked at alone. */
export function studyBin([from, to]: readonly [number, number], request: StudyRequest): BinResult {
  const count = { admitted: 0, refusedRightly: 0, refusedInVain: 0 };
  const unsoundSeeds: number[] = [];
  for (let index = 0; index < request.setsPerBin; index += 1) {
    const seed = request.seed * 1_000_003 + Math.round(from * 1000) * 100_003 + index;
    const verdict = studySet(seed, { from, to, request });
    if (verdict === "unsound") unsoundSeeds.push(seed);
    else count[verdict] += 1;
  }
  const { admitted, ...refused } = count;
  const unsound = unsoundSeeds.length;
  return {
    from,
    to,
    sets: request.setsPerBin,
    admitted: admitted + unsound,
    unsound,
    ...refused,
    unsoundSeeds,
  };
}

/** What became of one drawn set. */
export type SetVerdict = "admitted" | "unsound" | "refusedRightly" | "refusedInVain";

/** Draws, analyses and searches one set. */
export function studySet(
  seed: number,
  { from, to, request }: { from: number; to: number; request: StudyRequest },
): SetVerdict {
  const rng = seededRng(seed);
  const { cores, threadsMax, playsPerTask, preemption } = request;
  const utilisation = from + rng.next() * (to - from);
  const tasks = drawTaskSet(rng, { cores, utilisation, threadsMax });
  const admission = admit(tasks, idealMachine(cores, preemption));
  const { hasMiss, responsesUs } = searchMiss(tasks, {
    cores,
    rng,
    preemption,
    effort: { playsPerTask },
    suspects: suspectsOf(tasks, admission),
  });
  if (!admission.isAdmitted) return hasMiss ? "refusedRightly" : "refusedInVain";
  const isBeyond = responsesUs.some((us, index) => us > admission.tasks[index]!.worstResponseUs + 1e-3);
  return hasMiss || isBeyond ? "unsound" : "admitted";
}

/** Every task, those closest to or beyond their deadline by the analysis first. */
function suspectsOf(tasks: readonly AdmissionTask[], admission: Admission): number[] {
  const share = (index: number): number => admission.tasks[index]!.worstResponseUs / tasks[index]!.deadlineUs;
  return [...tasks.keys()].sort((a, b) => share(b) - share(a) || a - b);
}
