// Owns a session's (m,k) tolerance: at most m misses among any k jobs in a row, and which job may be skipped for it.
// Knows no clock. Invariant: a job in flight counts as a miss until it is done, so no skip ever rests on hope.

import { LIMITS } from "../core/limits.js";

const HIT = 0;
const MISSED = 1;
const PENDING = 2;

/**
 * The last k jobs of a session in the order they were released.
 *
 * @example
 * const firm = new FirmWindow({ misses: 1, outOf: 3 });
 * const first = firm.release();
 * firm.settle(first, { isMiss: true });
 * firm.maySkip(); // false: two of three would be missing
 */
export class FirmWindow {
  private readonly jobs: Uint8Array;
  private readonly allowed: number;
  private readonly isWatched: boolean;
  private released = 0;
  private missed = 0;
  private pending = 0;

  constructor(tolerate: { readonly misses: number; readonly outOf: number }) {
    this.isWatched = tolerate.outOf <= LIMITS.toleranceWindow;
    this.jobs = new Uint8Array(Math.min(tolerate.outOf, LIMITS.toleranceWindow)).fill(HIT);
    this.allowed = tolerate.misses;
  }

  /** The next job's number. */
  release(): number {
    const place = this.released % this.jobs.length;
    this.forget(this.jobs[place]!);
    this.jobs[place] = PENDING;
    this.pending += 1;
    this.released += 1;
    return this.released - 1;
  }

  /** What became of a job. One that has left the window changes nothing any more. */
  settle(number: number, { isMiss }: { readonly isMiss: boolean }): void {
    const place = number % this.jobs.length;
    const isInside = number >= this.released - this.jobs.length && number < this.released;
    if (!isInside || this.jobs[place] !== PENDING) return;
    this.pending -= 1;
    this.jobs[place] = isMiss ? MISSED : HIT;
    if (isMiss) this.missed += 1;
  }

  /** Whether the next job may be missed on purpose, whatever becomes of those in flight. */
  maySkip(): boolean {
    if (!this.isWatched) return false;
    const leaving = this.jobs[this.released % this.jobs.length] === HIT ? 0 : 1;
    return this.missed + this.pending - leaving + 1 <= this.allowed;
  }

  /** Whether more jobs are known to have missed than the tolerance allows. */
  get isBroken(): boolean {
    return this.missed > this.allowed;
  }

  private forget(state: number): void {
    if (state === MISSED) this.missed -= 1;
    if (state === PENDING) this.pending -= 1;
  }
}
