// Owns cutting a 16 kHz stream into the frames a voice model takes. Knows no model and no time but sample counts.
// Invariant: frames follow each other without gap or overlap; only the last may be padded, and it says so.

/** New samples per frame: 32 ms at 16 kHz, the one size Silero v5 and v6 take at this rate. */
export const FRAME_SAMPLES = 512;

/** Length of a frame in milliseconds. */
export const FRAME_MS = 32;

/** A frame of 16 kHz mono sound. */
export interface SpeechFrame {
  /** From 0; the frame begins at `index * FRAME_MS`. */
  readonly index: number;
  /** `FRAME_SAMPLES` samples. */
  readonly samples: Float32Array;
  /** Samples that are sound; the rest is silence added at the end of the stream. */
  readonly soundSamples: number;
}

/** Cuts a stream into frames. */
export class FrameCutter {
  #partial = new Float32Array(FRAME_SAMPLES);
  #filled = 0;
  #index = 0;

  /** Samples that wait for the rest of their frame. */
  get waitingSamples(): number {
    return this.#filled;
  }

  /** Takes the next samples and answers the frames they complete. */
  push(samples: Float32Array): SpeechFrame[] {
    const frames: SpeechFrame[] = [];
    let at = 0;
    while (at < samples.length) {
      const taken = Math.min(FRAME_SAMPLES - this.#filled, samples.length - at);
      this.#partial.set(samples.subarray(at, at + taken), this.#filled);
      this.#filled += taken;
      at += taken;
      if (this.#filled === FRAME_SAMPLES) frames.push(this.#complete());
    }
    return frames;
  }

  /** Answers the last, padded frame, or undefined when the stream ended on a frame's edge. */
  flush(): SpeechFrame | undefined {
    return this.#filled === 0 ? undefined : this.#complete();
  }

  #complete(): SpeechFrame {
    const frame = { index: this.#index, samples: this.#partial, soundSamples: this.#filled };
    this.#partial = new Float32Array(FRAME_SAMPLES);
    this.#filled = 0;
    this.#index += 1;
    return frame;
  }
}
