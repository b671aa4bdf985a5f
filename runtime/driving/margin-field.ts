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
    for (let i = 0; i < pixels; i++) margins[i] = Math.tanh((data[pixels + i]! - data[i]!) / 2);
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
  for (const margin of field.margins) if (margin > 0) count++;
  return count / field.margins.length;
}

/**
 * The mean softmax margin over every network pixel that a head claims for its class, all heads pooled; 0 when none claims
 * any. Background is left out: it is most of an image and nearly always certain, and would hide a doubtful road.
 */
export function meanClaimedMargin(fields: readonly MarginField[]): number {
  let sum = 0;
  let count = 0;
  for (const { margins } of fields) {
    for (const margin of margins) {
      if (margin > 0) {
        sum += margin;
        count++;
      }
    }
  }
  return count === 0 ? 0 : sum / count;
}

/** The largest 4-connected region where the class holds, as 1 per pixel of it, else 0. */
export function largestRegion(field: MarginField): Uint8Array {
  const { width, margins } = field;
  const labels = new Int32Array(margins.length);
  const stack = new Int32Array(margins.length);
  let largest = { label: 0, size: 0 };
  for (let seed = 0, label = 0; seed < margins.length; seed++) {
    if (labels[seed] !== 0 || !(margins[seed]! > 0)) continue;
    label++;
    let size = 0;
    let depth = 0;
    const visit = (at: number): void => {
      if (labels[at] !== 0 || !(margins[at]! > 0)) return;
      labels[at] = label;
      stack[depth++] = at;
    };
    visit(seed);
    while (depth > 0) {
      const at = stack[--depth]!;
      const x = at % width;
      size++;
      if (x > 0) visit(at - 1);
      if (x + 1 < width) visit(at + 1);
      if (at >= width) visit(at - width);
      if (at + width < margins.length) visit(at + width);
    }
    if (size > largest.size) largest = { label, size };
  }
  return Uint8Array.from(labels, (label) => (label !== 0 && label === largest.label ? 1 : 0));
}
