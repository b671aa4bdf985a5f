// Owns the measure of an event loop's health: the gaps between two ticks of a 1 ms timer. Knows no load.
// Invariant: the gap under way when the measurement stops is counted; a loop that stands still at the end shows it.

/** Collects gaps until stopped. */
export class LoopGaps {
  readonly #gapsMs: number[] = [];
  #lastMs = performance.now();
  #timer: NodeJS.Timeout;

  constructor() {
    this.#timer = setTimeout(this.#tick, 1);
  }

  /** Ends the measurement and answers every gap in milliseconds. */
  stop(): number[] {
    clearTimeout(this.#timer);
    this.#gapsMs.push(performance.now() - this.#lastMs);
    return this.#gapsMs;
  }

  readonly #tick = (): void => {
    const nowMs = performance.now();
    this.#gapsMs.push(nowMs - this.#lastMs);
    this.#lastMs = nowMs;
    this.#timer = setTimeout(this.#tick, 1);
  };
}
