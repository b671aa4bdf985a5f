// Owns what a lane does with the words of its sessions: whom it lets wait, whom it stops, until when a job may start.
// Knows no policy and no thread. Invariant: a suspended session has no job waiting, and none starts.

import type { CancelReason, LaneJob, Settlement } from "../core/lane.js";
import type { SessionWord } from "../core/session-word.js";
import type { LaneCore, RunEnd } from "./lane-core.js";

/**
 * A lane core that reads words. Between two words the lane needs nobody: what the word says is done at job rate.
 * The owner tells it of starts and settlements, which it needs in order to know whose jobs it holds.
 */
export class WordedLane {
  private readonly words = new Map<number, SessionWord>();
  private readonly sessionOf = new Map<number, number>();
  private runningJobId = -1;

  /**
   * @param settle called for a job that never reaches the core; the core's own settlements go to whoever made it
   */
  constructor(
    readonly core: LaneCore,
    private readonly settle: (settlement: Settlement) => void,
  ) {}

  /** Takes a session's word; at once, also for jobs that wait already. */
  publish(sessionId: number, { word, nowUs }: { readonly word: SessionWord; readonly nowUs: number }): void {
    this.words.set(sessionId, word);
    if (!word.isSuspended) return;
    for (const [jobId, owner] of [...this.sessionOf]) {
      if (owner !== sessionId) continue;
      if (jobId === this.runningJobId && !word.isCancelledIfBlocking) continue;
      this.core.cancel(jobId, { reason: "preempted", nowUs });
    }
  }

  /** The session has left this lane. */
  forget(sessionId: number): void {
    this.words.delete(sessionId);
  }

  submit(job: LaneJob, nowUs: number): void {
    const word = this.words.get(job.sessionId);
    if (word === undefined || word.isSuspended) {
      this.settle({
        jobId: job.jobId,
        status: "rejected",
        reason: "suspended",
        startedUs: -1,
        settledUs: nowUs,
        cpuUs: -1,
      });
      return;
    }
    this.sessionOf.set(job.jobId, job.sessionId);
    const latestStartUs =
      job.late === "keep" ? job.latestStartUs : job.deadlineUs - word.latestStartAllowanceUs;
    this.core.submit({ ...job, latestStartUs }, nowUs);
  }

  cancel(jobId: number, request: { readonly reason: CancelReason; readonly nowUs: number }): void {
    this.core.cancel(jobId, request);
  }

  /** A job of a higher class waits for what this lane's running job holds and no scheduler can take from it. */
  makeWay(nowUs: number): void {
    const sessionId = this.sessionOf.get(this.runningJobId);
    if (sessionId === undefined || this.words.get(sessionId)?.isCancelledIfBlocking !== true) return;
    this.core.cancel(this.runningJobId, { reason: "preempted", nowUs });
  }

  /** The core has started a job. */
  noteStarted(jobId: number): void {
    this.runningJobId = jobId;
  }

  /** The core has settled a job. */
  noteSettled(jobId: number): void {
    this.sessionOf.delete(jobId);
    if (this.runningJobId === jobId) this.runningJobId = -1;
  }

  runEnded(end: RunEnd): void {
    this.core.runEnded(end);
  }

  tick(nowUs: number): void {
    this.core.tick(nowUs);
  }
}
