// Owns finding what would fit where a contract does not: the first of some candidates that is admitted.
// Knows no rung and no variant. Invariant: an answer has been analysed together with everything already promised.

import type { AdmissionTask, MachineModel } from "./admission-task.js";
import { type Admission, admit } from "./analysis.js";

/** One way a session could run instead, best first. */
export interface RungCandidate {
  /** As a user would write it: `road-seg@int8-256`, `rate 1/2`. */
  readonly rung: string;
  readonly task: AdmissionTask;
}

/** A candidate and what was found of it. */
export interface TriedRung {
  readonly rung: string;
  readonly admission: Admission;
}

/** The first rung that fits, if any, and every one before it with its reasons. */
export interface NearestRung {
  readonly fits: TriedRung | undefined;
  readonly tried: readonly TriedRung[];
}

/**
 * Tries the candidates in order beside the tasks that are already promised.
 */
export function nearestRung(
  candidates: readonly RungCandidate[],
  given: { readonly promised: readonly AdmissionTask[]; readonly machine: MachineModel },
): NearestRung {
  const tried: TriedRung[] = [];
  for (const { rung, task } of candidates) {
    const admission = admit([...given.promised, task], given.machine);
    tried.push({ rung, admission });
    if (admission.isAdmitted) return { fits: tried.at(-1), tried };
  }
  return { fits: undefined, tried };
}
