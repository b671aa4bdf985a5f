// Owns WAV files and streams as an audio source. Knows no resampling and no pacing.
// Invariant: constant memory however long the file; every sample that is there is delivered before any error.

import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import type { Clock } from "../core/clock.js";
import { RedlineError } from "../core/errors.js";
import { type AudioChunk, convertHint } from "./audio.js";
import { missingInput } from "./broken-input.js";
import { ByteStream } from "./byte-stream.js";
import { decodeStream } from "./pcm.js";
import { SAMPLE_BYTES } from "./pcm-decode.js";
import { readWavHeader } from "./wav-header.js";

/** Bytes read from disk at a time: a second of 16-bit stereo at 16 kHz. */
const READ_BYTES = 65_536;

/** A WAV file and how to read it. */
export interface WavOptions {
  readonly path: string;
  readonly clock: Clock;
  /** Length of a chunk in milliseconds. Default 32. */
  readonly chunkMs?: number;
}

/**
 * Reads a WAV file: RIFF or RF64, PCM of 8 to 32 bits, float, A-law or mu-law, any rate and channel count within the
 * limits. `capturedUs` is when a chunk was read; use `paceAudio` to play a file in real time.
 *
 * Errors: `SOURCE_MISSING`, `SOURCE_FORMAT` (says what the file looks like), `SOURCE_EMPTY`. A file that ends before
 * its header says delivers the samples it has and then throws `SOURCE_TRUNCATED`.
 *
 * @example
 * for await (const chunk of readWav({ path: "voice.wav", clock })) console.log(chunk.samples.length);
 */
export async function* readWav(options: WavOptions): AsyncGenerator<AudioChunk, void, undefined> {
  const { path } = options;
  const found = await stat(path).catch((cause: unknown) => {
    throw missingInput(path, cause);
  });
  if (found.isDirectory()) {
    throw new RedlineError("SOURCE_FORMAT", { what: path, expected: "a WAV file", received: "a folder" });
  }
  const stream = createReadStream(path, { highWaterMark: READ_BYTES });
  try {
    yield* decodeWav({ ...options, bytes: stream, label: path, pull: "whole" });
  } catch (error) {
    if (error instanceof RedlineError) throw error;
    throw missingInput(path, error);
  } finally {
    stream.destroy();
  }
}

/** A WAV stream and how to read it. */
export interface WavStreamOptions {
  /** Any stream of buffers; `process.stdin` is one. */
  readonly bytes: AsyncIterable<Uint8Array>;
  readonly clock: Clock;
  readonly chunkMs?: number;
  /** What error messages call the stream. Default `standard input`. */
  readonly label?: string;
  /** `whole` waits for full chunks, `arrived` hands on what a pipe has. Default `arrived`. */
  readonly pull?: "whole" | "arrived";
}

/**
 * Reads a WAV stream from a pipe. Errors as `readWav`, except `SOURCE_MISSING`.
 *
 * @example
 * // ffmpeg -i talk.mp3 -f wav - | node listen.js
 * const source = decodeWav({ bytes: process.stdin, clock });
 */
export async function* decodeWav(options: WavStreamOptions): AsyncGenerator<AudioChunk, void, undefined> {
  const label = options.label ?? "standard input";
  const bytes = new ByteStream(options.bytes);
  try {
    const header = await readWavHeader(bytes, label);
    const read = yield* decodeStream({
      ...header,
      ...options,
      bytes,
      pull: options.pull ?? "arrived",
      byteLimit: header.dataBytes,
    });
    const frameBytes = SAMPLE_BYTES[header.encoding] * header.channels;
    const readBytes = read.sampleFrames * frameBytes + read.partialBytes;
    const isCut = Number.isFinite(header.dataBytes) ? readBytes < header.dataBytes : read.partialBytes > 0;
    if (isCut) {
      throw new RedlineError("SOURCE_TRUNCATED", {
        what: label,
        expected: Number.isFinite(header.dataBytes)
          ? `${header.dataBytes} bytes of samples`
          : "whole samples",
        received: `${readBytes} bytes`,
        hint: "the samples that are there were read",
      });
    }
    if (read.sampleFrames === 0) {
      throw new RedlineError("SOURCE_EMPTY", { what: label, hint: convertHint(label) });
    }
  } finally {
    await bytes.close();
  }
}
