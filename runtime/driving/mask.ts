// Owns masks at image size: the network's margins, interpolated, above zero. Knows no file format.
// Invariant: interpolates margins, never masks, so that edges are as fine as the network's certainty says.

import { planMask } from "../ops/mask-plan.js";
import { sharedOps } from "../ops/shared-ops.js";
import type { MarginField } from "./margin-field.js";
import type { Extent } from "./polyline.js";

/** 255 where the class holds, 0 elsewhere, at the image's size: bilinear with half-pixel centres. */
export function maskAt(field: MarginField, image: Extent): Uint8Array {
  const mask = new Uint8Array(image.width * image.height);
  sharedOps().mask(planMask({ grid: field, image }), field.margins, mask);
  return mask;
}
