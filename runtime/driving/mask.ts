// Owns masks at image size: the network's margins, interpolated, above zero. Knows no file format.
// Invariant: interpolates margins, never masks, so that edges are as fine as the network's certainty says.

import type { MarginField } from "./margin-field.js";
import type { Extent } from "./polyline.js";

/** 255 where the class holds, 0 elsewhere, at the image's size: bilinear with half-pixel centres. */
export function maskAt(field: MarginField, image: Extent): Uint8Array {
  const { width, height, margins } = field;
  const mask = new Uint8Array(image.width * image.height);
  const lefts = new Int32Array(image.width);
  const rights = new Int32Array(image.width);
  const across = new Float32Array(image.width);
  for (let x = 0; x < image.width; x++) {
    const u = clamp(((x + 0.5) * width) / image.width - 0.5, width - 1);
    lefts[x] = Math.floor(u);
    rights[x] = Math.min(Math.floor(u) + 1, width - 1);
    across[x] = u - Math.floor(u);
  }
  const line = new Float32Array(width);
  for (let y = 0, at = 0; y < image.height; y++) {
    const v = clamp(((y + 0.5) * height) / image.height - 0.5, height - 1);
    const top = Math.floor(v) * width;
    const bottom = Math.min(Math.floor(v) + 1, height - 1) * width;
    const down = v - Math.floor(v);
    for (let u = 0; u < width; u++) {
      line[u] = margins[top + u]! + (margins[bottom + u]! - margins[top + u]!) * down;
    }
    for (let x = 0; x < image.width; x++, at++) {
      const left = line[lefts[x]!]!;
      const margin = left + (line[rights[x]!]! - left) * across[x]!;
      mask[at] = margin > 0 ? 255 : 0;
    }
  }
  return mask;
}

function clamp(value: number, most: number): number {
  return Math.min(Math.max(value, 0), most);
}
