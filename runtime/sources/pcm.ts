// Owns raw samples from any stream of bytes, such as standard input. Knows no file header.
// Invariant: every whole sample frame of the stream is delivered once, in order.

import type { Clock } from "../core/clock.js";
import { RedlineError } from "../core/errors.js";
import { type AudioChunk, checkLayout, DEFAULT_CHUNK_MS } from "./audio.js";
import { ByteStream } from "./byte-stream.js";
import { decodeSamples, SAMPLE_BYTES, type SampleEncoding } from "./pcm-decode.js";

/** How headerless samples lie in their stream. */
export interface PcmLayout {
  readonly encoding: SampleEncoding;
  readonly sampleRateHz: number;
  readonly channels: number;
}

/** A stream of headerless samples and how to read it. */
export interface PcmOptions extends PcmLayout {
  /** Any stream of buffers; `process.stdin` is one. */
  readonly bytes: AsyncIterable<Uint8Array>;
  readonly clock: Clock;
  /** Longest chunk in milliseconds. A pipe's samples are handed on as they arrive, so chunks may be shorter. Default 32. */
  readonly chunkMs?: number;
  /** What error messages call the stream. Default `standard input`. */
  readonly label?: string;
}

/**
 * Reads headerless samples.
 *
 * Errors: `SOURCE_FORMAT` (rate or channels out of range), `SOURCE_EMPTY` (not one sample), `SOURCE_TRUNCATED` after
 * the last whole sample frame when the stream ends inside one.
 *
 * @example
 * // arecord -q -f S16_LE -r 16000 | node listen.js
 * const source = readPcm({ bytes: process.stdin, encoding: "s16le", sampleRateHz: 16_000, channels: 1, clock });
 */
export async function* readPcm(options: PcmOptions): AsyncGenerator<AudioChunk, void, undefined> {
  const label = options.label ?? "standard input";
  checkLayout({ label, sampleRateHz: options.sampleRateHz, channels: options.channels });
  const bytes = new ByteStream(options.bytes);
  try {
    const read = yield* decodeStream({ ...options, bytes, pull: "arrived", byteLimit: Infinity });
    if (read.partialBytes > 0) {
      throw new RedlineError("SOURCE_TRUNCATED", {
        what: label,
        expected: `whole sample frames of ${options.channels * SAMPLE_BYTES[options.encoding]} bytes`,
        received: `${read.partialBytes} bytes after the last one`,
        hint: "check the encoding and the number of channels",
      });
    }
    if (read.sampleFrames === 0) throw new RedlineError("SOURCE_EMPTY", { what: label });
  } finally {
    await bytes.close();
  }
}

/** How much a stream held. */
export interface StreamLength {
  readonly sampleFrames: number;
  /** Bytes after the last whole sample frame. */
  readonly partialBytes: number;
}

/**
 * Decodes up to `byteLimit` bytes. With `pull: "whole"` every chunk but the last has the full length; with
 * `"arrived"` a chunk is handed on as soon as it holds one sample frame.
 */
export async function* decodeStream(
  options: PcmLayout & {
    readonly bytes: ByteStream;
    readonly clock: Clock;
    readonly chunkMs?: number;
    readonly pull: "whole" | "arrived";
    readonly byteLimit: number;
  },
): AsyncGenerator<AudioChunk, StreamLength, undefined> {
  const { bytes, clock, encoding, sampleRateHz, channels, pull } = options;
  const frameBytes = SAMPLE_BYTES[encoding] * channels;
  const chunkFrames = Math.max(1, Math.round((sampleRateHz * (options.chunkMs ?? DEFAULT_CHUNK_MS)) / 1000));
  let remainingBytes = options.byteLimit;
  let startSample = 0;
  let partial = new Uint8Array(0);
  for (;;) {
    const wanted = Math.min(chunkFrames * frameBytes - partial.length, remainingBytes);
    const piece = pull === "whole" ? await bytes.read(wanted) : await bytes.readArrived(wanted);
    if (piece.length === 0) return { sampleFrames: startSample, partialBytes: partial.length };
    remainingBytes -= piece.length;
    const held = partial.length === 0 ? piece : Buffer.concat([partial, piece]);
    const frames = Math.floor(held.length / frameBytes);
    // A copy: the stream may reuse its buffer while the rest of a sample frame is awaited.
    partial = Uint8Array.from(held.subarray(frames * frameBytes));
    if (frames === 0) continue;
    const samples = new Float32Array(frames * channels);
    const repairs = decodeSamples(held, { encoding, target: samples });
    const waitingUs =
      pull === "whole" ? 0 : Math.round((bytes.waitingBytes / frameBytes / sampleRateHz) * 1e6);
    yield {
      capturedUs: clock.nowUs() - waitingUs,
      sampleRateHz,
      channels,
      samples,
      startSample,
      repairs,
    };
    startSample += frames;
  }
}
