// Owns what the blur op is asked to do. Knows no kernel and no face.

import { LIMITS } from "../core/limits.js";
import { refusal, requireOneOf, requireWhole } from "./op-argument.js";

/** Regions of an image become unrecognisable, in place. Frozen but for `scratch`. */
export interface BlurPlan {
  readonly key: string;
  readonly width: number;
  readonly height: number;
  /** Bytes of a pixel. */
  readonly channels: number;
  readonly strideBytes: number;
  readonly radius: number;
  readonly passes: number;
  /** Bytes the image view holds at least. */
  readonly imageBytes: number;
  /** Sums and rows of a region: one call at a time. */
  readonly scratch: Int32Array;
  /** The same memory as `scratch`. */
  readonly floats: Float32Array;
  readonly bytes: Uint8Array;
}

/** Numbers of one region: left, top, width and height, in pixels. */
export const REGION_FIELDS = 4;

/** A window of 511 pixels covers any face. Its sums, and those along the longest row, are whole numbers that float32 holds. */
const RADIUS_MAX = 255;
const PASSES_MAX = 8;

/** Words of scratch memory: sums along a row, sums down each column, and rows as they were. */
export function blurScratch(given: { width: number; channels: number; radius: number }): {
  readonly columns: number;
  readonly rows: number;
  readonly end: number;
} {
  const { width, channels, radius } = given;
  const columns = (width + 2 * radius + 1) * channels;
  const rows = columns + width * channels;
  return { columns, rows, end: rows + Math.ceil(((radius + 1) * width * channels) / 4) };
}

/**
 * Lays out the blur op: RGB or RGBA bytes, and int32 [regions, 4] of left, top, width and height; the pixels of each region become
 * the mean of the (2 radius + 1) x (2 radius + 1) pixels around them, `passes` times over: three come close to a Gaussian. In place,
 * and in the regions' order.
 *
 * A window looks at pixels of its region alone, whose edges are repeated: nothing outside is mixed in, and nothing outside changes.
 * A region that leads out of the image is cut off at its edges; one with nothing inside, or with a width or height of 0 or less,
 * does nothing. Alpha is blurred like the colours.
 *
 * The op is exact: along rows first, then down columns, each a whole sum times float32's 1 / (2 radius + 1), rounded to nearest, ties
 * to even. The image may not overlap the regions; one call at a time.
 *
 * @throws RedlineError `OP_ARGUMENT` naming the argument.
 */
export function planBlur(given: {
  readonly width: number;
  readonly height: number;
  readonly format: "rgb" | "rgba";
  /** Bytes from one row to the next. Default: rows follow each other. */
  readonly strideBytes?: number;
  readonly radius: number;
  /** Default 1. */
  readonly passes?: number;
}): BlurPlan {
  const width = requireWhole("width", given.width, { min: 1, max: LIMITS.imageSide });
  const height = requireWhole("height", given.height, { min: 1, max: LIMITS.imageSide });
  if (width * height > LIMITS.imagePixels)
    throw refusal("width x height", `at most ${LIMITS.imagePixels} pixels`, width * height);
  const channels = requireOneOf("format", given.format, ["rgb", "rgba"]) === "rgba" ? 4 : 3;
  const least = width * channels;
  const strideBytes = requireWhole("strideBytes", given.strideBytes ?? least, { min: least, max: 8 * least });
  const radius = requireWhole("radius", given.radius, { min: 1, max: RADIUS_MAX });
  const passes = requireWhole("passes", given.passes ?? 1, { min: 1, max: PASSES_MAX });
  const scratch = new Int32Array(blurScratch({ width, channels, radius }).end);
  return Object.freeze({
    key: `blur ${width}x${height} ${given.format} ${radius} ${passes}`,
    width,
    height,
    channels,
    strideBytes,
    radius,
    passes,
    imageBytes: (height - 1) * strideBytes + least,
    scratch,
    floats: new Float32Array(scratch.buffer),
    bytes: new Uint8Array(scratch.buffer),
  });
}
