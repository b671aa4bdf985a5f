// Owns arithmetic in float32 as every implementation of an op does it, for use in the reference ones. Knows no op.
// Invariant: each of these rounds once, to nearest, ties to even, and so gives the bits that vector code gives.

/**
 * Products, sums and quotients of two float32 are right to the last bit when they are computed in float64 and then rounded:
 * 53 bits are more than twice 24 plus two. Engines compile this to float32 instructions.
 */
export const { fround } = Math;

/** Adding and taking off 1.5 x 2^23 leaves no room for a fraction: rounds to a whole number, ties to even, below 2^22. */
const ROUNDING = 12_582_912;

/** The nearest whole number of a float32 between -2^22 and 2^22, ties to even. */
export function roundToWhole(value: number): number {
  return fround(fround(value + ROUNDING) - ROUNDING);
}

/** `first + (second - first) * weight`, each step in float32: a constant stays one. */
export function lerp(first: number, second: number, weight: number): number {
  return fround(first + fround(fround(second - first) * weight));
}

const bits = new DataView(new ArrayBuffer(4));

/** A float32's bits, as words carry them. */
export function floatBits(value: number): number {
  bits.setFloat32(0, value);
  return bits.getInt32(0);
}

/** A float32 from its bits. */
export function floatOf(word: number): number {
  bits.setInt32(0, word);
  return bits.getFloat32(0);
}
