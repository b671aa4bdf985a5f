// Owns the gain op's definition. Knows no other implementation.

import { fround } from "../float-bits.js";
import type { GainPlan } from "../gain-plan.js";

/** Writes every sample once and answers how many were held at the limit. Both views have been checked. */
export function gain(
  { samples: count, gain: by, limit }: GainPlan,
  samples: Float32Array,
  out: Float32Array,
): number {
  let held = 0;
  for (let at = 0; at < count; at++) {
    const product = fround(samples[at]! * by);
    if (product > limit || product < -limit) held++;
    const lowered = product < limit ? product : limit;
    const value = lowered > -limit ? lowered : -limit;
    out[at] = Number.isNaN(product) ? 0 : value;
  }
  return held;
}
