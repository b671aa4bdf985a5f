// Owns e^x of the ops. Knows no op.
// Invariant: every step is float64 in the order native/ops/boxes.h has, so that the bits agree.

import { fround } from "../float-bits.js";

const double = new Float64Array(1);
/** The second holds sign and exponent: every processor this runs on is little-endian. */
const halves = new Int32Array(double.buffer);

/** Beyond these a float32 would hold no normal number. */
const LEAST = -87;
const MOST = 88;
/** 1 / k! for k from 13 down to 0: the rest of the series is below 2^-60. */
const SERIES = Array.from({ length: 14 }, (_, at) => 1 / factorial(13 - at));

/** e^x rounded to float32, x held between -87 and 88; NaN of NaN. */
export function exponential(value: number): number {
  if (Number.isNaN(value)) return value;
  const x = Math.min(Math.max(value, LEAST), MOST);
  const twos = Math.floor(x * Math.LOG2E + 0.5);
  const rest = x - twos * Math.LN2;
  let sum = 0;
  for (const term of SERIES) sum = sum * rest + term;
  halves[0] = 0;
  halves[1] = (twos + 1023) << 20;
  return fround(sum * double[0]!);
}

function factorial(count: number): number {
  return count < 2 ? 1 : count * factorial(count - 1);
}
