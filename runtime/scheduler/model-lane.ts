// Owns the lane in TypeScript: the core's decisions driven by a clock and an executor. Knows no model and no thread.
// Invariant: passes the same suite as the native lane; used where there is no addon, in tests and in simulation.

import type { Alarm, Clock } from "../core/clock.js";
import type { CancelReason, Lane, LaneJob, Settlement } from "../core/lane.js";
import type { SessionWord } from "../core/session-word.js";
import { LaneCore, type RunEnd } from "./lane-core.js";
import { WordedLane } from "./worded-lane.js";

/** Runs one job at a time for a lane. */
export interface Executor {
  /** Starts a job and calls `ended` exactly once, never synchronously. After `ModelLane.replace` it may call late, or never. */
  start(job: LaneJob, ended: (end: RunEnd) => void): void;
  /** Asks the job to stop. An executor that cannot stop a run ignores it: the job then settles late. */
  terminate(job: LaneJob): void;
}

/**
 * A lane whose executor is a port. A session's jobs run once its first word has been published.
 *
 * @example
 * const lane = new ModelLane({ clock, executor, onSettle: (settlement) => settled.push(settlement) });
 * const word = { criticality: "critical", isSuspended: false, isCancelledIfBlocking: false, latestStartAllowanceUs: 0 } as const;
 * lane.publish(1, word);
 * lane.submit({ jobId: 1, sessionId: 1, slot: 0, deadlineUs: 50_000, latestStartUs: 40_000, late: "cancel" });
 */
export class ModelLane implements Lane {
  private readonly clock: Clock;
  private readonly lane: WordedLane;
  // One per run, so that the end of one that was given up is told from that of its successor.
  private run: object | undefined;
  private alarm: Alarm | undefined;
  private alarmUs = Number.POSITIVE_INFINITY;

  constructor(ports: { clock: Clock; executor: Executor; onSettle: (settlement: Settlement) => void }) {
    this.clock = ports.clock;
    // A settlement is told later: the caller of submit must not be called back from inside it.
    const settle = (settlement: Settlement): void => {
      this.lane.noteSettled(settlement.jobId);
      queueMicrotask(() => ports.onSettle(settlement));
    };
    const core = new LaneCore({
      start: (job) => {
        this.lane.noteStarted(job.jobId);
        const run = {};
        this.run = run;
        ports.executor.start(job, (end) => {
          if (this.run === run) this.endRun(end);
        });
      },
      terminate: (job) => ports.executor.terminate(job),
      settle,
    });
    this.lane = new WordedLane(core, settle);
  }

  /** The running job and when it started. */
  get started(): { readonly jobId: number; readonly startedUs: number } | undefined {
    return this.lane.core.started;
  }

  /** Takes a session's word, its first one before its first job. */
  publish(sessionId: number, word: SessionWord): void {
    this.lane.publish(sessionId, { word, nowUs: this.clock.nowUs() });
    this.advance();
  }

  /** A session has closed: its word is forgotten. */
  forget(sessionId: number): void {
    this.lane.forget(sessionId);
  }

  submit(job: LaneJob): void {
    this.lane.submit(job, this.clock.nowUs());
    this.advance();
  }

  cancel(jobId: number, reason: CancelReason): void {
    this.lane.cancel(jobId, { reason, nowUs: this.clock.nowUs() });
    this.advance();
  }

  /** The running job settles `failed / lost`, and the next one starts: the caller has made room for it in the executor. */
  replace(): void {
    if (this.run) this.endRun({ kind: "lost", endedUs: this.clock.nowUs(), cpuUs: -1 });
  }

  private endRun(end: RunEnd): void {
    this.run = undefined;
    this.lane.runEnded(end);
    this.advance();
  }

  private advance(): void {
    this.lane.tick(this.clock.nowUs());
    const wakeUs = this.lane.core.nextWakeUs();
    if (wakeUs === this.alarmUs) return;
    this.alarm?.cancel();
    this.alarmUs = wakeUs;
    this.alarm =
      wakeUs === Number.POSITIVE_INFINITY
        ? undefined
        : this.clock.setAlarm(wakeUs, () => {
            this.alarmUs = Number.POSITIVE_INFINITY;
            this.advance();
          });
  }
}
