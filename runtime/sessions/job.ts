// Owns what a session knows of one of its jobs, and the record its settlement leaves. Knows no provider and no policy.

import type { LatePolicy } from "../core/contract.js";
import { type RedlineEvent, settlementKind } from "../core/events.js";
import type { Settlement } from "../core/lane.js";
import type { Rung } from "../core/rung.js";
import type { OpenedVariant } from "./opened-variant.js";
import type { ArrivingJob } from "./session-policy.js";
import type { SettledFacts } from "./settled-outcome.js";

/** A slot of one variant, taken on the rung the session stood on. */
export interface Place {
  readonly variant: OpenedVariant;
  readonly slot: number;
  readonly rung: Rung;
}

/** A job between its arrival and its outcome. */
export interface Job extends Place {
  readonly jobId: number;
  readonly frame: number;
  readonly capturedUs: number;
  readonly deadlineUs: number;
}

/** The job as policy is asked about it. */
export function arrivalOf({ jobId, frame, deadlineUs, rung }: Job): ArrivingJob {
  return { jobId, frame, deadlineUs, rung: rung.index };
}

/** A run on the caller's thread, judged as a lane judges one: nothing stops it, so it may be late. */
export function judgeInline(
  settlement: Settlement,
  { jobId, deadlineUs, late }: Pick<Job, "jobId" | "deadlineUs"> & { readonly late: LatePolicy },
): Settlement {
  if (settlement.status !== "done" || settlement.settledUs <= deadlineUs) return { ...settlement, jobId };
  return { ...settlement, jobId, status: "late", reason: late === "keep" ? "kept" : "unstoppable" };
}

/** The one event of a job. */
export function jobEvent(session: string, facts: SettledFacts): RedlineEvent {
  return {
    kind: settlementKind(facts.status),
    atUs: facts.settledUs,
    session,
    jobId: facts.jobId,
    status: facts.status,
    reason: facts.reason,
    capturedUs: facts.capturedUs,
    startedUs: facts.startedUs,
    deadlineUs: facts.deadlineUs,
    cpuUs: facts.cpuUs,
    detail: "",
  };
}
