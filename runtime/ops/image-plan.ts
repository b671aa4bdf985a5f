// Owns what an image op is asked to do, its checks, and the block of words every implementation works from.
// Knows no kernel. Invariant: every offset in the block lies inside a source of `sourceBytes`; native/ops/image_plan.h
// holds the same layout and checks it again.

import { LIMITS } from "../core/limits.js";
import { type Axis, areaTaps, bilinearTaps } from "./image-axis.js";
import { type Chroma, chromaOf, packedBytes } from "./image-source.js";
import { refusal, requireFinite, requireOneOf, requireWhole } from "./op-argument.js";

/** Where the pixels are and what they mean. */
export interface ImageSource {
  /**
   * `rgb`, `bgr`: three bytes a pixel; `rgba`: four, the last is not looked at. `nv12`: luma rows, then rows of Cb and Cr
   * pairs; `i420`: luma, Cb and Cr rows. Both have one chroma sample for 2 x 2 pixels and want even sizes.
   */
  readonly format: "rgb" | "bgr" | "rgba" | "nv12" | "i420";
  /** Size in pixels, from 1 to `LIMITS.imageSide`. */
  readonly width: number;
  readonly height: number;
  /** Bytes from one row to the next; what lies between rows is not looked at. Default: rows follow each other. */
  readonly strideBytes?: number;
  readonly chromaStrideBytes?: number;
  /** Where the first row begins in the source view. Default 0. */
  readonly offsetBytes?: number;
  /** Where the chroma rows begin. Default: after the luma rows, Cr after Cb. */
  readonly chromaOffsetBytes?: number;
  readonly crOffsetBytes?: number;
  /** Default: the whole image. Pixels outside are never mixed in. Even numbers for `nv12` and `i420`. */
  readonly region?: {
    readonly x: number;
    readonly y: number;
    readonly width: number;
    readonly height: number;
  };
  /** How `nv12` and `i420` become RGB. Default BT.601, limited range, chroma between its four pixels. */
  readonly matrix?: "bt601" | "bt709";
  readonly range?: "limited" | "full";
  readonly siting?: "centre" | "left";
}

/** What is written. */
export interface ImageTarget {
  readonly width: number;
  readonly height: number;
  readonly layout: "NCHW" | "NHWC";
  readonly colour: "RGB" | "BGR";
  /** float16 as bits in a Uint16Array. */
  readonly dtype: "float32" | "float16" | "uint8" | "int8";
  /** `letterbox` keeps the proportions, in the middle, and fills the rest with `pad`. Default `stretch`. */
  readonly fit?: "stretch" | "letterbox";
  /** `bilinear` looks at four pixels; `area` means over all that fall on an output pixel. Default `bilinear`. */
  readonly filter?: "bilinear" | "area";
  /** `(byte * scale - mean) / std` of each output channel. Default 1, 0 and 1. */
  readonly scale?: number;
  readonly mean?: readonly [number, number, number];
  readonly std?: readonly [number, number, number];
  /** For uint8 and int8: `value / scale + zeroPoint`, rounded to nearest, ties to even, held within the type. */
  readonly quantise?: { readonly scale: number; readonly zeroPoint: number };
  /** The colour around a letterbox, as a byte before the normalisation. Default 114. */
  readonly pad?: number;
}

/** An image op, ready to run on any number of frames of one form. Frozen but for `scratch`. */
export interface ImagePlan {
  /** Tells forms apart for the pick. */
  readonly key: string;
  readonly words: Int32Array;
  /** Bytes the source view holds at least. */
  readonly sourceBytes: number;
  /** Elements the target view holds exactly. */
  readonly elements: number;
  readonly targetArray: "Float32Array" | "Uint16Array" | "Uint8Array" | "Int8Array";
  /** Three rows of the reference implementation: one call at a time. */
  readonly scratch: Float32Array;
}

/** Words of the block's head; tables follow. Numbers marked f are float32 bits. */
export const IMAGE_HEAD = {
  mark: 0,
  length: 1,
  isPlanes: 2,
  sourceBytes: 3,
  width: 4,
  height: 5,
  left: 6,
  top: 7,
  contentWidth: 8,
  contentHeight: 9,
  isPlanar: 10,
  element: 11,
  filter: 12,
  /** Four axes (columns, rows, chroma columns, chroma rows), each: taps, offsets at, weights at. */
  axes: 13,
  /** Byte within a pixel of each output channel. */
  byteOf: 25,
  cbOffset: 28,
  crOffset: 29,
  /** f: three each. */
  gain: 30,
  bias: 33,
  pad: 36,
  /** f: luma's own bias and gain, then Cb's and Cr's weight in each output channel. */
  lumaBias: 39,
  lumaGain: 40,
  cbWeight: 41,
  crWeight: 44,
  words: 47,
} as const;

/** "IMG1" in the first word. */
export const IMAGE_MARK = 0x31474d49;
/** Element types by number, and the array that carries each. */
export const IMAGE_ELEMENTS = ["float32", "float16", "uint8", "int8"] as const;
const ARRAYS = {
  float32: "Float32Array",
  float16: "Uint16Array",
  uint8: "Uint8Array",
  int8: "Int8Array",
} as const;
const ZERO_TO_ONE = { scale: 1, zeroPoint: 0 };

/**
 * Checks what is asked and lays it out, once for any number of frames.
 *
 * The op is exact: every implementation gives the same bits. All arithmetic is float32, each step rounded to nearest, in
 * this order. Bilinear: between the columns of the upper row, of the lower row, then between the rows, each as
 * `first + (second - first) * weight`, half-pixel centres, edges repeated. Area: the sum over columns of `weight * byte`, then
 * over rows; an axis that grows takes the pixels it covers. Planes are sampled each in its own grid, then become RGB, held
 * within 0 to 255. Then `value * gain + bias`. Against exact arithmetic a bilinear byte is off by at most 1e-4 of one step:
 * seven roundings of at most 2^-17, and a weight's own.
 *
 * Bytes are finite and the factors are checked, so no NaN can come out. The target may not overlap the source.
 *
 * @throws RedlineError `OP_ARGUMENT` naming the argument.
 *
 * @example
 * const plan = planImage(
 *   { format: "rgb", width: 1280, height: 720 },
 *   { width: 320, height: 320, layout: "NCHW", colour: "RGB", dtype: "float32", scale: 1 / 255 },
 * );
 * use(plan.elements);
 */
export function planImage(source: ImageSource, target: ImageTarget): ImagePlan {
  const side = { min: 1, max: LIMITS.imageSide };
  requireWhole("source.width", source.width, side);
  requireWhole("source.height", source.height, side);
  requireWhole("target.width", target.width, side);
  requireWhole("target.height", target.height, side);
  const elements = 3 * target.width * target.height;
  if (elements > 3 * LIMITS.imagePixels)
    throw refusal("target", `at most ${LIMITS.imagePixels} pixels`, elements / 3);
  requireOneOf("source.format", source.format, ["rgb", "bgr", "rgba", "nv12", "i420"]);
  requireOneOf("target.layout", target.layout, ["NCHW", "NHWC"]);
  requireOneOf("target.colour", target.colour, ["RGB", "BGR"]);
  requireOneOf("target.dtype", target.dtype, IMAGE_ELEMENTS);
  const fit = requireOneOf("target.fit", target.fit ?? "stretch", ["stretch", "letterbox"]);
  const filter = requireOneOf("target.filter", target.filter ?? "bilinear", ["bilinear", "area"]);

  const region = regionOf(source);
  const content = contentOf({ region, target, fit });
  const chroma = chromaOf(source, region);
  const packed = chroma === undefined ? packedBytes(source, region) : undefined;
  const taps = filter === "area" ? areaTaps : bilinearTaps;
  const axes: Axis[] = [
    taps({ from: region.width, to: content.width, stride: packed?.pixelBytes ?? 1 }),
    taps({ from: region.height, to: content.height, stride: (packed ?? chroma!.luma).strideBytes }),
    ...(chroma === undefined ? [] : chromaAxes({ chroma, region, content, taps })),
  ];
  const start = (packed ?? chroma!.luma).startBytes;
  axes[1]!.offsets.forEach((offset, at, offsets) => {
    offsets[at] = offset + start;
  });
  const head = new Int32Array(IMAGE_HEAD.words);
  head.set([IMAGE_MARK, 0, chroma === undefined ? 0 : 1, packed?.bytes ?? chroma!.bytes]);
  head.set([target.width, target.height, content.left, content.top, content.width, content.height], 4);
  head.set([target.layout === "NCHW" ? 1 : 0, IMAGE_ELEMENTS.indexOf(target.dtype)], IMAGE_HEAD.isPlanar);
  head[IMAGE_HEAD.filter] = filter === "area" ? 1 : 0;
  const channels = target.colour === "RGB" ? [0, 1, 2] : [2, 1, 0];
  head.set(
    channels.map((channel) => packed?.byteOf[channel] ?? 0),
    IMAGE_HEAD.byteOf,
  );
  head.set([chroma?.cbOffset ?? 0, chroma?.crOffset ?? 0], IMAGE_HEAD.cbOffset);
  const floats = new Float32Array(head.buffer);
  setNormalisation(floats, target);
  if (chroma !== undefined) {
    floats.set([chroma.lumaBias, chroma.lumaGain], IMAGE_HEAD.lumaBias);
    floats.set(
      channels.map((channel) => chroma.cbWeight[channel]!),
      IMAGE_HEAD.cbWeight,
    );
    floats.set(
      channels.map((channel) => chroma.crWeight[channel]!),
      IMAGE_HEAD.crWeight,
    );
  }
  const words = join(head, axes);
  return Object.freeze({
    key: keyOf({ source, target, region, filter, fit }),
    words,
    sourceBytes: head[IMAGE_HEAD.sourceBytes]!,
    elements,
    targetArray: ARRAYS[target.dtype],
    scratch: new Float32Array(3 * target.width),
  });
}

type Region = NonNullable<ImageSource["region"]>;

function regionOf(source: ImageSource): Region {
  const region = source.region ?? { x: 0, y: 0, width: source.width, height: source.height };
  requireWhole("source.region.x", region.x, { min: 0, max: source.width - 1 });
  requireWhole("source.region.y", region.y, { min: 0, max: source.height - 1 });
  requireWhole("source.region.width", region.width, { min: 1, max: source.width - region.x });
  requireWhole("source.region.height", region.height, { min: 1, max: source.height - region.y });
  return region;
}

interface Content {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** Where the picture lies in the target: all of it, or as much as keeps its proportions, rounded to whole pixels. */
function contentOf(given: { region: Region; target: ImageTarget; fit: string }): Content {
  const { region, target, fit } = given;
  if (fit === "stretch") return { left: 0, top: 0, width: target.width, height: target.height };
  const factor = Math.min(target.width / region.width, target.height / region.height);
  const width = Math.min(target.width, Math.max(1, Math.round(region.width * factor)));
  const height = Math.min(target.height, Math.max(1, Math.round(region.height * factor)));
  return {
    left: Math.floor((target.width - width) / 2),
    top: Math.floor((target.height - height) / 2),
    width,
    height,
  };
}

function chromaAxes(given: {
  chroma: Chroma;
  region: Region;
  content: Content;
  taps: typeof bilinearTaps;
}): Axis[] {
  const { chroma, region, content, taps } = given;
  const { pixelBytes, strideBytes, shiftAcross } = chroma;
  return [
    taps({ from: region.width / 2, to: content.width, stride: pixelBytes, shift: shiftAcross }),
    taps({ from: region.height / 2, to: content.height, stride: strideBytes }),
  ];
}

/** One multiplication and one addition for scale, mean, std and quantisation; the pad's own value beside them. */
function setNormalisation(floats: Float32Array, target: ImageTarget): void {
  const scale = requireFinite("target.scale", target.scale ?? 1);
  const isQuantised = target.dtype === "uint8" || target.dtype === "int8";
  if (target.quantise !== undefined && !isQuantised)
    throw refusal("target.quantise", "a target of uint8 or int8", target.dtype);
  const { scale: step, zeroPoint } = target.quantise ?? ZERO_TO_ONE;
  requireFinite("target.quantise.scale", step);
  requireFinite("target.quantise.zeroPoint", zeroPoint);
  if (step === 0) throw refusal("target.quantise.scale", "other than 0", step);
  const pad = target.pad ?? 114;
  if (!(pad >= 0 && pad <= 255)) throw refusal("target.pad", "from 0 to 255", pad);
  for (let channel = 0; channel < 3; channel++) {
    const mean = requireFinite(`target.mean[${channel}]`, target.mean?.[channel] ?? 0);
    const std = requireFinite(`target.std[${channel}]`, target.std?.[channel] ?? 1);
    if (std === 0) throw refusal(`target.std[${channel}]`, "other than 0", std);
    const gain = requireFinite(`target.std[${channel}]`, scale / std / step);
    const bias = requireFinite(`target.mean[${channel}]`, -mean / std / step + zeroPoint);
    floats[IMAGE_HEAD.gain + channel] = gain;
    // A bias of -0 would show in the bits of a zero only: 0 + 0 is the same number everywhere.
    floats[IMAGE_HEAD.bias + channel] = bias + 0;
    // A gain so large that a white pixel overflows is no normalisation.
    requireFinite("target.scale", 255 * Math.abs(gain) + Math.abs(bias));
    const raised = Math.fround(Math.fround(pad) * floats[IMAGE_HEAD.gain + channel]!);
    floats[IMAGE_HEAD.pad + channel] = raised + floats[IMAGE_HEAD.bias + channel]!;
  }
}

/** The head and the tables of each axis in one block; the head says where each table begins. */
function join(head: Int32Array, axes: readonly Axis[]): Int32Array {
  const tables = axes.reduce((sum, { offsets, weights }) => sum + offsets.length + weights.length, 0);
  const words = new Int32Array(head.length + tables);
  words.set(head);
  let at = head.length;
  for (const [index, { taps, offsets, weights }] of axes.entries()) {
    words.set([taps, at, at + offsets.length], IMAGE_HEAD.axes + 3 * index);
    words.set(offsets, at);
    words.set(new Int32Array(weights.buffer), at + offsets.length);
    at += offsets.length + weights.length;
  }
  words[IMAGE_HEAD.length] = words.length;
  return words;
}

function keyOf(given: {
  source: ImageSource;
  target: ImageTarget;
  region: Region;
  filter: string;
  fit: string;
}): string {
  const { source, target, region, filter, fit } = given;
  const from = `${source.format} ${region.width}x${region.height}/${source.strideBytes ?? 0}`;
  return `image ${from} ${fit} ${filter} ${target.width}x${target.height} ${target.layout} ${target.dtype}`;
}
