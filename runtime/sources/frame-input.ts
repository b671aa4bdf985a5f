// Owns the choice of a frame source for what a user names: a folder, an image, a .y4m file, a clip, standard input.
// Knows no pixels. Invariant: nothing is opened before the source is iterated, except that the path must exist.

import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { basename, extname } from "node:path";
import type { Clock } from "../core/clock.js";
import { RedlineError } from "../core/errors.js";
import { missingInput } from "./broken-input.js";
import { clipFrames } from "./clip.js";
import type { FrameSource } from "./frame.js";
import { imageFile, imageFolder, isImageName } from "./image-folder.js";
import { rawFrames } from "./raw-frames.js";
import { y4mFrames } from "./y4m.js";

/** How `openFrames` reads what a user names. */
export interface FrameInputOptions {
  readonly clock: Clock;
  /** Read as bare RGB24 frames of this size instead of by its name or content. */
  readonly raw?: { readonly width: number; readonly height: number };
  /** Standard input, read when the input is `-`. Default: the process's own. */
  readonly stdin?: AsyncIterable<Uint8Array>;
  /** The ffmpeg program that reads clips. Default: `ffmpeg`, found on the PATH. */
  readonly ffmpeg?: string;
}

/** Still formats that are refused by name: handed to ffmpeg they would pass for clips of one frame. */
const FOREIGN_IMAGES = [".bmp", ".gif", ".heic", ".jp2", ".pgm", ".ppm", ".svg"];

/**
 * Opens what a user names as frames: a folder of images, one image, a `.y4m` file, any other file as a clip, or `-` for
 * standard input (YUV4MPEG2, or RGB24 when `raw` gives the size).
 *
 * @throws RedlineError `SOURCE_MISSING` or `SOURCE_FORMAT` at once; the source's own errors while iterating.
 *
 * @example
 * const frames = await openFrames("drive.mp4", { clock: runtime.clock });
 */
export async function openFrames(input: string, options: FrameInputOptions): Promise<FrameSource> {
  const { clock, raw } = options;
  if (input === "-") {
    const stream = { clock, name: "stdin", stem: "stdin" };
    const stdin = options.stdin ?? process.stdin;
    return raw === undefined ? y4mFrames(stdin, stream) : rawFrames(stdin, { ...stream, ...raw });
  }
  const entry = await stat(input).catch((cause: unknown) => {
    throw missingInput(input, cause);
  });
  if (entry.isDirectory()) return imageFolder(input, { clock });
  const extension = extname(input).toLowerCase();
  const stream = { clock, name: basename(input), stem: basename(input, extname(input)) };
  if (raw !== undefined) return reopened(input, (bytes) => rawFrames(bytes, { ...stream, ...raw }));
  if (extension === ".y4m") return reopened(input, (bytes) => y4mFrames(bytes, stream));
  if (isImageName(input)) return imageFile(input, { clock });
  if (FOREIGN_IMAGES.includes(extension)) {
    throw new RedlineError("SOURCE_FORMAT", {
      what: input,
      expected: "an image as jpg, png, webp, tiff or avif",
      received: extension.slice(1),
      hint: "convert it to PNG",
    });
  }
  return clipFrames(input, {
    clock,
    ...(options.ffmpeg === undefined ? {} : { ffmpeg: options.ffmpeg }),
  });
}

/** A file that is read from its start by every iteration. */
function reopened(path: string, read: (bytes: AsyncIterable<Uint8Array>) => FrameSource): FrameSource {
  return { [Symbol.asyncIterator]: () => read(bytesOf(path))[Symbol.asyncIterator]() };
}

async function* bytesOf(path: string): AsyncGenerator<Uint8Array> {
  try {
    yield* createReadStream(path);
  } catch (cause) {
    throw missingInput(path, cause);
  }
}
