// Owns the resample op's definition. Knows no other implementation.
// Invariant: sums run in the eight lanes that native/ops/resample.h has, so that the bits agree.

import type { ResamplePlan } from "../resample-plan.js";

/** Where the first output lies: its window's first sample in the input view, and its phase in `up`ths of a sample. */
export interface ResampleCursor {
  readonly start: number;
  readonly fraction: number;
}

/** Writes every output once. All arguments have been checked. */
export function resample(
  plan: ResamplePlan,
  given: { readonly input: Float32Array; readonly at: ResampleCursor; readonly output: Float32Array },
): void {
  const { up, down, taps, phases, table } = plan;
  const { input, output } = given;
  let { start, fraction } = given.at;
  for (let k = 0; k < output.length; k++) {
    const phase = (fraction * phases) / up;
    const row = Math.floor(phase);
    const share = phase - row;
    const low = dot(input, { start, table, row: row * taps, taps });
    output[k] =
      share === 0 ? low : low + share * (dot(input, { start, table, row: (row + 1) * taps, taps }) - low);
    const moved = fraction + down;
    start += Math.floor(moved / up);
    fraction = moved % up;
  }
}

function dot(
  input: Float32Array,
  at: { start: number; table: Float32Array; row: number; taps: number },
): number {
  const { start, table, row, taps } = at;
  let [a, b, c, d, e, f, g, h] = [0, 0, 0, 0, 0, 0, 0, 0];
  const whole = taps - (taps % 8);
  let t = 0;
  for (; t < whole; t += 8) {
    a += input[start + t]! * table[row + t]!;
    b += input[start + t + 1]! * table[row + t + 1]!;
    c += input[start + t + 2]! * table[row + t + 2]!;
    d += input[start + t + 3]! * table[row + t + 3]!;
    e += input[start + t + 4]! * table[row + t + 4]!;
    f += input[start + t + 5]! * table[row + t + 5]!;
    g += input[start + t + 6]! * table[row + t + 6]!;
    h += input[start + t + 7]! * table[row + t + 7]!;
  }
  if (t < taps) a += input[start + t]! * table[row + t]!;
  if (t + 1 < taps) b += input[start + t + 1]! * table[row + t + 1]!;
  if (t + 2 < taps) c += input[start + t + 2]! * table[row + t + 2]!;
  if (t + 3 < taps) d += input[start + t + 3]! * table[row + t + 3]!;
  if (t + 4 < taps) e += input[start + t + 4]! * table[row + t + 4]!;
  if (t + 5 < taps) f += input[start + t + 5]! * table[row + t + 5]!;
  if (t + 6 < taps) g += input[start + t + 6]! * table[row + t + 6]!;
  return a + e + (c + g) + (b + f + (d + h));
}
