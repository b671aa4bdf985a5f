// Owns the watch over what runs on each lane: which critical job has overrun its WCET, which lane hangs. Knows no clock.
// Invariant: each run is named as overrunning at most once and as hung at most once, and never after it has ended.

/** What the watch is told of a run as it starts. */
export interface WatchedRun {
  readonly jobId: number;
  readonly startedUs: number;
  /** The run's worst time by its profile. */
  readonly wcetUs: number;
  /** When it will be asked to stop: its deadline, or Infinity if late results are kept. */
  readonly stopUs: number;
  readonly isCritical: boolean;
}

/** When a run counts as hung. */
export interface WatchRules {
  /** From the request to stop to the verdict: what a run may take to notice the request. */
  readonly graceUs: number;
  /** A run that nothing stops is hung after this many worst times, */
  readonly worstTimes: number;
  /** and not before this: a preempted lane makes no progress. */
  readonly unstoppedUs: number;
}

/** A CPU run notices a stop at its next node, milliseconds away; a tenth of a second is a hang. */
export const WATCH_RULES: WatchRules = { graceUs: 100_000, worstTimes: 20, unstoppedUs: 2_000_000 };

interface Watch {
  readonly run: WatchedRun;
  stopUs: number;
  hasOverrun: boolean;
  isHung: boolean;
}

/** One run per lane, by the lane's number. */
export class LaneWatch {
  private readonly watches = new Map<number, Watch>();

  constructor(private readonly rules: WatchRules = WATCH_RULES) {}

  started(laneId: number, run: WatchedRun): void {
    const stopUs = Math.max(run.stopUs, run.startedUs);
    this.watches.set(laneId, { run, stopUs, hasOverrun: false, isHung: false });
  }

  /** A run was asked to stop before its deadline. */
  stopAsked(jobId: number, { nowUs }: { readonly nowUs: number }): void {
    for (const watch of this.watches.values()) {
      if (watch.run.jobId === jobId) watch.stopUs = Math.min(watch.stopUs, nowUs);
    }
  }

  ended({ laneId, jobId }: { readonly laneId: number; readonly jobId: number }): void {
    if (this.watches.get(laneId)?.run.jobId === jobId) this.watches.delete(laneId);
  }

  /** Jobs that overrun and lanes that hang, each told once. */
  tick(nowUs: number): { readonly overrun: readonly number[]; readonly hung: readonly number[] } {
    const overrun: number[] = [];
    const hung: number[] = [];
    for (const [laneId, watch] of this.watches) {
      if (nowUs >= this.overrunUs(watch)) {
        watch.hasOverrun = true;
        overrun.push(watch.run.jobId);
      }
      if (nowUs >= this.hungUs(watch)) {
        watch.isHung = true;
        hung.push(laneId);
      }
    }
    return { overrun, hung };
  }

  nextWakeUs(): number {
    let wakeUs = Number.POSITIVE_INFINITY;
    for (const watch of this.watches.values()) {
      wakeUs = Math.min(wakeUs, this.overrunUs(watch), this.hungUs(watch));
    }
    return wakeUs;
  }

  private overrunUs({ run, hasOverrun }: Watch): number {
    return run.isCritical && !hasOverrun ? run.startedUs + run.wcetUs + 1 : Number.POSITIVE_INFINITY;
  }

  private hungUs({ run, stopUs, isHung }: Watch): number {
    if (isHung) return Number.POSITIVE_INFINITY;
    if (stopUs !== Number.POSITIVE_INFINITY) return stopUs + this.rules.graceUs;
    return run.startedUs + Math.max(this.rules.worstTimes * run.wcetUs, this.rules.unstoppedUs);
  }
}
