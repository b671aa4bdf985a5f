// Owns the mask op's definition. Knows no other implementation.
// Invariant: every arithmetic step is rounded to float32 in the order native/ops/mask.h has, so that the bits agree.

import { lerp } from "../float-bits.js";
import { MASK_HEAD as HEAD, type MaskPlan } from "../mask-plan.js";

/** Writes every byte of `mask` once. Both views have been checked. */
export function mask({ words }: MaskPlan, margins: Float32Array, out: Uint8Array): void {
  const floats = new Float32Array(words.buffer, words.byteOffset, words.length);
  const gridWidth = words[HEAD.gridWidth]!;
  const [width, height] = [words[HEAD.imageWidth]!, words[HEAD.imageHeight]!];
  const [columns, across] = [words[HEAD.columns]!, words[HEAD.across]!];
  const [rows, down] = [words[HEAD.rows]!, words[HEAD.down]!];
  const line = floats.subarray(words[HEAD.scratch]!);
  for (let y = 0, at = 0; y < height; y++) {
    const top = words[rows + y]!;
    const bottom = words[rows + height + y]!;
    const share = floats[down + y]!;
    for (let u = 0; u < gridWidth; u++) line[u] = lerp(margins[top + u]!, margins[bottom + u]!, share);
    for (let x = 0; x < width; x++, at++) {
      const margin = lerp(
        line[words[columns + x]!]!,
        line[words[columns + width + x]!]!,
        floats[across + x]!,
      );
      out[at] = margin > 0 ? 255 : 0;
    }
  }
}
