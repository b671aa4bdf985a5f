// Owns what the gain op is asked to do. Knows no kernel and no source of sound.

import { refusal, requireFinite, requireWhole } from "./op-argument.js";

/** Louder or softer, held within a limit. */
export interface GainPlan {
  readonly key: string;
  readonly samples: number;
  readonly gain: number;
  readonly limit: number;
}

/** Longest frame: a minute at the highest rate an input may have. */
const SAMPLES_MAX = 67_108_864;

/**
 * Lays out the gain op: float32 samples to as many float32 samples, `sample * gain` held between `-limit` and `limit`. It answers
 * how many were held.
 *
 * The op is exact: one product in float32. A product that is NaN becomes 0, silence and not held; an infinite one is held. Views may
 * not overlap: the op is not for use in place.
 *
 * @throws RedlineError `OP_ARGUMENT` naming the argument.
 */
export function planGain(given: {
  readonly samples: number;
  readonly gain: number;
  /** Default: full scale, 1. */
  readonly limit?: number;
}): GainPlan {
  const samples = requireWhole("samples", given.samples, { min: 1, max: SAMPLES_MAX });
  const gain = Math.fround(requireFinite("gain", given.gain));
  const limit = Math.fround(requireFinite("limit", given.limit ?? 1));
  if (limit <= 0) throw refusal("limit", "above 0", limit);
  return Object.freeze({ key: `gain ${samples}`, samples, gain, limit });
}
