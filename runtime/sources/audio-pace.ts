// Owns playing stored sound in real time, once or over and over. Knows no file and no model.
// Invariant: a chunk is handed on when its last sample would have been captured, never earlier; it is stamped with that time.

import { type Clock, sleepUntil } from "../core/clock.js";
import { type AudioChunk, type AudioSource, addRepairs, NO_REPAIRS } from "./audio.js";

/**
 * Hands on each chunk when a microphone would have. A consumer that falls behind gets the next chunks at once,
 * stamped with when they were due, so that its delay shows as latency and is not hidden.
 *
 * @example
 * const live = paceAudio(readWav({ path: "voice.wav", clock }), { clock });
 */
export async function* paceAudio(
  source: AudioSource,
  { clock, signal }: { clock: Clock; signal?: AbortSignal },
): AsyncGenerator<AudioChunk, void, undefined> {
  let startedUs: number | undefined;
  for await (const chunk of source) {
    startedUs ??= clock.nowUs();
    const frames = chunk.samples.length / chunk.channels;
    const dueUs = startedUs + Math.round(((chunk.startSample + frames) / chunk.sampleRateHz) * 1e6);
    if (dueUs > clock.nowUs()) await sleepUntil(dueUs, { clock, signal });
    if (signal?.aborted === true) return;
    yield { ...chunk, capturedUs: dueUs };
  }
}

/**
 * Plays a source again whenever it ends, as one stream with a continuous time axis, in chunks as long as its first:
 * the end of one round and the start of the next share a chunk, as they would from a microphone. Ends only by its consumer
 * or by an error of the source; a source of a different rate or channel count may not follow.
 *
 * @example
 * const endless = repeatAudio(() => readWav({ path: "voice.wav", clock }));
 */
export async function* repeatAudio(open: () => AudioSource): AsyncGenerator<AudioChunk, void, undefined> {
  let chunkLength = 0;
  let startSample = 0;
  let held = new Float32Array(0);
  let repairs = NO_REPAIRS;
  for (;;) {
    let isEmpty = true;
    for await (const chunk of open()) {
      if (chunk.samples.length === 0) continue;
      isEmpty = false;
      if (chunkLength === 0) chunkLength = chunk.samples.length;
      held = joined(held, chunk.samples);
      repairs = addRepairs(repairs, chunk.repairs);
      while (held.length >= chunkLength) {
        yield { ...chunk, samples: held.slice(0, chunkLength), startSample, repairs };
        startSample += chunkLength / chunk.channels;
        held = held.subarray(chunkLength);
        repairs = NO_REPAIRS;
      }
    }
    if (isEmpty) return;
  }
}

function joined(first: Float32Array, second: Float32Array): Float32Array<ArrayBuffer> {
  const both = new Float32Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}
