// Owns the question the scheduler asks before it promises anything. Knows no analysis: that is behind the port.
// Invariant: a session that may stand on several devices is asked for on each of them, at its dearest rung there.

import type { Criticality } from "../core/contract.js";

/** One session on one device, as the analysis is asked about it. */
export interface AdmissionAsk {
  readonly sessionId: number;
  readonly criticality: Criticality;
  readonly device: string;
  /** The lane of its class on that device. */
  readonly laneId: number;
  readonly periodUs: number;
  readonly deadlineUs: number;
  /** The worst time over the session's rungs on that device. */
  readonly wcetUs: number;
  readonly watts: number | "unknown";
  /** False for a session that was opened best-effort: it loads the machine, and nothing is promised to it. */
  readonly isPromised: boolean;
}

/** The answer, with the arithmetic in words: one line per contract that would not hold. */
export interface AdmissionAnswer {
  readonly isAdmitted: boolean;
  readonly reasons: readonly string[];
}

/** Whether all that is promised holds together. A pure function. */
export type AdmissionPort = (asks: readonly AdmissionAsk[]) => AdmissionAnswer;
