// Owns the running estimate of how long a session's jobs run, from which the latest start follows.
// Knows no clock. Invariant: the estimate is the median of the last WINDOW runs, or 0 before the first.

// Long enough that one outlier does not move the median, short enough to follow a change of load within a second
// or two of camera frames.
const WINDOW = 31;

/** The median of recent run times, until a profile exists. */
export class RunTimeEstimate {
  private readonly recentUs: number[] = [];
  private next = 0;
  private median = 0;

  /** Records one run that came to its own end. Stopped runs say nothing about the whole run's length. */
  record(runUs: number): void {
    this.recentUs[this.next] = runUs;
    this.next = (this.next + 1) % WINDOW;
    const sorted = [...this.recentUs].sort((a, b) => a - b);
    this.median = sorted[sorted.length >> 1] ?? 0;
  }

  /** The latest instant at which a job still makes its deadline if it runs for the median time. */
  latestStartUs(deadlineUs: number): number {
    return deadlineUs - this.median;
  }
}
