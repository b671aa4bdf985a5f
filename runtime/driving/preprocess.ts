// Owns the one pass from a frame's bytes to the network's input: stretch, colour order, scale, layout. Knows no model.
// Invariant: writes every element of the target once and allocates nothing per frame while the frame size stays.

import type { ImageInput } from "./road-model.js";

/** For each output position the two source positions it lies between, and the weight of the second. */
interface Axis {
  readonly first: Int32Array;
  readonly second: Int32Array;
  readonly weight: Float32Array;
}

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
  readonly #gain: Float32Array;
  readonly #offset: Float32Array;
  #columns: Axis;
  #rows: Axis;
  #sourceWidth = 0;
  #sourceHeight = 0;

  constructor(input: ImageInput) {
    this.#input = input;
    this.#gain = Float32Array.from(input.std, (std) => input.scale / std);
    this.#offset = Float32Array.from(input.std, (std, channel) => -(input.mean[channel] ?? 0) / std);
    this.#columns = axisOf({ from: 1, to: 1, stride: 1 });
    this.#rows = this.#columns;
  }

  /** Fills `target`, which holds 3 x height x width elements of the input. */
  write(image: RgbImage, target: Float32Array): void {
    const { width, height, layout, colour } = this.#input;
    this.#measure(image);
    const planar = layout === "NCHW";
    const plane = planar ? width * height : 1;
    const step = planar ? 1 : 3;
    // Target channel c takes byte c of RGB, or byte 2 - c for BGR.
    const [red, blue] = colour === "RGB" ? [0, 2] : [2, 0];
    const gains = [this.#gain[red] ?? 1, this.#gain[1] ?? 1, this.#gain[blue] ?? 1] as const;
    const offsets = [this.#offset[red] ?? 0, this.#offset[1] ?? 0, this.#offset[blue] ?? 0] as const;
    const starts = [red * plane, plane, blue * plane] as const;
    const { first, second, weight } = this.#columns;
    const { data } = image;
    for (let y = 0; y < height; y++) {
      const top = this.#rows.first[y]!;
      const bottom = this.#rows.second[y]!;
      const down = this.#rows.weight[y]!;
      const row = y * width * step;
      for (let x = 0; x < width; x++) {
        const left = first[x]!;
        const right = second[x]!;
        const across = weight[x]!;
        // Weights of the four neighbours: they sum to one.
        const d = across * down;
        const c = down - d;
        const b = across - d;
        const a = 1 - across - c;
        const at = row + x * step;
        const nw = top + left;
        const ne = top + right;
        const sw = bottom + left;
        const se = bottom + right;
        target[starts[0] + at] =
          (a * data[nw]! + b * data[ne]! + c * data[sw]! + d * data[se]!) * gains[0] + offsets[0];
        target[starts[1] + at] =
          (a * data[nw + 1]! + b * data[ne + 1]! + c * data[sw + 1]! + d * data[se + 1]!) * gains[1] +
          offsets[1];
        target[starts[2] + at] =
          (a * data[nw + 2]! + b * data[ne + 2]! + c * data[sw + 2]! + d * data[se + 2]!) * gains[2] +
          offsets[2];
      }
    }
  }

  #measure(image: RgbImage): void {
    if (image.width === this.#sourceWidth && image.height === this.#sourceHeight) return;
    this.#sourceWidth = image.width;
    this.#sourceHeight = image.height;
    this.#columns = axisOf({ from: image.width, to: this.#input.width, stride: 3 });
    this.#rows = axisOf({ from: image.height, to: this.#input.height, stride: image.width * 3 });
  }
}

/** Sampling positions when `from` samples, `stride` bytes apart, are stretched onto `to` samples. */
function axisOf({ from, to, stride }: { from: number; to: number; stride: number }): Axis {
  const axis = { first: new Int32Array(to), second: new Int32Array(to), weight: new Float32Array(to) };
  for (let i = 0; i < to; i++) {
    const centre = Math.min(Math.max(((i + 0.5) * from) / to - 0.5, 0), from - 1);
    const first = Math.floor(centre);
    axis.first[i] = first * stride;
    axis.second[i] = Math.min(first + 1, from - 1) * stride;
    axis.weight[i] = centre - first;
  }
  return axis;
}
