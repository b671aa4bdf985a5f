// Owns the running estimate of how long a session's jobs run, from which the latest start follows.
// Knows no clock. Invariant: the estimate is the median of the last WINDOW runs, or 0 before the first.

// Long enough that one outlier does not move the median, short enough to follow a change of load within a second
// or two of camera frames.
const WINDOW = 31;

/** The median of recent run times, until a profile exists. */
export class RunTimeEstimate {
  private readonly recentUs = new Float64Array(WINDOW);
  private recorded = 0;
  /** Found when asked for: an inline session records every few microseconds and never asks. */
  private medianUs: number | undefined = 0;

  /** Records one run that came to its own end. Stopped runs say nothing about the whole run's length. */
  record(runUs: number): void {
    this.recentUs[this.recorded % WINDOW] = runUs;
    this.recorded += 1;
    this.medianUs = undefined;
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
