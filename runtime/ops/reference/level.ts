// Owns the level op's definition. Knows no other implementation.
// Invariant: sums run in the eight lanes that native/ops/level.h has, so that the bits agree.

import { fround } from "../float-bits.js";
import { LEVEL_FIELDS as FIELDS, type LevelPlan } from "../level-plan.js";

/** Writes the five numbers of one frame. `previous` is the sample before it, 0 at a stream's start. Checked before. */
export function level(
  { samples: count, preEmphasis, clipsAt }: LevelPlan,
  given: { readonly samples: Float32Array; readonly previous: number; readonly stats: Float64Array },
): void {
  const { samples, stats } = given;
  const emphasised = [0, 0, 0, 0, 0, 0, 0, 0];
  const squares = [0, 0, 0, 0, 0, 0, 0, 0];
  let previous = fround(given.previous);
  if (previous - previous !== 0) previous = 0;
  let [peak, clipped, nonFinite] = [0, 0, 0];
  for (let i = 0; i < count; i++) {
    let sample = samples[i]!;
    // Only of NaN and infinity is the difference from itself not 0.
    if (sample - sample !== 0) {
      nonFinite++;
      sample = 0;
    }
    const difference = sample - preEmphasis * previous;
    emphasised[i & 7]! += difference * difference;
    squares[i & 7]! += sample * sample;
    const size = Math.abs(sample);
    if (size > peak) peak = size;
    if (size >= clipsAt) clipped++;
    previous = sample;
  }
  stats[FIELDS.emphasised] = sumOf(emphasised);
  stats[FIELDS.squares] = sumOf(squares);
  stats[FIELDS.peak] = peak;
  stats[FIELDS.clipped] = clipped;
  stats[FIELDS.nonFinite] = nonFinite;
}

function sumOf(lanes: readonly number[]): number {
  const [a, b, c, d, e, f, g, h] = lanes as [number, number, number, number, number, number, number, number];
  return a + e + (c + g) + (b + f + (d + h));
}
