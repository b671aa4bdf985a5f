// Owns the lane in TypeScript: the core's decisions driven by a clock and an executor. Knows no model and no thread.
// Invariant: passes the same suite as the native lane; used where there is no addon, in tests and in simulation.

import type { Alarm, Clock } from "../core/clock.js";
import type { CancelReason, Lane, LaneJob, Settlement } from "../core/lane.js";
import { LaneCore, type RunEnd } from "./lane-core.js";

/** Runs one job at a time for a lane. */
export interface Executor {
  /** Starts a job and calls `ended` exactly once, never synchronously. */
  start(job: LaneJob, ended: (end: RunEnd) => void): void;
  /** Asks the job to stop. An executor that cannot stop a run ignores it: the job then settles late. */
  terminate(job: LaneJob): void;
}

/**
 * A lane whose executor is a port.
 *
 * @example
 * const lane = new ModelLane({ clock, executor, onSettle: (settlement) => settled.push(settlement) });
 * lane.submit({ jobId: 1, sessionId: 1, slot: 0, deadlineUs: 50_000, latestStartUs: 40_000, late: "cancel" });
 */
export class ModelLane implements Lane {
  private readonly clock: Clock;
  private readonly core: LaneCore;
  private alarm: Alarm | undefined;
  private alarmUs = Number.POSITIVE_INFINITY;

  constructor(ports: { clock: Clock; executor: Executor; onSettle: (settlement: Settlement) => void }) {
    this.clock = ports.clock;
    this.core = new LaneCore({
      start: (job) =>
        ports.executor.start(job, (end) => {
          this.core.runEnded(end);
          this.advance();
        }),
      terminate: (job) => ports.executor.terminate(job),
      // A settlement is told later: the caller of submit must not be called back from inside it.
      settle: (settlement) => queueMicrotask(() => ports.onSettle(settlement)),
    });
  }

  submit(job: LaneJob): void {
    this.core.submit(job, this.clock.nowUs());
    this.advance();
  }

  cancel(jobId: number, reason: CancelReason): void {
    this.core.cancel(jobId, { reason, nowUs: this.clock.nowUs() });
    this.advance();
  }

  private advance(): void {
    this.core.tick(this.clock.nowUs());
    const wakeUs = this.core.nextWakeUs();
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
