// Owns a lane's decisions: order, drops, stops and how each job settles. Knows no clock, no thread and no model.
// Invariant: native/host/lane_core takes the same decisions; a differential test replays traces through both.

import type { CancelReason, LaneJob, Settlement } from "../core/lane.js";
import { LIMITS } from "../core/limits.js";
import type { OutcomeReason, OutcomeStatus } from "../core/outcome.js";

/** How the executor says a run came to its end. */
export interface RunEnd {
  readonly kind: "completed" | "terminated" | "non-finite" | "failed" | "lost";
  readonly endedUs: number;
  readonly cpuUs: number;
  readonly message?: string;
}

/** What the core asks of whoever drives it. Called synchronously; must not call back into the core. */
export interface LaneActions {
  start(job: LaneJob): void;
  /** Ask the running job to stop; asked at most once per job. */
  terminate(job: LaneJob): void;
  settle(settlement: Settlement): void;
}

interface RunningJob {
  readonly job: LaneJob;
  readonly startedUs: number;
  stopReason: Extract<OutcomeReason, "deadline" | CancelReason> | undefined;
}

/**
 * The state machine of one lane: a ready queue in earliest-deadline-first order (ties by job id) and at most one
 * running job. Non-preemptive. The driver calls `submit`, `cancel` and `runEnded` as things happen, then `tick`,
 * which stops what is over its deadline, drops what can no longer start, and starts the next job.
 */
export class LaneCore {
  private readonly ready: LaneJob[] = [];
  private running: RunningJob | undefined;

  constructor(private readonly actions: LaneActions) {}

  get queuedCount(): number {
    return this.ready.length;
  }

  get isRunning(): boolean {
    return this.running !== undefined;
  }

  /** The running job and when it started. */
  get started(): { readonly jobId: number; readonly startedUs: number } | undefined {
    return this.running && { jobId: this.running.job.jobId, startedUs: this.running.startedUs };
  }

  submit(job: LaneJob, nowUs: number): void {
    if (nowUs > job.latestStartUs) {
      this.settleUnstarted(job, { status: "dropped", reason: "stale", nowUs });
    } else if (this.ready.length >= LIMITS.jobsPerLane) {
      this.settleUnstarted(job, { status: "rejected", reason: "no-slot", nowUs });
    } else {
      this.ready.splice(this.positionOf(job), 0, job);
    }
  }

  cancel(jobId: number, request: { reason: CancelReason; nowUs: number }): void {
    if (this.running?.job.jobId === jobId) {
      this.stop(this.running, request.reason);
      return;
    }
    const position = this.ready.findIndex((job) => job.jobId === jobId);
    const [job] = position < 0 ? [] : this.ready.splice(position, 1);
    if (job) this.settleUnstarted(job, { status: "cancelled", ...request });
  }

  runEnded(end: RunEnd): void {
    const running = this.running;
    if (!running) throw new Error("a run ended on a lane that was not running one");
    this.running = undefined;
    const { status, reason } = verdict(running, end);
    this.actions.settle({
      jobId: running.job.jobId,
      status,
      reason,
      startedUs: running.startedUs,
      settledUs: end.endedUs,
      cpuUs: end.cpuUs,
      ...(end.message === undefined ? {} : { message: end.message }),
    });
  }

  tick(nowUs: number): void {
    const running = this.running;
    if (running && running.job.late === "cancel" && nowUs >= running.job.deadlineUs)
      this.stop(running, "deadline");
    this.dropStale(nowUs);
    if (this.running) return;
    const job = this.ready.shift();
    if (!job) return;
    this.running = { job, startedUs: nowUs, stopReason: undefined };
    this.actions.start(job);
  }

  /** When `tick` next has something to do if nothing else happens; Infinity when never. */
  nextWakeUs(): number {
    let wakeUs = Number.POSITIVE_INFINITY;
    for (const job of this.ready) wakeUs = Math.min(wakeUs, job.latestStartUs + 1);
    const running = this.running;
    if (running && running.job.late === "cancel" && running.stopReason === undefined) {
      wakeUs = Math.min(wakeUs, running.job.deadlineUs);
    }
    return wakeUs;
  }

  private dropStale(nowUs: number): void {
    for (let position = 0; position < this.ready.length; ) {
      const job = this.ready[position]!;
      if (nowUs > job.latestStartUs) {
        this.ready.splice(position, 1);
        this.settleUnstarted(job, { status: "dropped", reason: "stale", nowUs });
      } else position += 1;
    }
  }

  private stop(running: RunningJob, reason: RunningJob["stopReason"] & string): void {
    if (running.stopReason !== undefined) return;
    running.stopReason = reason;
    this.actions.terminate(running.job);
  }

  private settleUnstarted(
    job: LaneJob,
    { status, reason, nowUs }: { status: OutcomeStatus; reason: OutcomeReason; nowUs: number },
  ): void {
    this.actions.settle({ jobId: job.jobId, status, reason, startedUs: -1, settledUs: nowUs, cpuUs: -1 });
  }

  private positionOf(job: LaneJob): number {
    let low = 0;
    let high = this.ready.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (isBefore(this.ready[middle]!, job)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function isBefore(a: LaneJob, b: LaneJob): boolean {
  return a.deadlineUs < b.deadlineUs || (a.deadlineUs === b.deadlineUs && a.jobId < b.jobId);
}

function verdict(running: RunningJob, end: RunEnd): { status: OutcomeStatus; reason: OutcomeReason } {
  switch (end.kind) {
    case "terminated":
      return { status: "cancelled", reason: running.stopReason ?? "closing" };
    case "failed":
      return running.stopReason === undefined
        ? { status: "failed", reason: "provider" }
        : { status: "cancelled", reason: running.stopReason };
    case "lost":
      return { status: "failed", reason: "lost" };
    case "non-finite":
      return { status: "failed", reason: "non-finite" };
    case "completed":
      if (end.endedUs <= running.job.deadlineUs) return { status: "done", reason: "ok" };
      return { status: "late", reason: running.job.late === "keep" ? "kept" : "unstoppable" };
  }
}
