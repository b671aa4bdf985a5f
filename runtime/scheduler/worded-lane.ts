// Owns what a lane does with the words of its sessions: whom it lets wait, whom it stops, until when a job may start.
// Knows no policy and no thread. Invariant: a suspended session has no job waiting, and none starts;
// native/host/lane_core decides alike, and a differential test holds both to it.

import type { CancelReason, LaneJob, Settlement } from "../core/lane.js";
import type { SessionWord } from "../core/session-word.js";
import type { LaneCore, RunEnd } from "./lane-core.js";

/**
 * A lane core that reads words. Between two words the lane needs nobody: what the word says is done at job rate.
 * The owner tells it of starts and settlements, which it needs in order to know whose jobs it holds.
 */
export class WordedLane {
  private readonly words = new Map<number, SessionWord>();
  private readonly jobs = new Map<number, LaneJob>();
  private runningJobId = -1;

  /**
   * @param settle called for a job that never reaches the core; the core's own settlements go to whoever made it
   */
  constructor(
    readonly core: LaneCore,
    private readonly settle: (settlement: Settlement) => void,
  ) {}

  /** Takes a session's word; at once, also for jobs that wait already: the earliest deadline is called off first. */
  publish(sessionId: number, { word, nowUs }: { readonly word: SessionWord; readonly nowUs: number }): void {
    this.words.set(sessionId, word);
    if (!word.isSuspended) return;
    const held = [...this.jobs.values()].filter((job) => job.sessionId === sessionId);
    for (const { jobId } of held.sort(byUrgency)) {
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
    this.jobs.set(job.jobId, job);
    const isJobsOwn = job.late === "keep" || word.latestStartAllowanceUs === 0;
    const latestStartUs = isJobsOwn ? job.latestStartUs : job.deadlineUs - word.latestStartAllowanceUs;
    this.core.submit({ ...job, latestStartUs }, nowUs);
  }

  cancel(jobId: number, request: { readonly reason: CancelReason; readonly nowUs: number }): void {
    this.core.cancel(jobId, request);
  }

  /** A job of a higher class waits for what this lane's running job holds and no scheduler can take from it. */
  makeWay(nowUs: number): void {
    const running = this.jobs.get(this.runningJobId);
    if (running === undefined || this.words.get(running.sessionId)?.isCancelledIfBlocking !== true) return;
    this.core.cancel(this.runningJobId, { reason: "preempted", nowUs });
  }

  /** The core has started a job. */
  noteStarted(jobId: number): void {
    this.runningJobId = jobId;
  }

  /** The core has settled a job. */
  noteSettled(jobId: number): void {
    this.jobs.delete(jobId);
    if (this.runningJobId === jobId) this.runningJobId = -1;
  }

  runEnded(end: RunEnd): void {
    this.core.runEnded(end);
  }

  tick(nowUs: number): void {
    this.core.tick(nowUs);
  }
}

function byUrgency(a: LaneJob, b: LaneJob): number {
  return a.deadlineUs - b.deadlineUs || a.jobId - b.jobId;
}
