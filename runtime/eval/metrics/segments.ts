// Owns how well spans of time meet labelled ones. Knows no sound and no model. Invariant: a span is matched at most once.

/** Start and end in milliseconds. */
export type Span = readonly [startMs: number, endMs: number];

/** Spans met, claimed and labelled, and by how much starts and ends were off; later than the label is positive. */
export interface SpanCounts {
  readonly met: number;
  readonly claimed: number;
  readonly labelled: number;
  readonly onsetMs: readonly number[];
  readonly offsetMs: readonly number[];
}

/** Mesaros et al.: an onset is met within 200 ms, an offset within 200 ms or a fifth of the labelled length. */
const COLLAR_MS = 200;
const LENGTH_SHARE = 0.2;

/**
 * Event-based counts (Mesaros, Heittola and Virtanen, "Metrics for Polyphonic Sound Event Detection", 2016, section 3.1.2).
 * Onset and offset errors are over the labelled spans that any claim overlaps, against the one that overlaps most: a span
 * that is missed by its collar still has an error.
 */
export function spanCounts(given: {
  readonly label: readonly Span[];
  readonly claim: readonly Span[];
}): SpanCounts {
  const { label, claim } = given;
  const free = new Set(claim);
  let met = 0;
  for (const one of label) {
    const match = [...free].find((other) => isMet(one, other));
    if (match === undefined) continue;
    free.delete(match);
    met++;
  }
  const pairs = label.flatMap((one) => {
    const overlaps = claim.map((other) => ({ other, ms: sharedMs(one, other) })).filter(({ ms }) => ms > 0);
    const [best] = overlaps.sort((a, b) => b.ms - a.ms);
    return best === undefined ? [] : [{ one, other: best.other }];
  });
  return {
    met,
    claimed: claim.length,
    labelled: label.length,
    onsetMs: pairs.map(({ one, other }) => other[0] - one[0]),
    offsetMs: pairs.map(({ one, other }) => other[1] - one[1]),
  };
}

function isMet(label: Span, claim: Span): boolean {
  const collarMs = Math.max(COLLAR_MS, LENGTH_SHARE * (label[1] - label[0]));
  return Math.abs(claim[0] - label[0]) <= COLLAR_MS && Math.abs(claim[1] - label[1]) <= collarMs;
}

function sharedMs(a: Span, b: Span): number {
  return Math.min(a[1], b[1]) - Math.max(a[0], b[0]);
}
