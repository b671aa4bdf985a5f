// Owns the margins op's definition. Knows no other implementation.
// Invariant: every arithmetic step is rounded to float32 in the order native/ops/margins.h has, so that the bits agree.

import { fround } from "../float-bits.js";
import type { MarginsPlan } from "../margins-plan.js";
import { SOFT_MARGIN } from "../soft-margin.js";

/** Steps of the sum of margins: a power of two, so that a float32 times it is exact. */
const STEPS = 16_777_216;

const LIMIT = fround(SOFT_MARGIN.limit);
const [P13, P11, P9, P7, P5, P3, P1] = SOFT_MARGIN.over.map(fround) as [
  number,
  number,
  number,
  number,
  number,
  number,
  number,
];
const [Q6, Q4, Q2, Q0] = SOFT_MARGIN.under.map(fround) as [number, number, number, number];

/** Writes every margin once, and both totals. All views have been checked. */
export function margins(
  plan: MarginsPlan,
  scores: Float32Array,
  out: { readonly margins: Float32Array; readonly totals: Float64Array },
): void {
  const { pixels } = plan;
  const isLogits = plan.values === "logits";
  let claimed = 0;
  let steps = 0;
  for (let i = 0; i < pixels; i++) {
    const difference = fround(scores[pixels + i]! - scores[i]!);
    const margin = isLogits ? softMargin(difference) : withinOne(difference);
    out.margins[i] = margin;
    if (margin > 0) {
      claimed++;
      steps += Math.trunc(margin * STEPS);
    }
  }
  out.totals[0] = claimed;
  out.totals[1] = steps / STEPS;
}

/** tanh(difference / 2); 0 of NaN. */
export function softMargin(difference: number): number {
  const half = fround(difference * 0.5);
  const y = half > LIMIT ? LIMIT : half < -LIMIT ? -LIMIT : half;
  const square = fround(y * y);
  let over = fround(fround(P13 * square) + P11);
  over = fround(fround(over * square) + P9);
  over = fround(fround(over * square) + P7);
  over = fround(fround(over * square) + P5);
  over = fround(fround(over * square) + P3);
  over = fround(fround(over * square) + P1);
  let under = fround(fround(Q6 * square) + Q4);
  under = fround(fround(under * square) + Q2);
  under = fround(fround(under * square) + Q0);
  return withinOne(fround(fround(y * over) / under));
}

/** NaN claims nothing. */
function withinOne(value: number): number {
  if (value >= 1) return 1;
  if (value <= -1) return -1;
  return Number.isNaN(value) ? 0 : value + 0;
}
