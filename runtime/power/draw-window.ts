// Owns the average draw over a sliding window. Knows no budget.
// Invariant: constant memory whatever the window and the rate of readings; time without a reading is no time at zero watts.

const BUCKETS = 64;

/** A step of the draw. */
export interface DrawStep {
  readonly atUs: number;
  readonly beforeWatts: number;
  readonly afterWatts: number;
}

/** Energy of the recent past, in buckets of a 64th of the window. */
export class DrawWindow {
  private readonly bucketUs: number;
  private readonly index = new Float64Array(BUCKETS + 1).fill(Number.NEGATIVE_INFINITY);
  /** Watts times microseconds. */
  private readonly energy = new Float64Array(BUCKETS + 1);
  private readonly knownUs = new Float64Array(BUCKETS + 1);

  constructor(readonly windowUs: number) {
    this.bucketUs = windowUs / BUCKETS;
  }

  /** Takes a draw that was the same, or is the mean, between two instants. */
  add({
    fromUs,
    toUs,
    watts,
  }: {
    readonly fromUs: number;
    readonly toUs: number;
    readonly watts: number;
  }): void {
    let startUs = Math.max(fromUs, toUs - this.windowUs);
    while (startUs < toUs) {
      const index = Math.floor(startUs / this.bucketUs);
      // The last step of a bucket always moves on, whatever floating point makes of its border.
      const endUs = Math.min(toUs, Math.max((index + 1) * this.bucketUs, startUs + 1));
      const slot = slotOf(index);
      if (this.index[slot] !== index) {
        this.index[slot] = index;
        this.energy[slot] = 0;
        this.knownUs[slot] = 0;
      }
      this.energy[slot]! += watts * (endUs - startUs);
      this.knownUs[slot]! += endUs - startUs;
      startUs = endUs;
    }
  }

  /** The average over the last `spanUs`, at most the window; undefined while less than half of it is known. */
  average({ atUs, spanUs }: { readonly atUs: number; readonly spanUs: number }): number | undefined {
    const span = Math.min(spanUs, this.windowUs);
    const first = (atUs - span) / this.bucketUs;
    const last = Math.floor(atUs / this.bucketUs);
    let energy = 0;
    let knownUs = 0;
    for (let index = Math.floor(first); index <= last; index += 1) {
      const slot = slotOf(index);
      if (this.index[slot] !== index) continue;
      // The oldest bucket lies partly outside.
      const share = Math.min(1, index + 1 - first);
      energy += this.energy[slot]! * share;
      knownUs += this.knownUs[slot]! * share;
    }
    return knownUs * 2 < span || knownUs <= 0 ? undefined : energy / knownUs;
  }

  /**
   * Where the draw changed most since `sinceUs`: the border that best parts it into two levels, each at least `leastUs`
   * long. Undefined while there is too little for two.
   */
  split({
    sinceUs,
    atUs,
    leastUs,
  }: {
    sinceUs: number;
    atUs: number;
    leastUs: number;
  }): DrawStep | undefined {
    const slots = this.slotsBetween(Math.max(sinceUs, atUs - this.windowUs), atUs);
    const whole = { energy: 0, knownUs: 0 };
    for (const slot of slots) {
      whole.energy += this.energy[slot]!;
      whole.knownUs += this.knownUs[slot]!;
    }
    const early = { energy: 0, knownUs: 0 };
    let best: (DrawStep & { readonly weight: number }) | undefined;
    for (const slot of slots) {
      early.energy += this.energy[slot]!;
      early.knownUs += this.knownUs[slot]!;
      const lateUs = whole.knownUs - early.knownUs;
      if (early.knownUs < leastUs || lateUs < leastUs) continue;
      const beforeWatts = early.energy / early.knownUs;
      const afterWatts = (whole.energy - early.energy) / lateUs;
      // What the split explains of the variance: least squares with one step.
      const weight = (afterWatts - beforeWatts) ** 2 * early.knownUs * lateUs;
      if (best !== undefined && weight <= best.weight) continue;
      best = { atUs: (this.index[slot]! + 1) * this.bucketUs, beforeWatts, afterWatts, weight };
    }
    return best;
  }

  /** The filled buckets that begin in a span, oldest first. */
  private slotsBetween(fromUs: number, toUs: number): number[] {
    const slots: number[] = [];
    for (
      let index = Math.ceil(fromUs / this.bucketUs);
      index <= Math.floor(toUs / this.bucketUs);
      index += 1
    ) {
      const slot = slotOf(index);
      if (this.index[slot] === index) slots.push(slot);
    }
    return slots;
  }

  /** Forgets everything: after a change of meter, whose figures do not compare. */
  clear(): void {
    this.index.fill(Number.NEGATIVE_INFINITY);
  }
}

/** Time may lie before zero on a virtual clock, so the rest is taken upwards. */
function slotOf(index: number): number {
  return ((index % (BUCKETS + 1)) + BUCKETS + 1) % (BUCKETS + 1);
}
