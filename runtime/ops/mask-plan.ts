// Owns what the mask op is asked to do, and the block of words every implementation works from. Knows no kernel.
// Invariant: every index in the block lies inside the grid; native/ops/mask.cc holds the same layout and checks it again.

import { LIMITS } from "../core/limits.js";
import { bilinearTaps } from "./image-axis.js";
import { refusal, requireWhole } from "./op-argument.js";

/** From margins on a grid to a mask at an image's size. Frozen but for the scratch row at the end of `words`. */
export interface MaskPlan {
  readonly key: string;
  readonly words: Int32Array;
  readonly gridPixels: number;
  readonly imagePixels: number;
}

/** Words of the block's head: where each table begins. Weights and the scratch row are float32 bits. */
export const MASK_HEAD = {
  mark: 0,
  length: 1,
  gridWidth: 2,
  gridHeight: 3,
  imageWidth: 4,
  imageHeight: 5,
  columns: 6,
  across: 7,
  rows: 8,
  down: 9,
  scratch: 10,
  words: 11,
} as const;

/** "MSK1" in the first word. */
export const MASK_MARK = 0x314b534d;

/**
 * Lays out the mask op: margins float32 [grid.height, grid.width] to bytes [image.height, image.width], 255 where the bilinear
 * interpolation of the margins, half-pixel centres and edges repeated, is above 0, and 0 elsewhere, at NaN too.
 *
 * The op is exact: first between rows, then between columns, each step in float32. Views may not overlap; one call at a time.
 *
 * @throws RedlineError `OP_ARGUMENT` naming the argument.
 */
export function planMask(given: {
  readonly grid: { readonly width: number; readonly height: number };
  readonly image: { readonly width: number; readonly height: number };
}): MaskPlan {
  const { grid, image } = given;
  for (const [name, { width, height }] of Object.entries({ grid, image })) {
    requireWhole(`${name}.width`, width, { min: 1, max: LIMITS.imageSide });
    requireWhole(`${name}.height`, height, { min: 1, max: LIMITS.imageSide });
    if (width * height > LIMITS.imagePixels)
      throw refusal(name, `at most ${LIMITS.imagePixels} pixels`, width * height);
  }
  const columns = bilinearTaps({ from: grid.width, to: image.width, stride: 1 });
  const rows = bilinearTaps({ from: grid.height, to: image.height, stride: grid.width });
  const tables = [
    columns.offsets,
    new Int32Array(columns.weights.buffer),
    rows.offsets,
    new Int32Array(rows.weights.buffer),
    new Int32Array(grid.width),
  ];
  const words = new Int32Array(MASK_HEAD.words + tables.reduce((sum, table) => sum + table.length, 0));
  words.set([MASK_MARK, words.length, grid.width, grid.height, image.width, image.height]);
  let at: number = MASK_HEAD.words;
  for (const [index, table] of tables.entries()) {
    words[MASK_HEAD.columns + index] = at;
    words.set(table, at);
    at += table.length;
  }
  return Object.freeze({
    key: `mask ${grid.width}x${grid.height} ${image.width}x${image.height}`,
    words,
    gridPixels: grid.width * grid.height,
    imagePixels: image.width * image.height,
  });
}
