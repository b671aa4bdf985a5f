// Owns randomness as a port, so that a seed replays a run exactly. Knows no entropy source.

/** A source of random numbers. */
export interface Rng {
  /** A number in [0, 1). */
  next(): number;
  /** An integer in [0, below). */
  below(below: number): number;
}

/**
 * A seeded generator (mulberry32: 32 bits of state, period 2^32): for tests and simulation, never for secrets.
 *
 * @example
 * const rng = seededRng(7);
 * const jitterUs = rng.below(1000);
 */
export function seededRng(seed: number): Rng {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
  return { next, below: (below) => Math.floor(next() * below) };
}
