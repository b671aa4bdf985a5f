// Owns streams of bare RGB24 frames of a size given by the caller. Knows no colour space but sRGB.
// Invariant: one frame of memory however long the stream; every whole frame is delivered before an error is thrown.

import { RedlineError } from "../core/errors.js";
import { createStamp, type FrameItem, type FrameSource, streamNames } from "./frame.js";
import { ByteReader } from "./frame-bytes.js";
import { requireImageSize } from "./image.js";
import { type StreamOptions, truncated } from "./y4m.js";

/** A stream of bare frames, which cannot say their size. */
export interface RawOptions extends StreamOptions {
  /** Size of every frame in pixels. */
  readonly width: number;
  readonly height: number;
}

/**
 * Frames of a stream of tightly packed RGB24, as `ffmpeg -f rawvideo -pix_fmt rgb24` writes it.
 *
 * @throws RedlineError while iterating: `SOURCE_EMPTY`, `SOURCE_TOO_LARGE`, or `SOURCE_TRUNCATED` after the last whole frame.
 *
 * @example
 * const frames = rawFrames(process.stdin, { clock, name: "stdin", stem: "stdin", width: 640, height: 360 });
 */
export function rawFrames(stream: AsyncIterable<Uint8Array>, options: RawOptions): FrameSource {
  return { [Symbol.asyncIterator]: () => readFrames(stream, options) };
}

async function* readFrames(
  stream: AsyncIterable<Uint8Array>,
  options: RawOptions,
): AsyncGenerator<FrameItem> {
  const { width, height, name } = options;
  requireImageSize(name, { width, height });
  const reader = new ByteReader(stream);
  const stamp = createStamp(options.clock);
  try {
    for (let id = 0; ; id++) {
      const data = new Uint8Array(width * height * 3);
      const received = await reader.fill(data);
      if (received === 0 && id === 0) throw new RedlineError("SOURCE_EMPTY", { what: name });
      if (received === 0) return;
      if (received < data.length) throw truncated(name, { id, expected: data.length, received });
      yield { id, ...streamNames(options, id), capturedUs: stamp(), width, height, data };
    }
  } finally {
    await reader.close();
  }
}
