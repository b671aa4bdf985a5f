// Owns what the margins op is asked to do. Knows no kernel and no head's name.

import { LIMITS } from "../core/limits.js";
import { refusal, requireOneOf, requireWhole } from "./op-argument.js";

/** From the two-class scores of each pixel to the softmax margin of the second class. */
export interface MarginsPlan {
  readonly key: string;
  readonly pixels: number;
  readonly values: "logits" | "probabilities";
}

/**
 * Lays out the margins op. Scores are float32 [2, pixels]; a margin is `p1 - p0` of probabilities, and of logits
 * `tanh((l1 - l0) / 2)`, which is the same number.
 *
 * The op is exact: every implementation gives the same bits, as all of them evaluate the same rational function in float32.
 * It is within 4e-7 of the true value, has the sign of the difference, and is 0 where the difference is NaN or below 2^-126.
 * Margins lie in [-1, 1]. `totals` receives the number of pixels with a margin above 0, and the sum of those margins, each cut
 * off to steps of 2^-24, so that no order of adding can be told from another. Views may not overlap.
 *
 * @throws RedlineError `OP_ARGUMENT` naming the argument.
 */
export function planMargins(given: {
  readonly width: number;
  readonly height: number;
  readonly values: "logits" | "probabilities";
}): MarginsPlan {
  const { width, height } = given;
  requireWhole("width", width, { min: 1, max: LIMITS.imageSide });
  requireWhole("height", height, { min: 1, max: LIMITS.imageSide });
  const pixels = width * height;
  if (pixels > LIMITS.imagePixels)
    throw refusal("width x height", `at most ${LIMITS.imagePixels} pixels`, pixels);
  const values = requireOneOf("values", given.values, ["logits", "probabilities"]);
  return Object.freeze({ key: `margins ${pixels} ${values}`, pixels, values });
}
