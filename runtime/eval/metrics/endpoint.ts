// Owns how well the end of a turn is told. Knows no sound and no model. Invariant: every turn is cut early, missed or ended.

/** One turn: where speech ends, and when the endpoint said so; null when it never did. */
export interface Turn {
  readonly speechEndMs: number;
  readonly decidedMs: number | null;
}

/** Decided before the last speech, too late to be of use, or in between; and how long after the last speech. */
export interface TurnVerdict {
  readonly verdict: "early" | "missed" | "ended";
  /** Null of a missed turn. Negative of an early one. */
  readonly delayMs: number | null;
}

/** A turn that has not ended after two seconds has not ended: the default wait of common endpointers is 1.2 to 2.4 s. */
export const MISSED_AFTER_MS = 2000;

/**
 * Judges one turn: early before the last speech, missed later than two seconds after it or never, else ended. The delay is
 * t1 - t0 of a turn's marks.
 */
export function judgeTurn({ speechEndMs, decidedMs }: Turn): TurnVerdict {
  if (decidedMs === null) return { verdict: "missed", delayMs: null };
  const delayMs = decidedMs - speechEndMs;
  if (delayMs < 0) return { verdict: "early", delayMs };
  return delayMs > MISSED_AFTER_MS ? { verdict: "missed", delayMs: null } : { verdict: "ended", delayMs };
}
