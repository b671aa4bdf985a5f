// Owns bringing any sound to 16 kHz mono: downmix, the windowed-sinc filter, and the stream around the resample op.
// Knows no source and no model.
// Invariant: the output does not depend, to the last bit, on how the input was cut into chunks; no delay, no drift.

import type { Ops } from "../ops/ops.js";
import { planResample, type ResamplePlan } from "../ops/resample-plan.js";

/** The rate of every voice model here. */
export const SPEECH_RATE_HZ = 16_000;

/**
 * Stop-band attenuation of the filter in decibels: below the quantisation noise of 13 bits and far below any room.
 * Kaiser's formulas give the window's shape and length from it.
 */
const STOP_BAND_DB = 80;
const KAISER_BETA = 0.1102 * (STOP_BAND_DB - 8.7);

/**
 * Width of the transition as a share of the lower Nyquist frequency. The stop band begins at that frequency, so
 * nothing above -80 dB folds back; the pass band ends at 0.9 of it (7.2 kHz for sources of 16 kHz and more).
 */
const TRANSITION = 0.1;

/** Filter phases kept as a table. Rates with more distinct phases interpolate between two of them (error below -100 dB). */
const MOST_EXACT_PHASES = 1280;
const INTERPOLATED_PHASES = 1024;

/**
 * Converts interleaved samples of one rate to 16 kHz mono. Channels are averaged. For n sample frames in all, exactly
 * ceil(n x 16000 / rate) samples come out, the k-th at time k / 16000 s of the input: the filter's delay is taken out,
 * which is why up to 6.3 ms (at 8 kHz; 3.2 ms at 48 kHz, nothing at 16 kHz) of sound is held until more arrives.
 *
 * @example
 * const resampler = new SpeechResampler(ops, { sampleRateHz: 48_000, channels: 2 });
 * const speech = resampler.push(chunk.samples);
 * const rest = resampler.flush();
 */
export class SpeechResampler {
  readonly #ops: Ops;
  readonly #channels: number;
  /** Output time of one sample is `#down / #up` input samples. */
  readonly #up: number;
  readonly #down: number;
  readonly #halfTaps: number;
  /** Absent where sound of 16 kHz passes through. */
  readonly #plan: ResamplePlan | undefined;
  /** Input samples still needed, the first of which has index `#heldFrom` on the input's axis. */
  #held: Float32Array;
  #heldCount: number;
  #heldFrom: number;
  /** Place of the next output: input sample `#position` plus `#fraction / #up`. */
  #position = 0;
  #fraction = 0;
  #inputCount = 0;

  constructor(ops: Ops, { sampleRateHz, channels }: { sampleRateHz: number; channels: number }) {
    this.#ops = ops;
    this.#channels = channels;
    const divisor = greatestCommonDivisor(sampleRateHz, SPEECH_RATE_HZ);
    this.#up = SPEECH_RATE_HZ / divisor;
    this.#down = sampleRateHz / divisor;
    const isIdentity = this.#up === this.#down;
    const lowerRateShare = Math.min(1, SPEECH_RATE_HZ / sampleRateHz);
    this.#halfTaps = isIdentity ? 0 : halfTapsFor(lowerRateShare);
    const phases = this.#up <= MOST_EXACT_PHASES ? this.#up : INTERPOLATED_PHASES;
    this.#plan = isIdentity
      ? undefined
      : planResample({
          up: this.#up,
          down: this.#down,
          taps: 2 * this.#halfTaps,
          phases,
          table: filterTable({ halfTaps: this.#halfTaps, phases, lowerRateShare }),
        });
    // Silence stands before the first sample, so that the first output has a full window.
    this.#heldFrom = -this.#halfTaps;
    this.#heldCount = this.#halfTaps;
    this.#held = new Float32Array(this.#halfTaps);
  }

  /** Takes the next sample frames and answers what can be computed so far. */
  push(interleaved: Float32Array): Float32Array {
    const mono = this.#downmix(interleaved);
    this.#inputCount += mono.length;
    if (this.#halfTaps === 0) return mono;
    this.#append(mono);
    return this.#convert(Infinity);
  }

  /** Answers what was held back, as if silence followed. Nothing may be pushed afterwards. */
  flush(): Float32Array {
    if (this.#halfTaps === 0) return new Float32Array(0);
    this.#append(new Float32Array(this.#halfTaps));
    return this.#convert(this.#inputCount);
  }

  #downmix(interleaved: Float32Array): Float32Array {
    const channels = this.#channels;
    if (channels === 1) return interleaved.slice();
    const mono = new Float32Array(interleaved.length / channels);
    for (let frame = 0; frame < mono.length; frame++) {
      let sum = 0;
      for (let channel = 0; channel < channels; channel++) sum += interleaved[frame * channels + channel]!;
      mono[frame] = sum / channels;
    }
    return mono;
  }

  #append(mono: Float32Array): void {
    const stale = Math.min(
      Math.max(0, this.#position - this.#halfTaps + 1 - this.#heldFrom),
      this.#heldCount,
    );
    const kept = this.#heldCount - stale;
    const needed = kept + mono.length;
    const target = needed > this.#held.length ? new Float32Array(2 * needed) : this.#held;
    target.set(this.#held.subarray(stale, this.#heldCount));
    target.set(mono, kept);
    this.#held = target;
    this.#heldCount = needed;
    this.#heldFrom += stale;
  }

  /** Computes every output whose window is held and whose place is before input sample `end`. */
  #convert(end: number): Float32Array {
    const last = Math.min(this.#heldFrom + this.#heldCount - this.#halfTaps, end);
    const outputs = new Float32Array(
      Math.max(0, Math.ceil(((last - this.#position) * this.#up - this.#fraction) / this.#down)),
    );
    const plan = this.#plan;
    if (plan === undefined || outputs.length === 0) return outputs;
    this.#ops.resample(plan, {
      input: this.#held.subarray(0, this.#heldCount),
      at: { start: this.#position - this.#halfTaps + 1 - this.#heldFrom, fraction: this.#fraction },
      output: outputs,
    });
    const moved = this.#fraction + outputs.length * this.#down;
    this.#position += Math.floor(moved / this.#up);
    this.#fraction = moved % this.#up;
    return outputs;
  }
}

/** Kaiser's estimate of a filter's length for its attenuation and transition, at the input's rate. */
function halfTapsFor(lowerRateShare: number): number {
  const transitionRad = Math.PI * TRANSITION * lowerRateShare;
  return Math.ceil((STOP_BAND_DB - 7.95) / (2.285 * transitionRad) / 2) + 1;
}

function filterTable(shape: { halfTaps: number; phases: number; lowerRateShare: number }): Float32Array {
  const { halfTaps, phases, lowerRateShare } = shape;
  const cutoff = lowerRateShare * (1 - TRANSITION / 2);
  const taps = 2 * halfTaps;
  const table = new Float32Array((phases + 1) * taps);
  const peak = bessel0(KAISER_BETA);
  for (let phase = 0; phase <= phases; phase++) {
    const row = new Float64Array(taps);
    let sum = 0;
    for (let tap = 0; tap < taps; tap++) {
      const distance = tap - halfTaps + 1 - phase / phases;
      const edge = distance / halfTaps;
      const window = Math.abs(edge) >= 1 ? 0 : bessel0(KAISER_BETA * Math.sqrt(1 - edge * edge)) / peak;
      const angle = Math.PI * cutoff * distance;
      row[tap] = window * (angle === 0 ? 1 : Math.sin(angle) / angle);
      sum += row[tap]!;
    }
    // Every phase passes a constant unchanged, so that a constant stays one.
    for (let tap = 0; tap < taps; tap++) table[phase * taps + tap] = row[tap]! / sum;
  }
  return table;
}

/** The modified Bessel function of the first kind, order 0, by its power series. */
function bessel0(x: number): number {
  const quarter = (x * x) / 4;
  let term = 1;
  let sum = 1;
  for (let k = 1; term > sum * 1e-17; k++) {
    term *= quarter / (k * k);
    sum += term;
  }
  return sum;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
