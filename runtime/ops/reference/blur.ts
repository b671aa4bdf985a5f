// Owns the blur op's definition. Knows no other implementation.
// Invariant: sums are whole numbers, means float32 products rounded to nearest, as in native/ops/blur.h, so that the bits agree.

import { type BlurPlan, blurScratch, REGION_FIELDS } from "../blur-plan.js";
import { fround, roundToWhole } from "../float-bits.js";

/** One region inside the image: where its first byte lies, the bytes of its rows, and how many rows. */
interface Region {
  readonly start: number;
  readonly rowBytes: number;
  readonly rows: number;
}

/** Blurs every region in turn. Both views have been checked. */
export function blur(plan: BlurPlan, regions: Int32Array, image: Uint8Array): void {
  const { width, height, channels, strideBytes, passes } = plan;
  for (let at = 0; at + REGION_FIELDS <= regions.length; at += REGION_FIELDS) {
    const left = Math.max(0, regions[at]!);
    const top = Math.max(0, regions[at + 1]!);
    const right = Math.min(width, regions[at]! + regions[at + 2]!);
    const bottom = Math.min(height, regions[at + 1]! + regions[at + 3]!);
    if (right <= left || bottom <= top) continue;
    const region = {
      start: top * strideBytes + left * channels,
      rowBytes: (right - left) * channels,
      rows: bottom - top,
    };
    for (let pass = 0; pass < passes; pass++) {
      for (let row = 0; row < region.rows; row++)
        blurRow(plan, image, { start: region.start + row * strideBytes, rowBytes: region.rowBytes });
      blurColumns(plan, image, region);
    }
  }
}

/** The mean of a window, as a byte: sums are at most 255 times the window's size. */
function meanOf(sum: number, inverse: number): number {
  return roundToWhole(fround(sum * inverse));
}

function blurRow(
  { floats, channels, radius }: BlurPlan,
  image: Uint8Array,
  { start, rowBytes }: { start: number; rowBytes: number },
): void {
  const inverse = fround(1 / (2 * radius + 1));
  const window = (2 * radius + 1) * channels;
  const last = rowBytes / channels - 1;
  // Sums of all bytes of a channel before each place, the row's first and last pixel repeated.
  for (let channel = 0; channel < channels; channel++) {
    floats[channel] = 0;
    for (let x = 0; x <= last + 2 * radius; x++) {
      const from = Math.min(Math.max(x - radius, 0), last);
      const before = floats[x * channels + channel]!;
      floats[(x + 1) * channels + channel] = before + image[start + from * channels + channel]!;
    }
  }
  for (let at = 0; at < rowBytes; at++)
    image[start + at] = meanOf(floats[at + window]! - floats[at]!, inverse);
}

function blurColumns(plan: BlurPlan, image: Uint8Array, { start, rowBytes, rows }: Region): void {
  const { floats, bytes, strideBytes, radius } = plan;
  const inverse = fround(1 / (2 * radius + 1));
  const scratch = blurScratch(plan);
  const rowAt = (row: number): number => start + Math.min(row, rows - 1) * strideBytes;
  // Rows as they were lie in a ring, as they are written over before they leave the window.
  const slotAt = (row: number): number => 4 * scratch.rows + (Math.max(row, 0) % (radius + 1)) * rowBytes;
  for (let at = 0; at < rowBytes; at++) {
    let sum = (radius + 1) * image[start + at]!;
    for (let row = 1; row <= radius; row++) sum += image[rowAt(row) + at]!;
    floats[scratch.columns + at] = sum;
  }
  for (let row = 0; row < rows; row++) {
    const [here, slot] = [rowAt(row), slotAt(row)];
    for (let at = 0; at < rowBytes; at++) {
      bytes[slot + at] = image[here + at]!;
      image[here + at] = meanOf(floats[scratch.columns + at]!, inverse);
    }
    if (row + 1 === rows) return;
    const entering = rowAt(row + 1 + radius);
    const leaving = slotAt(row - radius);
    for (let at = 0; at < rowBytes; at++)
      floats[scratch.columns + at] =
        floats[scratch.columns + at]! + (image[entering + at]! - bytes[leaving + at]!);
  }
}
