// Owns the judgement of one bar: what was measured, against what, and whether it holds. Knows no scenario.
// Invariant: a bar is a comparison of two figures of the same run; a figure that is missing is never a pass.

/** One bar and its result. */
export interface Verdict {
  readonly what: string;
  /** The bar in words, for example `<= 0.05x of onnxruntime-node's`. */
  readonly bar: string;
  readonly measured: number | null;
  readonly limit: number | null;
  readonly unit: string;
  readonly verdict: "met" | "missed" | "not-measured" | "reported";
  /** What is known of the reason, or of the conditions under which the figure holds. */
  readonly note?: string;
}

interface Figure {
  readonly what: string;
  readonly measured: number | null;
  readonly unit: string;
  readonly note?: string | undefined;
}

/** Met when the measured figure is at most the limit. */
export function atMost(given: Figure & { readonly bar: string; readonly limit: number | null }): Verdict {
  const { measured, limit, note, ...words } = given;
  const isKnown = measured !== null && limit !== null && Number.isFinite(measured) && Number.isFinite(limit);
  const verdict = !isKnown ? "not-measured" : measured <= limit ? "met" : "missed";
  return { ...words, measured, limit, verdict, ...(note === undefined ? {} : { note }) };
}

/** Met when the measured figure is at most `factor` of the peer's. The figure given out is their ratio. */
export function atMostTimes(given: {
  readonly what: string;
  readonly ours: number | null;
  readonly theirs: number | null;
  readonly factor: number;
  readonly of: string;
  readonly note?: string | undefined;
}): Verdict {
  const { what, ours, theirs, factor, of, note } = given;
  const measured = ours === null || theirs === null || theirs === 0 ? null : ours / theirs;
  return atMost({ what, bar: `<= ${factor}x ${of}`, measured, limit: factor, unit: "x", note });
}

/** A figure that is shown and has no bar. */
export function reported(given: Figure): Verdict {
  const { note, ...figure } = given;
  return {
    ...figure,
    bar: "reported",
    limit: null,
    verdict: "reported",
    ...(note === undefined ? {} : { note }),
  };
}
