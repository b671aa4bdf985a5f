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
  /** In the order they came, the oldest overwritten first. */
  private readonly recentUs = new Float64Array(WINDOW);
  /** The same runs, shortest first: kept so, as every job asks for the median and few would pay for a sort. */
  private readonly sortedUs = new Float64Array(WINDOW);
  private recorded = 0;
  private staleInARow = 0;

  /** Records one run that came to its own end. Stopped runs say nothing about the whole run's length. */
  record(runUs: number): void {
    const at = this.recorded % WINDOW;
    let count = Math.min(this.recorded, WINDOW);
    if (count === WINDOW) {
      const oldest = this.sortedUs.indexOf(this.recentUs[at]!);
      this.sortedUs.copyWithin(oldest, oldest + 1);
      count -= 1;
    }
    let place = count;
    while (place > 0 && this.sortedUs[place - 1]! > runUs) place -= 1;
    this.sortedUs.copyWithin(place + 1, place, count);
    this.sortedUs[place] = runUs;
    this.recentUs[at] = runUs;
    this.recorded += 1;
    this.staleInARow = 0;
  }

  /** Notes a job dropped because its latest start had passed; enough of them in a row empty the window. */
  noteStale(): void {
    this.staleInARow += 1;
    if (this.staleInARow < STALE_BEFORE_PROBE) return;
    this.staleInARow = 0;
    this.recorded = 0;
  }

  /** The latest instant at which a job still makes its deadline if it runs for the median time. */
  latestStartUs(deadlineUs: number): number {
    return deadlineUs - this.medianUs;
  }

  /** Whether runs are known and at most so long in the median. */
  isAtMost(limitUs: number): boolean {
    return this.recorded > 0 && this.medianUs <= limitUs;
  }

  private get medianUs(): number {
    const count = Math.min(this.recorded, WINDOW);
    return count === 0 ? 0 : this.sortedUs[count >> 1]!;
  }
}
