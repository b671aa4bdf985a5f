// Owns what the resample op is asked to do: a polyphase filter and the step from one output to the next. Knows no rate.

import { refusal, requireFinite, requireWhole } from "./op-argument.js";

/** A filter bank and a step; made once for a pair of rates. */
export interface ResamplePlan {
  readonly key: string;
  /** Output times are `down / up` input samples apart. */
  readonly up: number;
  readonly down: number;
  readonly taps: number;
  readonly phases: number;
  /** [phases + 1, taps]: row p holds the taps for an output that lies p / phases after an input sample. */
  readonly table: Float32Array;
}

/** Longest filter and most phases: a rate of a megahertz brought to 16 kHz, and every phase of 15,999 Hz. */
const TAPS_MAX = 65_536;
const PHASES_MAX = 65_536;
/** Steps stay below what 32 bits hold. */
const STEP_MAX = 1_048_576;

/**
 * Lays out the resample op. Output k is the filter row of its phase times `taps` input samples from
 * `start + floor((fraction + k down) / up)` on; between two rows of the table it is interpolated.
 *
 * The op is exact: products and sums are float64, tap t is added to lane t mod 8, lanes are added as
 * ((0+4)+(2+6))+((1+5)+(3+7)), and the result is rounded to float32 once. NaN and infinity of a sample reach every
 * output whose window holds it. Views may not overlap.
 *
 * @throws RedlineError `OP_ARGUMENT` naming the argument.
 */
export function planResample(given: Omit<ResamplePlan, "key">): ResamplePlan {
  const { up, down, taps, phases, table } = given;
  requireWhole("up", up, { min: 1, max: STEP_MAX });
  requireWhole("down", down, { min: 1, max: STEP_MAX });
  requireWhole("taps", taps, { min: 1, max: TAPS_MAX });
  requireWhole("phases", phases, { min: 1, max: PHASES_MAX });
  if (table.length !== (phases + 1) * taps) {
    throw refusal("table", `${phases + 1} rows of ${taps} taps`, `${table.length} numbers`);
  }
  for (const tap of table) requireFinite("table", tap);
  return Object.freeze({ key: `resample ${up}/${down} ${taps} ${phases}`, up, down, taps, phases, table });
}

/** The first input sample that output `k` does not need any more, counted from the input view's start. */
export function windowEnd(plan: ResamplePlan, at: { start: number; fraction: number; k: number }): number {
  return at.start + Math.floor((at.fraction + at.k * plan.down) / plan.up) + plan.taps;
}
