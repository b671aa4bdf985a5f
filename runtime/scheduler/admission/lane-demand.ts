// Owns how much one lane can ask of the processors: the work that arrives at it, and the longest it can run in a window.
// Knows no other lane. Invariant: both work curves bound what a lane runs in any window of that length from above.

import type { Criticality } from "../../core/contract.js";
import type { LoadedTask } from "./admission-task.js";

/** One lane and its tasks, as far as they are known to behave. */
export class LaneDemand {
  readonly criticality: Criticality;
  readonly laneIndex: number;
  /** Most threads a job of the lane has. */
  readonly width: number;
  /** The worst response of each task as far as it has been shown; Infinity while nothing has. */
  readonly responsesUs: number[];
  /** How long other lanes can hold this one up within one of its busy periods; Infinity while unknown. */
  heldUpUs = Number.POSITIVE_INFINITY;
  private readonly synchronous: BusyPeriods;

  constructor(readonly tasks: readonly LoadedTask[]) {
    this.criticality = tasks[0]!.criticality;
    this.laneIndex = tasks[0]!.laneIndex;
    this.width = Math.max(...tasks.map(({ threads }) => threads));
    // A promised task is taken to keep its deadline until it is shown to or the whole is refused: before the first
    // miss of all, every one has (the assumption of every response-time analysis by iteration).
    this.responsesUs = tasks.map(({ isPromised, deadlineUs }) =>
      isPromised ? deadlineUs : Number.POSITIVE_INFINITY,
    );
    this.synchronous = new BusyPeriods(tasks);
  }

  get name(): string {
    return `${this.criticality} lane ${this.laneIndex}`;
  }

  /** Work of all jobs that can arrive within `windowUs` of one instant. */
  arrivingUs(windowUs: number): number {
    return this.tasks.reduce(
      (sum, { periodUs, loadedUs }) => sum + Math.ceil(windowUs / periodUs) * loadedUs,
      0,
    );
  }

  /** The longest run of a job that may hold up one whose deadline is `deadlineUs` away, having started just before. */
  blocking(deadlineUs: number): { readonly us: number; readonly by: LoadedTask | undefined } {
    let longest: LoadedTask | undefined;
    for (const task of this.tasks) {
      if (task.deadlineUs > deadlineUs && task.loadedUs > (longest?.loadedUs ?? 0)) longest = task;
    }
    return { us: longest === undefined ? 0 : longest.loadedUs - 1, by: longest };
  }

  /** The longest it can run in a window at whose start it has nothing to do. */
  workFromEmptyUs(windowUs: number): number {
    return this.synchronous.busyUs(windowUs);
  }

  /**
   * The longest it can run in any window. Two bounds: job by job, each as late as its worst response lets it be at the
   * window's start and as early as possible after; and the lane as a whole, which starts a window with no more work left
   * than other lanes held up.
   */
  workUs(windowUs: number): number {
    const fromEmptyUs = this.workFromEmptyUs(windowUs);
    if (this.heldUpUs === 0 && this.width === 1) return fromEmptyUs;
    let jobByJobUs = 0;
    this.tasks.forEach(({ periodUs, loadedUs }, index) => {
      const reachUs = Math.max(0, windowUs + this.responsesUs[index]! - loadedUs);
      const whole = Math.floor(reachUs / periodUs);
      jobByJobUs += whole * loadedUs + Math.min(loadedUs, reachUs - whole * periodUs);
    });
    // Threads of one job may be apart in their work, so that only the first bound holds for several.
    const asWholeUs = this.width === 1 ? fromEmptyUs + this.heldUpUs : Number.POSITIVE_INFINITY;
    const boundUs = Math.min(windowUs, asWholeUs);
    return Number.isFinite(jobByJobUs) ? Math.min(boundUs, jobByJobUs) : boundUs;
  }
}

/** When a lane that nothing holds up runs if every task's jobs come together at 0 and then as often as they may. */
class BusyPeriods {
  private readonly startsUs: number[] = [];
  private readonly endsUs: number[] = [];
  /** Run time before each busy period. */
  private readonly beforeUs: number[] = [];
  private readonly isAlwaysBusy: boolean;

  constructor(private readonly tasks: readonly LoadedTask[]) {
    const load = tasks.reduce((sum, { loadedUs, periodUs }) => sum + loadedUs / periodUs, 0);
    this.isAlwaysBusy = load >= 1 - 1e-9;
  }

  /** Run time within [0, `untilUs`). */
  busyUs(untilUs: number): number {
    if (this.isAlwaysBusy) return untilUs;
    const [only] = this.tasks;
    if (this.tasks.length === 1) {
      const whole = Math.floor(untilUs / only!.periodUs);
      return whole * only!.loadedUs + Math.min(only!.loadedUs, untilUs - whole * only!.periodUs);
    }
    while ((this.endsUs.at(-1) ?? -1) < untilUs) this.extend();
    let low = 0;
    let high = this.startsUs.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (this.startsUs[middle]! <= untilUs) low = middle;
      else high = middle - 1;
    }
    return this.beforeUs[low]! + Math.min(untilUs, this.endsUs[low]!) - this.startsUs[low]!;
  }

  private extend(): void {
    const last = this.endsUs.length - 1;
    const fromUs = last < 0 ? 0 : this.endsUs[last]!;
    const startUs = Math.min(...this.tasks.map(({ periodUs }) => Math.ceil(fromUs / periodUs) * periodUs));
    let endUs = startUs + 1;
    for (;;) {
      const workUs = this.tasks.reduce((sum, { periodUs, loadedUs }) => {
        const jobs = Math.ceil(endUs / periodUs) - Math.ceil(startUs / periodUs);
        return sum + jobs * loadedUs;
      }, 0);
      if (startUs + workUs <= endUs) break;
      endUs = startUs + workUs;
    }
    const ranUs = last < 0 ? 0 : this.beforeUs[last]! + this.endsUs[last]! - this.startsUs[last]!;
    this.startsUs.push(startUs);
    this.endsUs.push(endUs);
    this.beforeUs.push(ranUs);
  }
}
