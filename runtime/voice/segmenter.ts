// Owns turning speech probabilities into segments with hysteresis. Knows no audio, no model and no clock.
// Invariant: segments are in order and do not overlap; every start is followed by exactly one end or withdrawal.

import { FRAME_MS } from "./frames.js";

/**
 * When speech begins and ends. The defaults are those of Silero's own `get_speech_timestamps` and `VADIterator`
 * (snakers4/silero-vad, `utils_vad.py`): threshold 0.5, negative threshold 0.15 below it, 250 ms, 100 ms, 30 ms.
 */
export interface SegmentRules {
  /** A frame at or above this begins speech or continues it. Default 0.5. */
  readonly threshold?: number;
  /** A frame below this may end speech; between the two nothing changes. Default `threshold - 0.15`, at least 0.01. */
  readonly negativeThreshold?: number;
  /** Speech must be longer than this, or its start is withdrawn. Default 250. */
  readonly minSpeechMs?: number;
  /** Speech ends when no frame has reached the threshold for this long after one fell below the negative threshold. Default 100. */
  readonly minSilenceMs?: number;
  /** Added on both sides of a segment. Default 30. */
  readonly padMs?: number;
}

/** What the segmenter decided. Times are milliseconds on the input's axis. */
export type SegmentEvent =
  | { readonly type: "speech-start"; readonly startMs: number }
  | {
      readonly type: "speech";
      readonly startMs: number;
      readonly endMs: number;
      /** Mean over the segment's frames. */
      readonly probability: number;
    }
  /** The last start was no speech: it ended before the minimum. */
  | { readonly type: "speech-withdrawn"; readonly startMs: number; readonly endMs: number };

interface Open {
  readonly onsetMs: number;
  readonly startMs: number;
  /** Where the silence that may end it began. */
  silenceMs: number | undefined;
  sum: number;
  count: number;
  /** Sum and count up to `silenceMs`: what the mean is taken over if the silence lasts. */
  sumAtSilence: number;
  countAtSilence: number;
}

/**
 * One stream's segments, frame by frame.
 *
 * @example
 * const segmenter = new Segmenter();
 * for (const probability of probabilities) for (const event of segmenter.push(probability)) console.log(event);
 * for (const event of segmenter.flush()) console.log(event);
 */
export class Segmenter {
  readonly #rules: Required<SegmentRules>;
  #frame = 0;
  #open: Open | undefined;
  #lastEndMs = 0;

  constructor(rules: SegmentRules = {}) {
    const threshold = rules.threshold ?? 0.5;
    this.#rules = {
      threshold,
      negativeThreshold: rules.negativeThreshold ?? Math.max(threshold - 0.15, 0.01),
      minSpeechMs: rules.minSpeechMs ?? 250,
      minSilenceMs: rules.minSilenceMs ?? 100,
      padMs: rules.padMs ?? 30,
    };
  }

  /** Whether speech has begun and not ended. */
  get isOpen(): boolean {
    return this.#open !== undefined;
  }

  /** Takes the probability of the next frame, or undefined when it is unknown: time passes and nothing changes. */
  push(probability: number | undefined): SegmentEvent[] {
    const atMs = this.#frame * FRAME_MS;
    this.#frame += 1;
    if (probability === undefined) return [];
    const open = this.#open;
    if (open === undefined)
      return probability >= this.#rules.threshold ? [this.#begin(atMs, probability)] : [];

    if (probability >= this.#rules.threshold) open.silenceMs = undefined;
    else if (probability < this.#rules.negativeThreshold && open.silenceMs === undefined) {
      open.silenceMs = atMs;
      open.sumAtSilence = open.sum;
      open.countAtSilence = open.count;
    }
    open.sum += probability;
    open.count += 1;
    if (open.silenceMs === undefined || atMs - open.silenceMs < this.#rules.minSilenceMs) return [];
    // A pad longer than the silence that ended the speech would promise sound that has not been heard.
    return [this.#end(open, { endMs: open.silenceMs, limitMs: this.#frame * FRAME_MS })];
  }

  /** Ends what is open, as the stream ends at `endMs`; without it, at the end of the last frame. */
  flush(endMs: number = this.#frame * FRAME_MS): SegmentEvent[] {
    const open = this.#open;
    return open === undefined ? [] : [this.#end(open, { endMs: open.silenceMs ?? endMs, limitMs: endMs })];
  }

  #begin(onsetMs: number, probability: number): SegmentEvent {
    const startMs = Math.max(this.#lastEndMs, onsetMs - this.#rules.padMs);
    this.#open = {
      onsetMs,
      startMs,
      silenceMs: undefined,
      sum: probability,
      count: 1,
      sumAtSilence: 0,
      countAtSilence: 0,
    };
    return { type: "speech-start", startMs };
  }

  #end(open: Open, { endMs, limitMs }: { endMs: number; limitMs: number }): SegmentEvent {
    this.#open = undefined;
    const paddedMs = Math.min(endMs + this.#rules.padMs, limitMs);
    if (endMs - open.onsetMs <= this.#rules.minSpeechMs) {
      return { type: "speech-withdrawn", startMs: open.startMs, endMs: paddedMs };
    }
    this.#lastEndMs = paddedMs;
    const [sum, count] =
      open.silenceMs === undefined ? [open.sum, open.count] : [open.sumAtSilence, open.countAtSilence];
    return { type: "speech", startMs: open.startMs, endMs: paddedMs, probability: sum / count };
  }
}
