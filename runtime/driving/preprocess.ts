// Owns the way from a frame's bytes to the network's input: the image op for this model, planned anew when frames change size.
// Knows no model and no arithmetic. Invariant: allocates nothing per frame while the frame size stays.

import { type ImagePlan, planImage } from "../ops/image-plan.js";
import type { Ops } from "../ops/ops.js";
import { sharedOps } from "../ops/shared-ops.js";
import type { ImageInput } from "./road-model.js";

/** Pixels as bytes, three a pixel. */
export interface RgbImage {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/**
 * Writes frames into an input tensor: bilinear stretch with half-pixel centres and no antialiasing, the sampling of
 * OpenCV's INTER_LINEAR that road models are trained with, then `(value * scale - mean) / std`.
 *
 * @example
 * const preprocessor = new Preprocessor(road.image);
 * preprocessor.write(frame, slot.inputs[road.image.name] as Float32Array);
 */
export class Preprocessor {
  readonly #input: ImageInput;
  readonly #ops: Ops;
  #plan: ImagePlan | undefined;
  #sourceWidth = 0;
  #sourceHeight = 0;

  constructor(input: ImageInput, ops: Ops = sharedOps()) {
    this.#input = input;
    this.#ops = ops;
  }

  /**
   * Fills `target`, which holds 3 x height x width elements of the input.
   *
   * @throws RedlineError `OP_ARGUMENT` when either view does not fit its size.
   */
  write(image: RgbImage, target: Float32Array): void {
    this.#ops.image(this.#planFor(image), image.data, target);
  }

  #planFor({ width, height }: RgbImage): ImagePlan {
    if (this.#plan !== undefined && width === this.#sourceWidth && height === this.#sourceHeight)
      return this.#plan;
    const { width: across, height: down, layout, colour, scale, mean, std } = this.#input;
    this.#plan = planImage(
      { format: "rgb", width, height },
      { width: across, height: down, layout, colour, dtype: "float32", scale, mean, std },
    );
    this.#sourceWidth = width;
    this.#sourceHeight = height;
    return this.#plan;
  }
}
