// Owns where each output column or row looks in the source, and with what weight. Knows no pixels and no planes.
// Invariant: offsets never fall, and weights are float32 that every implementation reads rather than computes.

/** Tables of one axis, tap by tap: entry `tap * count + i` belongs to output position `i`. */
export interface Axis {
  readonly taps: number;
  /** Bytes from the start of the region. */
  readonly offsets: Int32Array;
  /** Bilinear: one for each position, the share of the second tap. Area: one for each tap. */
  readonly weights: Float32Array;
}

interface Stretch {
  /** Samples on this axis, and how many bytes lie from one to the next. */
  readonly from: number;
  readonly stride: number;
  readonly to: number;
  /** Added to the place in source samples: where the samples sit off their cells' centres. */
  readonly shift?: number;
}

/** Two neighbours of each half-pixel centre; past the ends the last sample is repeated. */
export function bilinearTaps({ from, to, stride, shift = 0 }: Stretch): Axis {
  const offsets = new Int32Array(2 * to);
  const weights = new Float32Array(to);
  for (let i = 0; i < to; i++) {
    const centre = Math.min(Math.max(((i + 0.5) * from) / to - 0.5 + shift, 0), from - 1);
    const first = Math.floor(centre);
    offsets[i] = first * stride;
    offsets[to + i] = Math.min(first + 1, from - 1) * stride;
    weights[i] = centre - first;
  }
  return { taps: 2, offsets, weights };
}

/** Every sample that the output position covers, by its covered share; rows of taps are filled up with weights of 0. */
export function areaTaps({ from, to, stride, shift = 0 }: Stretch): Axis {
  const size = from / to;
  const spans = Array.from({ length: to }, (_, i) => {
    const start = Math.min(Math.max(i * size + shift, 0), from - Math.min(size, 1));
    const end = Math.min(Math.max((i + 1) * size + shift, start), from);
    const first = Math.floor(start);
    return { start, end, first, last: Math.max(first, Math.ceil(end) - 1) };
  });
  const taps = spans.reduce((most, { first, last }) => Math.max(most, last - first + 1), 1);
  const offsets = new Int32Array(taps * to);
  const weights = new Float32Array(taps * to);
  for (const [i, { start, end, first, last }] of spans.entries()) {
    for (let tap = 0; tap < taps; tap++) {
      const sample = Math.min(first + tap, last);
      offsets[tap * to + i] = sample * stride;
      const covered = Math.min(end, sample + 1) - Math.max(start, sample);
      weights[tap * to + i] = first + tap > last ? 0 : first === last ? 1 : covered / (end - start);
    }
  }
  return { taps, offsets, weights };
}
