// Owns real time for input from files: delivers items as the camera or microphone that made them would have.
// Knows nothing of what an item is. Invariant: no item is delivered before its instant; every lost one is counted.

import { type Clock, sleepUntil } from "../core/clock.js";
import { type LoopItem, type LoopOptions, looped } from "./frame-loop.js";

/** How `paced` delivers: on which clock, how often, and what becomes of items nobody takes. */
export interface PacedOptions<T> extends LoopOptions<T> {
  readonly clock: Clock;
  /** Time between two items, in microseconds. */
  readonly periodUs: number;
  /** Starts again at the end of the source, for ever. Default: false. */
  readonly loop?: boolean;
  /**
   * What happens to an item that is not taken before the next one's instant. A camera overwrites it; a microphone keeps
   * it. Default: `overwrite`.
   */
  readonly untaken?: "overwrite" | "keep";
}

/** A source in real time. Iterated once. */
export interface PacedSource<T> extends AsyncIterable<T> {
  /** Items overwritten because the consumer, or the whole event loop, was late. */
  readonly skipped: number;
  /** Instants that passed without an item because reading the source took longer than the period. */
  readonly starved: number;
}

/** Items a microphone keeps at most: 32 s of 32 ms chunks. Beyond that the oldest are lost and counted. */
const KEPT_ITEMS_MAX = 1000;

/**
 * Delivers item k of `source` at `start + k * periodUs` with that instant as its `capturedUs`. One item is read ahead, so
 * that reading is not counted as latency; the schedule starts when the first item has been read.
 *
 * When reading takes longer than the period, the item waits for the next free instant (`starved`): a slow disk shows as a
 * lower rate, never as late frames.
 *
 * @example
 * const camera = paced(await openFrames("drive", { clock }), { clock, periodUs: 50_000, loop: true });
 * for await (const frame of camera) console.log(frame.capturedUs, camera.skipped);
 */
export function paced<T extends LoopItem & { readonly capturedUs: number }>(
  source: AsyncIterable<T>,
  options: PacedOptions<T>,
): PacedSource<T> {
  return new PacedCamera(options.loop === true ? looped(source, options) : source, options);
}

class PacedCamera<T extends { readonly capturedUs: number }> implements PacedSource<T> {
  skipped = 0;
  starved = 0;
  readonly #source: AsyncIterable<T>;
  readonly #clock: Clock;
  readonly #periodUs: number;
  readonly #room: number;
  readonly #untaken: T[] = [];
  #state: "running" | "ended" | "stopped" = "running";
  #isReading = false;
  #failure: { readonly error: unknown } | undefined;
  /** Wakes a consumer that waits for an item. */
  #wakeConsumer: () => void = () => {};
  /** Wakes the pump that waits for its instant. */
  readonly #stop = new AbortController();

  constructor(source: AsyncIterable<T>, options: PacedOptions<T>) {
    this.#source = source;
    this.#clock = options.clock;
    this.#periodUs = options.periodUs;
    this.#room = options.untaken === "keep" ? KEPT_ITEMS_MAX : 1;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    const pump = this.#pump();
    try {
      for (;;) {
        const item = this.#untaken.shift();
        if (item !== undefined) yield item;
        else if (this.#state === "running") await this.#nextItem();
        else break;
      }
      if (this.#failure !== undefined) throw this.#failure.error;
    } finally {
      this.#state = "stopped";
      this.#stop.abort();
      // A pipe that is silent for ever must not keep a consumer that has gone: its read is left behind.
      if (!this.#isReading) await pump;
    }
  }

  #nextItem(): Promise<void> {
    return new Promise((resolve) => {
      this.#wakeConsumer = resolve;
    });
  }

  /** Reads the source and captures its items at their instants, whether or not anybody takes them. */
  async #pump(): Promise<void> {
    const items = this.#source[Symbol.asyncIterator]();
    try {
      await this.#capture(items);
    } catch (error) {
      this.#failure = { error };
    }
    if (this.#state === "running") this.#state = "ended";
    this.#wakeConsumer();
    // A source that fails while it is being closed has nothing left to say.
    await items.return?.().catch(() => undefined);
  }

  async #capture(items: AsyncIterator<T>): Promise<void> {
    const overwrites = this.#room === 1;
    let next = await this.#read(items);
    const startUs = this.#clock.nowUs();
    const instantNow = () => (this.#clock.nowUs() - startUs) / this.#periodUs;
    for (let instant = 0; !next.done && this.#state === "running"; instant++) {
      const readyInstant = Math.ceil(instantNow());
      if (overwrites && readyInstant > instant) {
        this.starved += readyInstant - instant;
        instant = readyInstant;
      }
      await sleepUntil(startUs + instant * this.#periodUs, { clock: this.#clock, signal: this.#stop.signal });
      // When the event loop stood still over whole periods, the camera went on and kept only its last picture.
      for (let lost = Math.floor(instantNow()) - instant; overwrites && lost > 0 && !next.done; lost--) {
        this.skipped++;
        instant++;
        next = await this.#read(items);
      }
      if (next.done || this.#state !== "running") return;
      this.#deliver({ ...next.value, capturedUs: startUs + instant * this.#periodUs });
      next = await this.#read(items);
    }
  }

  async #read(items: AsyncIterator<T>): Promise<IteratorResult<T>> {
    this.#isReading = true;
    const next = await items.next();
    this.#isReading = false;
    return next;
  }

  #deliver(item: T): void {
    if (this.#untaken.length === this.#room) {
      this.#untaken.shift();
      this.skipped++;
    }
    this.#untaken.push(item);
    this.#wakeConsumer();
  }
}
