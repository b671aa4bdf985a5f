// Owns the running estimate of how long a session's jobs run, from which the latest start follows.
// Knows no clock. Invariant: the estimate is the median of the last WINDOW runs, or 0 before the first.

// Long enough that one outlier does not move the median, short enough to follow a change of load within a second
// or two of camera frames.
const WINDOW = 31;

// After this many jobs in a row were too late to start, the next one starts whatever the estimate says. Runs measured on
// a machine that was starting up or overloaded would otherwise keep a session out for ever: what never runs is never
// measured again. Few, so that a camera recovers within a fraction of a second.
const STALE_BEFORE_PROBE = 4;

/** The median of recent run times, until a profile exists. */
export class RunTimeEstimate {
  private readonly recentUs = new Float64Array(WINDOW);
  private recorded = 0;
  /** Found when asked for: an inline session records every few microseconds and never asks. */
  private medianUs: number | undefined = 0;
  private staleInARow = 0;

  /** Records one run that came to its own end. Stopped runs say nothing about the whole run's length. */
  record(runUs: number): void {
    this.recentUs[this.recorded % WINDOW] = runUs;
    this.recorded += 1;
    this.medianUs = undefined;
    this.staleInARow = 0;
  }

  /** Notes a job dropped because its latest start had passed; enough of them in a row empty the window. */
  noteStale(): void {
    this.staleInARow += 1;
    if (this.staleInARow < STALE_BEFORE_PROBE) return;
    this.staleInARow = 0;
    this.recorded = 0;
    this.medianUs = 0;
  }

  /** The latest instant at which a job still makes its deadline if it runs for the median time. */
  latestStartUs(deadlineUs: number): number {
    this.medianUs ??= medianOf(this.recentUs.subarray(0, Math.min(this.recorded, WINDOW)));
    return deadlineUs - this.medianUs;
  }
}

function medianOf(values: Float64Array): number {
  return values.toSorted()[values.length >> 1] ?? 0;
}
