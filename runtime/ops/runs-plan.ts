// Owns what the runs op is asked to do. Knows no kernel and no shape beyond a row.

import { LIMITS } from "../core/limits.js";
import { refusal, requireWhole } from "./op-argument.js";

/** From margins to the runs of neighbouring pixels of each row where the class holds. */
export interface RunsPlan {
  readonly key: string;
  readonly width: number;
  readonly height: number;
}

/** Numbers of one run: row, first and last column, and the centre weighted by margin. */
export const RUN_FIELDS = 4;

/**
 * Lays out the runs op: margins float32 [height, width] in [-1, 1] to float64 [runs, 4], by row and then by column. It answers
 * how many runs there are; where the output holds fewer, the first ones are written, and the caller makes room and calls again.
 *
 * A run is a longest stretch of margins above 0; NaN is in none. Its centre is `sum(margin * column) / sum(margin)`, in
 * float64 from left to right, so that every implementation gives the same bits. Views may not overlap.
 *
 * @throws RedlineError `OP_ARGUMENT` naming the argument.
 */
export function planRuns(given: { readonly width: number; readonly height: number }): RunsPlan {
  const { width, height } = given;
  requireWhole("width", width, { min: 1, max: LIMITS.imageSide });
  requireWhole("height", height, { min: 1, max: LIMITS.imageSide });
  if (width * height > LIMITS.imagePixels)
    throw refusal("width x height", `at most ${LIMITS.imagePixels} pixels`, width * height);
  return Object.freeze({ key: `runs ${width}x${height}`, width, height });
}
