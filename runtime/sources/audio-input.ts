// Owns the choice of an audio source for what a user names: a WAV file, standard input, the microphone.
// Knows no samples. Invariant: nothing is opened before the source is iterated.

import type { Clock } from "../core/clock.js";
import { RedlineError } from "../core/errors.js";
import type { AudioSource } from "./audio.js";
import { readMicrophone } from "./microphone.js";
import { type PcmLayout, readPcm } from "./pcm.js";
import { SAMPLE_BYTES, type SampleEncoding } from "./pcm-decode.js";
import { decodeWav, readWav } from "./wav.js";

/** How a raw sample may be stored: a `SampleEncoding`. */
export type AudioEncoding = SampleEncoding;

/** Every way a raw sample may be stored. */
export const AUDIO_ENCODINGS = Object.keys(SAMPLE_BYTES) as readonly AudioEncoding[];

/** What an input is opened with. */
export interface AudioInputOptions {
  readonly clock: Clock;
  /** Read standard input as samples of this layout, without a header. */
  readonly raw?: PcmLayout;
  /** Standard input, read when the input is `-`. Default: the process's own. */
  readonly stdin?: AsyncIterable<Uint8Array>;
}

/**
 * Opens what a user names as sound: a WAV file, `-` for standard input (WAV, or samples when `raw` gives their layout),
 * or `mic`.
 *
 * @throws RedlineError `USAGE` for a raw layout with anything but standard input; the source's own errors while iterating.
 *
 * @example
 * const source = openAudio("voice.wav", { clock: runtime.clock });
 */
export function openAudio(input: string, options: AudioInputOptions): AudioSource {
  const { clock, raw, stdin = process.stdin } = options;
  if (raw !== undefined && input !== "-") {
    throw new RedlineError("USAGE", {
      what: "raw samples",
      expected: "-, standard input",
      received: input,
      hint: `pipe it: redline voice - --raw < ${input}`,
    });
  }
  if (input === "-") {
    return raw === undefined ? decodeWav({ bytes: stdin, clock }) : readPcm({ bytes: stdin, clock, ...raw });
  }
  return input === "mic" ? readMicrophone({ clock }) : readWav({ path: input, clock });
}
