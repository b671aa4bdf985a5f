// Owns the natural logarithm of the ops. Knows no op.
// Invariant: every step is rounded to float32 in the order native/ops/log_mel.h has, so that the bits agree.

import { fround } from "../float-bits.js";

const float = new Float32Array(1);
const bits = new Int32Array(float.buffer);

/** Bits of the square root of one half: what is left of a number lies between it and the root of two. */
const HALF_ROOT_BITS = 0x3f3504f3;
/** ln 2 in two parts: whole multiples of the first, up to 2^8, are exact. */
const LN2_HIGH = 0.693145751953125;
const LN2_LOW = fround(Math.LN2 - LN2_HIGH);
/** Of the series 2s (1 + s^2 / 3 + s^4 / 5 + ...): four terms leave 2e-9. */
const TERMS = [fround(2 / 9), fround(2 / 7), fround(2 / 5), fround(2 / 3)] as const;

/** ln(value) of a normal number above 0; NaN of infinity and NaN. */
export function naturalLog(value: number): number {
  float[0] = value;
  const exponent = (bits[0]! - HALF_ROOT_BITS) >> 23;
  bits[0] = bits[0]! - (exponent << 23);
  const rest = float[0]!;
  const s = fround(fround(rest - 1) / fround(rest + 1));
  const square = fround(s * s);
  let series = fround(fround(TERMS[0] * square) + TERMS[1]);
  series = fround(fround(series * square) + TERMS[2]);
  series = fround(fround(series * square) + TERMS[3]);
  series = fround(fround(series * square) * s);
  const low = fround(series + fround(exponent * LN2_LOW));
  const sum = fround(fround(exponent * LN2_HIGH) + fround(fround(s + s) + low));
  // Of NaN and infinity alone the difference from itself is not 0.
  return fround(sum + fround(value - value));
}
