// Owns streams of bare RGB24 frames of a size given by the caller. Knows no colour space but sRGB.
// Invariant: one frame of memory however long the stream; every whole frame is delivered before an error is thrown.

import { RedlineError } from "../core/errors.js";
import { cutFrame } from "./broken-input.js";
import { ByteStream } from "./byte-stream.js";
import { createStamp, type FrameItem, type FrameSource, type StreamOptions, streamNames } from "./frame.js";
import { requireImageSize } from "./image.js";

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
  const reader = new ByteStream(stream);
  const stamp = createStamp(options.clock);
  try {
    for (let id = 0; ; id++) {
      const data = new Uint8Array(width * height * 3);
      const receivedBytes = await reader.fill(data);
      if (receivedBytes === 0 && id === 0) throw new RedlineError("SOURCE_EMPTY", { what: name });
      if (receivedBytes === 0) return;
      if (receivedBytes < data.length)
        throw cutFrame(name, { id, expectedBytes: data.length, receivedBytes });
      yield { id, ...streamNames(options, id), capturedUs: stamp(), width, height, data };
    }
  } finally {
    await reader.close();
  }
}
