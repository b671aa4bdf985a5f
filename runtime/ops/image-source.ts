// Owns how pixels lie in memory, and the numbers that turn luma and chroma into RGB. Knows no output.
// Invariant: what it answers lies inside the bytes it asks for, and planes never overlap.

import { LIMITS } from "../core/limits.js";
import type { ImageSource } from "./image-plan.js";
import { refusal, requireOneOf, requireWhole } from "./op-argument.js";

type Region = NonNullable<ImageSource["region"]>;

/** Rows of one plane: where the region begins in it and how far its rows lie apart. */
interface Rows {
  readonly startBytes: number;
  readonly strideBytes: number;
}

/** Three or four bytes a pixel. */
export interface Packed extends Rows {
  readonly bytes: number;
  readonly pixelBytes: number;
  /** Byte within a pixel of red, green and blue. */
  readonly byteOf: readonly number[];
}

/** Luma and chroma planes, and their way to red, green and blue. */
export interface Chroma {
  readonly bytes: number;
  readonly luma: Rows;
  readonly cbOffset: number;
  readonly crOffset: number;
  readonly pixelBytes: number;
  readonly strideBytes: number;
  readonly shiftAcross: number;
  readonly lumaBias: number;
  readonly lumaGain: number;
  readonly cbWeight: readonly [number, number, number];
  readonly crWeight: readonly [number, number, number];
}

/** Offsets and lengths stay below what 32 bits hold, with room for a vector's width. */
const BYTES_MAX = 2_147_483_000;
/** ITU-R BT.601-7 and BT.709-6: shares of red and blue in luma. */
const LUMA_SHARES = { bt601: { red: 0.299, blue: 0.114 }, bt709: { red: 0.2126, blue: 0.0722 } } as const;

/** The memory of a packed source. */
export function packedBytes(source: ImageSource, region: Region): Packed {
  for (const name of ["chromaStrideBytes", "chromaOffsetBytes", "crOffsetBytes"] as const) {
    if (source[name] !== undefined)
      throw refusal(`source.${name}`, "a source of nv12 or i420", source.format);
  }
  const pixelBytes = source.format === "rgba" ? 4 : 3;
  const rowBytes = source.width * pixelBytes;
  const strideBytes = strideOf("source.strideBytes", source.strideBytes, rowBytes);
  const offset = offsetOf("source.offsetBytes", source.offsetBytes ?? 0);
  const bytes = within("source", offset + strideBytes * (source.height - 1) + rowBytes);
  const startBytes = offset + region.y * strideBytes + region.x * pixelBytes;
  return {
    bytes,
    pixelBytes,
    strideBytes,
    startBytes,
    byteOf: source.format === "bgr" ? [2, 1, 0] : [0, 1, 2],
  };
}

/** The memory of planes, or undefined for a packed source. */
export function chromaOf(source: ImageSource, region: Region): Chroma | undefined {
  if (source.format !== "nv12" && source.format !== "i420") return undefined;
  const even = { width: source.width, height: source.height };
  for (const [name, size] of Object.entries(even)) requireEven(`source.${name}`, size);
  for (const [name, size] of Object.entries(region)) requireEven(`source.region.${name}`, size);
  const isPairs = source.format === "nv12";
  const pixelBytes = isPairs ? 2 : 1;
  const chromaRowBytes = (source.width / 2) * pixelBytes;
  const strideBytes = strideOf("source.strideBytes", source.strideBytes, source.width);
  const chromaStride = strideOf("source.chromaStrideBytes", source.chromaStrideBytes, chromaRowBytes);
  const chromaBytes = chromaStride * (source.height / 2 - 1) + chromaRowBytes;
  const luma = {
    at: offsetOf("source.offsetBytes", source.offsetBytes ?? 0),
    bytes: strideBytes * (source.height - 1) + source.width,
  };
  const cb = {
    at: offsetOf(
      "source.chromaOffsetBytes",
      source.chromaOffsetBytes ?? luma.at + strideBytes * source.height,
    ),
    bytes: chromaBytes,
  };
  requireBeside("source.chromaOffsetBytes", cb, luma);
  const cr = {
    at: offsetOf("source.crOffsetBytes", source.crOffsetBytes ?? cb.at + chromaStride * (source.height / 2)),
    bytes: chromaBytes,
  };
  if (isPairs && source.crOffsetBytes !== undefined)
    throw refusal("source.crOffsetBytes", "a source of i420", source.format);
  if (!isPairs) {
    requireBeside("source.crOffsetBytes", cr, luma);
    requireBeside("source.crOffsetBytes", cr, cb);
  }
  const planes = isPairs ? [luma, cb] : [luma, cb, cr];
  const regionOffset = (region.y / 2) * chromaStride + (region.x / 2) * pixelBytes;
  return {
    bytes: within("source", Math.max(...planes.map(({ at, bytes }) => at + bytes))),
    luma: { startBytes: luma.at + region.y * strideBytes + region.x, strideBytes },
    cbOffset: cb.at + regionOffset,
    crOffset: (isPairs ? cb.at + 1 : cr.at) + regionOffset,
    pixelBytes,
    strideBytes: chromaStride,
    // A chroma sample that sits on the left of its two pixels lies a quarter of its cell before the cell's centre.
    shiftAcross:
      requireOneOf("source.siting", source.siting ?? "centre", ["centre", "left"]) === "left" ? 0.25 : 0,
    ...weightsOf(source),
  };
}

function weightsOf(source: ImageSource): Pick<Chroma, "lumaBias" | "lumaGain" | "cbWeight" | "crWeight"> {
  const matrix = requireOneOf("source.matrix", source.matrix ?? "bt601", ["bt601", "bt709"]);
  const isLimited =
    requireOneOf("source.range", source.range ?? "limited", ["limited", "full"]) === "limited";
  const { red, blue } = LUMA_SHARES[matrix];
  const green = 1 - red - blue;
  const chromaGain = isLimited ? 255 / 224 : 1;
  const toRed = 2 * (1 - red) * chromaGain;
  const toBlue = 2 * (1 - blue) * chromaGain;
  return {
    lumaBias: isLimited ? 16 : 0,
    lumaGain: isLimited ? 255 / 219 : 1,
    cbWeight: [0, (-toBlue * blue) / green, toBlue],
    crWeight: [toRed, (-toRed * red) / green, 0],
  };
}

function requireEven(what: string, size: number): void {
  if (size % 2 !== 0)
    throw refusal(what, "an even number, as one chroma sample stands for 2 x 2 pixels", size);
}

function strideOf(what: string, stride: number | undefined, rowBytes: number): number {
  return requireWhole(what, stride ?? rowBytes, { min: rowBytes, max: BYTES_MAX });
}

function offsetOf(what: string, offset: number): number {
  return requireWhole(what, offset, { min: 0, max: BYTES_MAX });
}

function within(what: string, bytes: number): number {
  if (bytes <= Math.min(BYTES_MAX, 8 * LIMITS.imagePixels)) return bytes;
  throw refusal(what, `at most ${8 * LIMITS.imagePixels} bytes`, bytes);
}

/** Planes that overlap are a wrong offset or stride, not a picture. */
function requireBeside(
  what: string,
  plane: { readonly at: number; readonly bytes: number },
  other: { readonly at: number; readonly bytes: number },
): void {
  if (plane.at + plane.bytes <= other.at || other.at + other.bytes <= plane.at) return;
  throw refusal(what, "a plane apart from the others", plane.at);
}
