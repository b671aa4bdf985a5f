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
    // For BGR the planes of red and blue change places. Plain locals: the loop runs 100,000 times a frame.
    const [red, blue] = colour === "RGB" ? [0, 2] : [2, 0];
    const redGain = this.#gain[red]!;
    const redOffset = this.#offset[red]!;
    const greenGain = this.#gain[1]!;
    const greenOffset = this.#offset[1]!;
    const blueGain = this.#gain[blue]!;
    const blueOffset = this.#offset[blue]!;
    const { first, second, weight } = this.#columns;
    const { data } = image;
    for (let y = 0; y < height; y++) {
      const top = this.#rows.first[y]!;
      const bottom = this.#rows.second[y]!;
      const down = this.#rows.weight[y]!;
      let toRed = red * plane + y * width * step;
      let toGreen = plane + y * width * step;
      let toBlue = blue * plane + y * width * step;
      for (let x = 0; x < width; x++) {
        const across = weight[x]!;
        // Weights of the four neighbours: they sum to one.
        const d = across * down;
        const c = down - d;
        const b = across - d;
        const a = 1 - across - c;
        const nw = top + first[x]!;
        const ne = top + second[x]!;
        const sw = bottom + first[x]!;
        const se = bottom + second[x]!;
        target[toRed] = (a * data[nw]! + b * data[ne]! + c * data[sw]! + d * data[se]!) * redGain + redOffset;
        target[toGreen] =
          (a * data[nw + 1]! + b * data[ne + 1]! + c * data[sw + 1]! + d * data[se + 1]!) * greenGain +
          greenOffset;
        target[toBlue] =
          (a * data[nw + 2]! + b * data[ne + 2]! + c * data[sw + 2]! + d * data[se + 2]!) * blueGain +
          blueOffset;
        toRed += step;
        toGreen += step;
        toBlue += step;
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
