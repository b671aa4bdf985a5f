// Owns the shape of sound as it enters the runtime. Knows no file, no device and no model.
// Invariant: a source gives chunks at its native rate, in order, when asked; it never queues and never resamples.

import { RedlineError } from "../core/errors.js";
import { LIMITS } from "../core/limits.js";

/** Samples a source had to change, because no model may be fed them as they were. */
export interface Repairs {
  /** NaN or infinite samples, replaced by 0. Only float formats can hold them. */
  readonly nonFinite: number;
  /** Samples beyond full scale, limited to it. Only float formats can hold them. */
  readonly clipped: number;
}

/** No sample was changed. */
export const NO_REPAIRS: Repairs = Object.freeze({ nonFinite: 0, clipped: 0 });

/** What was changed in two pieces of sound together. */
export function addRepairs(a: Repairs, b: Repairs): Repairs {
  return { nonFinite: a.nonFinite + b.nonFinite, clipped: a.clipped + b.clipped };
}

/** A piece of sound at the source's own rate. */
export interface AudioChunk {
  /** When the last sample was captured, on the runtime's clock. For files: when it was read. */
  readonly capturedUs: number;
  readonly sampleRateHz: number;
  readonly channels: number;
  /** Interleaved, in [-1, 1]; a whole number of sample frames. */
  readonly samples: Float32Array;
  /** Index of the first sample frame since the source began. */
  readonly startSample: number;
  readonly repairs: Repairs;
}

/** Chunks in order. Ends, or throws a RedlineError `SOURCE_*`; what came before the error is valid. */
export type AudioSource = AsyncIterable<AudioChunk>;

/** Default length of a chunk: one frame of the voice detector, so that pacing by chunks is pacing by frames. */
export const DEFAULT_CHUNK_MS = 32;

/** Hint for formats that are not read here. */
export function convertHint(label: string): string {
  return `convert it first: ffmpeg -i ${label} -ar 16000 out.wav`;
}

/**
 * Checks a rate and channel count against the limits.
 *
 * @throws RedlineError `SOURCE_FORMAT` naming the field.
 */
export function checkLayout(layout: { label: string; sampleRateHz: number; channels: number }): void {
  const { label, sampleRateHz, channels } = layout;
  requireWhole({ label, field: "sample rate", value: sampleRateHz, most: LIMITS.audioRateHz });
  requireWhole({ label, field: "channel count", value: channels, most: LIMITS.audioChannels });
}

function requireWhole(given: { label: string; field: string; value: number; most: number }): void {
  const { label, field, value, most } = given;
  if (Number.isInteger(value) && value >= 1 && value <= most) return;
  throw new RedlineError("SOURCE_FORMAT", {
    what: `${label}: ${field}`,
    expected: `1 to ${most}`,
    received: String(value),
    hint: convertHint(label),
  });
}
