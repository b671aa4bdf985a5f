// Owns playing a source over and over as if it never ended. Knows no file and no clock.
// Invariant: numbers go on rising over the laps; what fits the memory bound is decoded once.

/** An item that may be numbered and may carry bytes worth remembering. */
export interface LoopItem {
  readonly id?: number;
  readonly data?: { readonly byteLength: number };
}

/** How a source is repeated. */
export interface LoopOptions<T> {
  /** Items are kept after the first lap while all of them together hold at most this much. Default: 256 MiB. */
  readonly cacheBytes?: number;
  /** Makes an item of a later lap follow `previous`, the item delivered before it. Default: its `id` is one higher. */
  readonly renumber?: (item: T, previous: T) => T;
}

/** 256 MiB: 19 s of 640x360 RGB at 20 Hz, a small part of any machine that runs vision models. */
const DEFAULT_CACHE_BYTES = 268_435_456;

/**
 * Repeats `source` for ever. A short source is remembered decoded, so that a later lap costs nothing; a longer one is
 * iterated anew. Ends when a lap gives nothing, as a pipe's second lap does.
 */
export async function* looped<T extends LoopItem>(
  source: AsyncIterable<T>,
  options: LoopOptions<T> = {},
): AsyncGenerator<T> {
  const renumber = options.renumber ?? continueIds;
  const cache = new LapCache<T>(options.cacheBytes ?? DEFAULT_CACHE_BYTES);
  let previous: T | undefined;
  for (let isFirstLap = true; ; isFirstLap = false) {
    let delivered = 0;
    for await (const original of cache.lap ?? source) {
      if (isFirstLap) cache.add(original);
      // The first lap keeps its own numbers: a camera's gaps are true.
      previous = previous === undefined || isFirstLap ? original : renumber(original, previous);
      delivered++;
      yield previous;
    }
    if (delivered === 0) return;
    if (isFirstLap) cache.finish();
  }
}

class LapCache<T extends LoopItem> {
  /** The whole first lap, once it is over and if it fitted. */
  lap: readonly T[] | undefined;
  #items: T[] | undefined = [];
  #bytes = 0;

  constructor(readonly bytesMax: number) {}

  add(item: T): void {
    this.#bytes += item.data?.byteLength ?? 0;
    if (this.#bytes > this.bytesMax) this.#items = undefined;
    this.#items?.push(item);
  }

  finish(): void {
    this.lap = this.#items;
  }
}

function continueIds<T extends LoopItem>(item: T, previous: T): T {
  return previous.id === undefined ? item : { ...item, id: previous.id + 1 };
}
