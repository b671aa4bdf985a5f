// Owns sound that is already in memory, as a source. Knows no file and no device.
// Invariant: chunks follow each other without gap; a live source gives none before its time.

import { type Clock, sleepUntil } from "../core/clock.js";
import { type AudioSource, checkLayout, DEFAULT_CHUNK_MS } from "../sources/audio.js";
import { repairSamples } from "../sources/pcm-decode.js";

/** Samples and how they are given out. */
export interface SampleSource {
  /** Interleaved. NaN and infinity become 0, what is beyond full scale is limited to it, and both are counted. */
  readonly samples: Float32Array;
  readonly sampleRateHz: number;
  /** Default 1. */
  readonly channels?: number;
  readonly clock: Clock;
  /** `live` gives each chunk when it would have been recorded. Default `file`: as fast as it is taken. */
  readonly pace?: "file" | "live";
}

/**
 * Samples in memory as a source of sound: of `AudioBuffer.getChannelData`, for example.
 *
 * @example
 * const source = readSamples({ samples, sampleRateHz: 16_000, clock });
 *
 * @throws RedlineError `SOURCE_FORMAT` for a rate or a number of channels there is not
 */
export function readSamples(options: SampleSource): AudioSource {
  const { sampleRateHz, channels = 1 } = options;
  checkLayout({ label: "samples", sampleRateHz, channels });
  return chunksOf({ channels, pace: "file", ...options });
}

async function* chunksOf(options: Required<SampleSource>): AudioSource {
  const { samples, sampleRateHz, channels, clock, pace } = options;
  const chunkFrames = Math.max(1, Math.round((sampleRateHz * DEFAULT_CHUNK_MS) / 1000));
  const frames = Math.floor(samples.length / channels);
  const startUs = clock.nowUs();
  for (let startSample = 0; startSample < frames; startSample += chunkFrames) {
    const end = Math.min(frames, startSample + chunkFrames);
    const dueUs = startUs + Math.round((end * 1e6) / sampleRateHz);
    if (pace === "live") await sleepUntil(dueUs, { clock });
    const chunk = samples.slice(startSample * channels, end * channels);
    const repairs = repairSamples(chunk);
    const capturedUs = pace === "live" ? dueUs : clock.nowUs();
    yield { capturedUs, sampleRateHz, channels, samples: chunk, startSample, repairs };
  }
}
