// Owns the lane port: what every executor of jobs promises, whatever silicon or clock is behind it.
// Invariant: each submitted job is settled exactly once; a lane runs one job at a time, earliest deadline first.

import type { Criticality, LatePolicy } from "./contract.js";
import type { OutcomeReason, OutcomeStatus } from "./outcome.js";

/** A job as a lane sees it: numbers only. Times are on the runtime's clock. */
export interface LaneJob {
  readonly jobId: number;
  /** The provider session's handle. */
  readonly sessionId: number;
  /** Which of the session's slots holds the inputs and takes the outputs. */
  readonly slot: number;
  readonly deadlineUs: number;
  /** Dropped (`dropped / stale`) if it has not started by then. */
  readonly latestStartUs: number;
  readonly late: LatePolicy;
}

/** How a lane settled a job. Times are taken where the run ended, not where JavaScript heard of it. */
export interface Settlement {
  readonly jobId: number;
  readonly status: OutcomeStatus;
  readonly reason: OutcomeReason;
  /** When the run started; -1 if it never did. */
  readonly startedUs: number;
  readonly settledUs: number;
  /** Processor time of the run on the lane's thread; -1 when unknown. */
  readonly cpuUs: number;
  /** The provider's message when `failed / provider`. */
  readonly message?: string;
}

/** A job that runs on a lane at this moment. */
export interface RunningJob {
  readonly jobId: number;
  readonly startedUs: number;
  readonly criticality: Criticality;
  readonly laneIndex: number;
}

/** Why a job is stopped from outside. */
export type CancelReason = Extract<OutcomeReason, "signal" | "preempted" | "closing">;

/** One executor of jobs. The production lanes are native threads; the model lane runs the same rules in TypeScript. */
export interface Lane {
  /** Queues a job. Never throws and never runs it synchronously; settles it through the lane's settle callback. */
  submit(job: LaneJob): void;
  /** Stops a queued job at once and asks a running one to stop. Unknown ids are ignored: the job has settled. */
  cancel(jobId: number, reason: CancelReason): void;
}
