// Owns the meaning of a head's two-class output: the softmax margin of each network pixel. Knows no image size.
// Invariant: a margin is p(class) - p(background) in [-1, 1]; the class holds where it is above 0.

import type { RoadHead } from "./road-model.js";

/** Softmax margins of one head at the network's own resolution, row by row. */
export interface MarginField {
  readonly width: number;
  readonly height: number;
  readonly margins: Float32Array;
}

/**
 * Reads margins from an output [1, 2, height, width]: `p1 - p0` of probabilities, `tanh((l1 - l0) / 2)` of logits, which is
 * the same number.
 */
export function readMargins(
  data: Float32Array,
  head: Pick<RoadHead, "width" | "height"> & { readonly values: "logits" | "probabilities" },
): MarginField {
  const pixels = head.width * head.height;
  const margins = new Float32Array(pixels);
  if (head.values === "probabilities") {
    for (let i = 0; i < pixels; i++) margins[i] = data[pixels + i]! - data[i]!;
  } else {
    // tanh(x / 2) written with one exponential: two thirds of the time, and exact to float32.
    for (let i = 0; i < pixels; i++) margins[i] = 1 - 2 / (Math.exp(data[pixels + i]! - data[i]!) + 1);
  }
  return { width: head.width, height: head.height, margins };
}

/**
 * Tells softmax pairs from logits: every pair lies in [0, 1] and sums to one. The tolerance is above float16 rounding;
 * logits would have to meet it at every pixel of an image by chance.
 */
export function classifyValues(data: Float32Array): "logits" | "probabilities" {
  const pixels = data.length / 2;
  for (let i = 0; i < pixels; i++) {
    const background = data[i]!;
    const sought = data[pixels + i]!;
    const isPair = background >= -0.002 && sought >= -0.002 && Math.abs(background + sought - 1) <= 0.002;
    if (!isPair) return "logits";
  }
  return "probabilities";
}

/** Share of network pixels where the class holds. */
export function areaRatio(field: MarginField): number {
  let count = 0;
  const { margins } = field;
  for (let i = 0; i < margins.length; i++) if (margins[i]! > 0) count++;
  return count / margins.length;
}

/**
 * The mean softmax margin over every network pixel that a head claims for its class, all heads pooled; 0 when none claims
 * any. Background is left out: it is most of an image and nearly always certain, and would hide a doubtful road.
 */
export function meanClaimedMargin(fields: readonly MarginField[]): number {
  let sum = 0;
  let count = 0;
  for (const { margins } of fields) {
    for (let i = 0; i < margins.length; i++) {
      const margin = margins[i]!;
      if (margin <= 0) continue;
      sum += margin;
      count++;
    }
  }
  return count === 0 ? 0 : sum / count;
}
