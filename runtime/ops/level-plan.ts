// Owns what the level op is asked to do. Knows no kernel and no gate.

import { refusal, requireFinite, requireWhole } from "./op-argument.js";

/** How loud a frame of sound is: its power, with and without pre-emphasis, its peak, and what is wrong with it. */
export interface LevelPlan {
  readonly key: string;
  readonly samples: number;
  readonly preEmphasis: number;
  readonly clipsAt: number;
}

/** What `stats` receives, in this order. */
export const LEVEL_FIELDS = {
  /** Sum of squares of `sample - preEmphasis * previous sample`. */
  emphasised: 0,
  /** Sum of squares of the samples. */
  squares: 1,
  /** The largest size of a sample. */
  peak: 2,
  /** Samples of size `clipsAt` or more. */
  clipped: 3,
  /** Samples that are NaN or infinite: each counts as 0 in the other fields and as the next one's predecessor. */
  nonFinite: 4,
  count: 5,
} as const;

/** Longest frame: a minute at the highest rate an input may have. */
const SAMPLES_MAX = 67_108_864;

/**
 * Lays out the level op: float32 samples to five float64 numbers (`LEVEL_FIELDS`).
 *
 * The op is exact: float64, sample i is added to lane i mod 8, lanes are added as ((0+4)+(2+6))+((1+5)+(3+7)).
 * Silence is what its level says: a caller compares `10 log10(squares / samples)` with its own floor. Views may not overlap.
 *
 * @throws RedlineError `OP_ARGUMENT` naming the argument.
 */
export function planLevel(given: {
  readonly samples: number;
  /** Weight of the sample before. Default 0.97. */
  readonly preEmphasis?: number;
  /** Default: the largest value of 16-bit sound, 32767 / 32768. */
  readonly clipsAt?: number;
}): LevelPlan {
  const samples = requireWhole("samples", given.samples, { min: 1, max: SAMPLES_MAX });
  const preEmphasis = requireFinite("preEmphasis", given.preEmphasis ?? 0.97);
  const clipsAt = requireFinite("clipsAt", given.clipsAt ?? 32_767 / 32_768);
  if (clipsAt <= 0) throw refusal("clipsAt", "above 0", clipsAt);
  return Object.freeze({ key: `level ${samples}`, samples, preEmphasis, clipsAt });
}
