// Owns the meaning of a head's two-class output: the softmax margin of each network pixel. Knows no image size.
// Invariant: a margin is p(class) - p(background) in [-1, 1]; the class holds where it is above 0.

import { planMargins } from "../ops/margins-plan.js";
import { sharedOps } from "../ops/shared-ops.js";
import type { RoadHead } from "./road-model.js";

/** Softmax margins of one head at the network's own resolution, row by row. */
export interface MarginField {
  readonly width: number;
  readonly height: number;
  readonly margins: Float32Array;
  /** Pixels where the class holds. */
  readonly claimedPixels: number;
  /** Sum of the margins of those pixels. */
  readonly claimedSum: number;
}

/**
 * Reads margins from an output [1, 2, height, width]: `p1 - p0` of probabilities, `tanh((l1 - l0) / 2)` of logits, which is
 * the same number.
 */
export function readMargins(
  data: Float32Array,
  head: Pick<RoadHead, "width" | "height"> & { readonly values: "logits" | "probabilities" },
): MarginField {
  const { width, height } = head;
  const margins = new Float32Array(width * height);
  const totals = new Float64Array(2);
  sharedOps().margins(planMargins(head), data, { margins, totals });
  return { width, height, margins, claimedPixels: totals[0]!, claimedSum: totals[1]! };
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
export function areaRatio({ claimedPixels, width, height }: MarginField): number {
  return claimedPixels / (width * height);
}

/**
 * The mean softmax margin over every network pixel that a head claims for its class, all heads pooled; 0 when none claims
 * any. Background is left out: it is most of an image and nearly always certain, and would hide a doubtful road.
 */
export function meanClaimedMargin(fields: readonly MarginField[]): number {
  const pixels = fields.reduce((sum, { claimedPixels }) => sum + claimedPixels, 0);
  const margins = fields.reduce((sum, { claimedSum }) => sum + claimedSum, 0);
  return pixels === 0 ? 0 : margins / pixels;
}
