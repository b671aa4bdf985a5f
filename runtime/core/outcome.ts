// Owns the words for how a job settles. Knows neither models nor threads.
// Invariant: every submitted job settles exactly once, with one status and one reason from this closed table.

/** Every way a job can settle, and the closed set of reasons for each. */
export const OUTCOME_REASONS = {
  /** Finished before its deadline with finite outputs. */
  done: ["ok"],
  /** Finished after its deadline: the contract keeps late results, or the run could not be stopped in time. */
  late: ["kept", "unstoppable"],
  /** Never queued. */
  rejected: ["no-slot", "not-admitted", "closed", "suspended"],
  /** Queued, never started: its latest start passed, a newer job replaced it, or (m,k) skipped it. */
  dropped: ["stale", "superseded", "skipped"],
  /** Stopped, before or during its run. */
  cancelled: ["deadline", "signal", "preempted", "closing"],
  /** The provider reported an error, an output holds NaN or infinity, or the provider died with the job. */
  failed: ["provider", "non-finite", "lost"],
} as const;

/** How a job settled: a key of `OUTCOME_REASONS`. */
export type OutcomeStatus = keyof typeof OUTCOME_REASONS;
/** Why a job settled as it did: one of the reasons of its status. */
export type OutcomeReason = (typeof OUTCOME_REASONS)[OutcomeStatus][number];

/** All statuses, in the fixed order used by counters and native records. */
export const OUTCOME_STATUSES = Object.keys(OUTCOME_REASONS) as readonly OutcomeStatus[];

/**
 * Status and reason pairs in the fixed order of their numeric codes. The native host settles jobs with
 * the index into this list, so the order is part of the addon's interface.
 */
export const OUTCOME_CODES: readonly { readonly status: OutcomeStatus; readonly reason: OutcomeReason }[] =
  OUTCOME_STATUSES.flatMap((status) => OUTCOME_REASONS[status].map((reason) => ({ status, reason })));

/** The numeric code of a status and reason. Throws on a pair outside the table: that is a bug of ours. */
export function outcomeCode(status: OutcomeStatus, reason: OutcomeReason): number {
  const code = OUTCOME_CODES.findIndex((entry) => entry.status === status && entry.reason === reason);
  if (code < 0) throw new Error(`no outcome ${status}/${reason}`);
  return code;
}

/** A count for each status, all zero. */
export function zeroOutcomes(): Record<OutcomeStatus, number> {
  return Object.fromEntries(OUTCOME_STATUSES.map((status) => [status, 0])) as Record<OutcomeStatus, number>;
}

/** Outcomes the caller asked for: they do not count as misses of the contract. */
export function isRequested(reason: OutcomeReason): boolean {
  return reason === "signal" || reason === "closing" || reason === "closed" || reason === "superseded";
}
