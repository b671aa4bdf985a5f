// Owns distances to the nearest pixel of a mask, and which pixels lie near another mask. Knows no class and no file.
// Invariant: distances are exact and Euclidean, in pixels; far from an empty mask is infinitely far.

/** A mask and its size; a pixel belongs to it where its value is not 0. */
export interface SizedMask {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/** How many pixels of one mask lie near the other, both ways: near, all, near, all. */
export type NearCounts = readonly [
  claimedNear: number,
  claimed: number,
  labelledNear: number,
  labelled: number,
];

/** Counts pixels of each mask that lie within `withinPixels` of the other. */
export function nearCounts(given: {
  readonly label: SizedMask;
  readonly claim: SizedMask;
  readonly withinPixels: number;
}): NearCounts {
  const { label, claim, withinPixels } = given;
  const [claimedNear, claimed] = countNear(claim, { to: label, withinPixels });
  const [labelledNear, labelled] = countNear(label, { to: claim, withinPixels });
  return [claimedNear, claimed, labelledNear, labelled];
}

function countNear(
  mask: SizedMask,
  { to, withinPixels }: { readonly to: SizedMask; readonly withinPixels: number },
): [near: number, all: number] {
  const squared = squaredDistances(to);
  const limit = withinPixels * withinPixels;
  let near = 0;
  let all = 0;
  for (let i = 0; i < mask.data.length; i++) {
    if (mask.data[i] === 0) continue;
    all++;
    if (squared[i]! <= limit) near++;
  }
  return [near, all];
}

/**
 * The squared distance of every pixel to the nearest one of the mask (Felzenszwalb and Huttenlocher, "Distance Transforms
 * of Sampled Functions", 2012): columns first, then rows, each the lower envelope of parabolas.
 */
export function squaredDistances({ width, height, data }: SizedMask): Float64Array {
  const squared = new Float64Array(width * height);
  for (let i = 0; i < squared.length; i++) squared[i] = data[i] === 0 ? Number.POSITIVE_INFINITY : 0;
  const envelope = new Envelope(Math.max(width, height));
  for (let x = 0; x < width; x++) envelope.lower(squared, { start: x, step: width, count: height });
  for (let y = 0; y < height; y++) envelope.lower(squared, { start: y * width, step: 1, count: width });
  return squared;
}

/** One line of a field and the memory its transform needs. */
class Envelope {
  readonly #values: Float64Array;
  readonly #vertices: Int32Array;
  readonly #edges: Float64Array;

  constructor(longest: number) {
    this.#values = new Float64Array(longest);
    this.#vertices = new Int32Array(longest);
    this.#edges = new Float64Array(longest + 1);
  }

  /** Replaces each value f(q) of a line by the least (p - q)^2 + f(q). */
  lower(
    field: Float64Array,
    line: { readonly start: number; readonly step: number; readonly count: number },
  ): void {
    const { start, step, count } = line;
    const [values, vertices, edges] = [this.#values, this.#vertices, this.#edges];
    let last = -1;
    for (let q = 0; q < count; q++) {
      const value = field[start + q * step]!;
      values[q] = value;
      // An infinite parabola is nowhere the lowest.
      if (value === Number.POSITIVE_INFINITY) continue;
      let edge = Number.NEGATIVE_INFINITY;
      while (last >= 0) {
        const p = vertices[last]!;
        edge = (value + q * q - (values[p]! + p * p)) / (2 * (q - p));
        if (edge > edges[last]!) break;
        last--;
        edge = Number.NEGATIVE_INFINITY;
      }
      last++;
      vertices[last] = q;
      edges[last] = edge;
      edges[last + 1] = Number.POSITIVE_INFINITY;
    }
    if (last < 0) return;
    let at = 0;
    for (let q = 0; q < count; q++) {
      while (edges[at + 1]! < q) at++;
      const p = vertices[at]!;
      field[start + q * step] = (q - p) * (q - p) + values[p]!;
    }
  }
}
