// Owns how long the lanes that may run instead of one lane can keep it waiting. Knows no deadline.
// Invariant: waitUs(window) bounds the time within any window in which the lane is ready and a thread of it is not running.

import type { LaneDemand } from "./lane-demand.js";

/** What one interfering lane adds to a wait. */
export interface WaitShare {
  readonly lane: LaneDemand;
  readonly us: number;
  /** Whether it may have had work left when the window began. */
  readonly isCarriedIn: boolean;
}

/**
 * A lane waits only while all cores are busy with lanes that may run instead of it, so while at least
 * M = cores - width + 1 of them are (its own other threads may hold the rest). In a time x of waiting each such lane runs at
 * most x, hence sum(width x min(work, x)) >= M x: the largest x that satisfies it bounds the wait (Bertogna, Cirinei, "Response-time
 * analysis for globally scheduled symmetric multiprocessor platforms", RTSS 2007, over lanes instead of tasks).
 *
 * The window is taken to begin where the waiting began: just before, fewer than M cores were busy so, hence fewer than M
 * lanes of higher classes had work left; the rest began empty (Guan, Stigge, Yi, Yu, "New response time bounds for fixed
 * priority multiprocessor scheduling", RTSS 2009). Lanes of the same class may have been waiting behind this one, so that all
 * of them may carry work in.
 */
export class Interference {
  private readonly higher: readonly LaneDemand[];
  private readonly equal: readonly LaneDemand[];
  /** Cores that others must hold for the lane to wait. */
  private readonly needed: number;

  constructor(given: {
    readonly cores: number;
    readonly width: number;
    readonly higher: readonly LaneDemand[];
    readonly equal: readonly LaneDemand[];
  }) {
    this.needed = given.cores - given.width + 1;
    const threads = [...given.higher, ...given.equal].reduce((sum, { width }) => sum + width, 0);
    const canWait = threads >= this.needed;
    this.higher = canWait ? given.higher : [];
    this.equal = canWait ? given.equal : [];
  }

  /** Whether the lane can be made to wait at all. */
  get isPossible(): boolean {
    return this.higher.length + this.equal.length > 0;
  }

  waitUs(windowUs: number): number {
    if (!this.isPossible) return 0;
    const works = this.works(windowUs);
    let waitUs = windowUs;
    for (;;) {
      const next = Math.floor(this.busyUs(works, waitUs) / this.needed);
      if (next >= waitUs) return waitUs;
      waitUs = next;
    }
  }

  /**
   * The first instant by which a lane that always has work has run for `workUs`, whatever the others do; undefined when that
   * is beyond `atMostUs`. Found by halving: the supply, window less wait, rises with the window.
   */
  coveredUs(workUs: number, atMostUs: number): number | undefined {
    const isCovered = (atUs: number): boolean => atUs - this.waitUs(atUs) >= workUs;
    let before = workUs - 1;
    let covered = workUs;
    while (!isCovered(covered)) {
      if (covered > atMostUs) return undefined;
      before = covered;
      covered *= 2;
    }
    while (covered - before > 1) {
      const middle = Math.floor((before + covered) / 2);
      if (isCovered(middle)) covered = middle;
      else before = middle;
    }
    return covered;
  }

  /** Which lanes a wait within the window consists of, for the arithmetic. */
  shares(windowUs: number): WaitShare[] {
    const waitUs = this.waitUs(windowUs);
    const works = this.works(windowUs);
    const carriers = new Set(this.carriers(works, waitUs).map(({ lane }) => lane));
    return works
      .map(({ lane, isHigher, carriedUs, emptyUs }) => {
        const isCarriedIn = !isHigher || carriers.has(lane);
        return { lane, isCarriedIn, us: Math.min(waitUs, isCarriedIn ? carriedUs : emptyUs) };
      })
      .filter(({ us }) => us > 0);
  }

  private works(windowUs: number): LaneWork[] {
    const work = (isHigher: boolean) => (lane: LaneDemand) => {
      const carriedUs = lane.workUs(windowUs);
      return { lane, isHigher, carriedUs, emptyUs: Math.min(carriedUs, lane.workFromEmptyUs(windowUs)) };
    };
    return [...this.higher.map(work(true)), ...this.equal.map(work(false))];
  }

  /** Core time the lanes can be busy within a wait of this length. */
  private busyUs(works: readonly LaneWork[], waitUs: number): number {
    const fixed = works.reduce(
      (sum, { lane, isHigher, carriedUs, emptyUs }) =>
        sum + lane.width * Math.min(isHigher ? emptyUs : carriedUs, waitUs),
      0,
    );
    return this.carriers(works, waitUs).reduce((sum, { gainUs }) => sum + gainUs, fixed);
  }

  /** The higher lanes that gain most by beginning the window with work left: fewer than `needed` can. */
  private carriers(works: readonly LaneWork[], waitUs: number): { lane: LaneDemand; gainUs: number }[] {
    if (this.needed === 1) return [];
    return works
      .filter(({ isHigher, carriedUs, emptyUs }) => isHigher && carriedUs > emptyUs)
      .map(({ lane, carriedUs, emptyUs }) => ({
        lane,
        gainUs: lane.width * (Math.min(carriedUs, waitUs) - Math.min(emptyUs, waitUs)),
      }))
      .sort((a, b) => b.gainUs - a.gainUs)
      .slice(0, this.needed - 1);
  }
}

interface LaneWork {
  readonly lane: LaneDemand;
  readonly isHigher: boolean;
  readonly carriedUs: number;
  readonly emptyUs: number;
}
