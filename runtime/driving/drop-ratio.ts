// Owns the measure of how many frames go by unseen: openpilot's filter. Knows no clock but its period.
// Invariant: the ratio lies in [0, 1); the first runs after the start count as clean.

/** openpilot: time constant of the filter, largest step, runs that count as clean after the start, and the alarm level. */
const TAU_S = 10;
const DROPPED_MAX = 10;
const CLEAN_RUNS = 10;
const LAGGING_RATIO = 0.2;

/**
 * Filters the frames dropped between two runs, `id - last - 1`, to first order; the ratio of a filtered count f is
 * f / (1 + f). Over 20 % the pipeline is lagging.
 *
 * @example
 * const drops = new DropRatio({ periodUs: 50_000 });
 * drops.ran(0);
 * drops.ran(2); // frame 1 was never run
 * console.log(drops.isLagging);
 */
export class DropRatio {
  readonly #gain: number;
  #filtered = 0;
  #runs = 0;
  #lastId: number | undefined;

  constructor(options: { readonly periodUs: number }) {
    const periodS = options.periodUs / 1e6;
    this.#gain = periodS / (TAU_S + periodS);
  }

  /** Notes that the model ran on frame `id`. Ids rise. */
  ran(id: number): void {
    const dropped = this.#lastId === undefined ? 0 : Math.max(0, id - this.#lastId - 1);
    this.#lastId = id;
    this.#runs++;
    if (this.#runs <= CLEAN_RUNS) return;
    this.#filtered += this.#gain * (Math.min(dropped, DROPPED_MAX) - this.#filtered);
  }

  get ratio(): number {
    return this.#filtered / (1 + this.#filtered);
  }

  get isLagging(): boolean {
    return this.ratio > LAGGING_RATIO;
  }
}
