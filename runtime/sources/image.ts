// Owns reading one image file into sRGB pixels, and the error that names what is wrong with it. Knows no folder.
// Invariant: a damaged or oversized file is refused before its pixels are used; nothing is ever resampled.

import { readFile, stat } from "node:fs/promises";
import { type ErrorCode, RedlineError, reasonOf } from "../core/errors.js";
import { LIMITS } from "../core/limits.js";
import { missingInput } from "./broken-input.js";
import { loadSharp } from "./image-codec.js";
import { imageFormat, scansOf } from "./image-format.js";

/** File name endings read as images, lower case. */
export const IMAGE_EXTENSIONS: readonly string[] = [
  ".jpg",
  ".jpeg",
  ".png",
  ".webp",
  ".tif",
  ".tiff",
  ".avif",
];

/** sRGB pixels, three bytes each, rows tightly packed. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/** Larger than the largest permitted image stored without compression at 16 bits and four channels. */
const FILE_BYTES_MAX = LIMITS.imagePixels * 8;

/**
 * Reads an image at its own size: grey, CMYK, palette, 16-bit and embedded profiles become 8-bit sRGB, transparency
 * is laid on black, and the EXIF orientation is applied.
 *
 * @throws RedlineError `SOURCE_MISSING`, `SOURCE_EMPTY`, `SOURCE_FORMAT`, `SOURCE_TRUNCATED` or `SOURCE_TOO_LARGE`
 * (sides and pixels: `LIMITS.imageSide`, `LIMITS.imagePixels`), naming the file.
 *
 * @example
 * const { width, height, data } = await decodeImage("road.jpg");
 */
export async function decodeImage(path: string): Promise<Pixels> {
  const bytes = await readImageFile(path);
  const sharp = await loadSharp();
  await requirePermittedSize(path, bytes);
  try {
    // A warning already means damaged data (libjpeg conceals it with grey): a damaged frame must not pass for a road.
    const { data, info } = await sharp(bytes, { failOn: "warning", limitInputPixels: LIMITS.imagePixels })
      .autoOrient()
      .flatten({ background: "#000" })
      .toColourspace("srgb")
      .raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true });
    return { width: info.width, height: info.height, data: toRgb(data, info.channels) };
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

async function readImageFile(path: string): Promise<Buffer> {
  let bytes: Buffer;
  try {
    const { size } = await stat(path);
    if (size > FILE_BYTES_MAX) {
      throw new RedlineError("SOURCE_TOO_LARGE", {
        what: path,
        expected: `at most ${FILE_BYTES_MAX} bytes`,
        received: `${size} bytes`,
      });
    }
    // The bytes, not the path, go to the decoder: it remembers paths, and a file may have been written anew.
    bytes = await readFile(path);
  } catch (cause) {
    if (cause instanceof RedlineError) throw cause;
    throw missingInput(path, cause);
  }
  if (bytes.length === 0) throw new RedlineError("SOURCE_EMPTY", { what: path });
  requireKnownFormat(path, bytes);
  return bytes;
}

/** A decoder goes by content, not by name, and knows formats that are programs, such as SVG: those are not for pictures of a camera. */
function requireKnownFormat(path: string, bytes: Uint8Array): void {
  const format = imageFormat(bytes);
  if (format === null) {
    const head = Buffer.from(bytes.subarray(0, 8)).toString("hex");
    throw unreadable(path, new Error(`a file that begins with the bytes ${head}`));
  }
  if (format !== "jpeg") return;
  const scans = scansOf(bytes, LIMITS.imageScans);
  if (scans <= LIMITS.imageScans) return;
  throw new RedlineError("SOURCE_TOO_LARGE", {
    what: path,
    expected: `at most ${LIMITS.imageScans} scans`,
    received: "more",
    hint: "every scan of a progressive JPEG goes over the whole picture: save it anew",
  });
}

async function requirePermittedSize(path: string, bytes: Buffer): Promise<void> {
  const sharp = await loadSharp();
  let size: { width: number; height: number };
  try {
    size = await sharp(bytes, { limitInputPixels: false }).metadata();
  } catch (cause) {
    throw unreadable(path, cause);
  }
  requireImageSize(path, size);
}

/**
 * Refuses a size beyond the limits.
 *
 * @throws RedlineError `SOURCE_TOO_LARGE` saying both limits, `SOURCE_FORMAT` for a side below one pixel.
 */
export function requireImageSize(
  what: string,
  size: { readonly width: number; readonly height: number },
): void {
  const { width, height } = size;
  if (!(width >= 1 && height >= 1)) {
    throw new RedlineError("SOURCE_FORMAT", {
      what,
      expected: "at least 1x1 pixels",
      received: `${width}x${height}`,
    });
  }
  if (width > LIMITS.imageSide || height > LIMITS.imageSide || width * height > LIMITS.imagePixels) {
    throw new RedlineError("SOURCE_TOO_LARGE", {
      what,
      expected: `sides of at most ${LIMITS.imageSide} pixels and at most ${LIMITS.imagePixels} pixels in all`,
      received: `${width}x${height}`,
    });
  }
}

function toRgb(data: Uint8Array, channels: number): Uint8Array {
  if (channels === 3) return data;
  const pixels = data.length / channels;
  const rgb = new Uint8Array(pixels * 3);
  for (let i = 0; i < pixels; i++) {
    const from = i * channels;
    const isGrey = channels < 3;
    rgb[i * 3] = data[from] ?? 0;
    rgb[i * 3 + 1] = data[isGrey ? from : from + 1] ?? 0;
    rgb[i * 3 + 2] = data[isGrey ? from : from + 2] ?? 0;
  }
  return rgb;
}

/** The decoders give no codes, only words; these are the ones libvips and its codecs use for a file cut short. */
const TRUNCATION_WORDS =
  /premature end|truncat|unexpected end|end of (file|stream|image)|read gave \d|not enough data/i;

function unreadable(path: string, cause: unknown): RedlineError {
  const message = reasonOf(cause).replace(/\s+/g, " ");
  const code: ErrorCode = TRUNCATION_WORDS.test(message) ? "SOURCE_TRUNCATED" : "SOURCE_FORMAT";
  return new RedlineError(code, {
    what: path,
    received: message,
    hint: `images may be ${IMAGE_EXTENSIONS.map((ending) => ending.slice(1)).join(", ")}`,
    cause,
  });
}
