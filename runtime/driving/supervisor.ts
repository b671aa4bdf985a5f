// Owns the check of each frame before it is used: its order, its age, and whether its picture is one. Knows no model.
// Invariant: pure of clocks and I/O; the same frames at the same times give the same flags.

import type { ImageFrame } from "../sources/frame.js";

/** What can be wrong with a frame on arrival. */
export const FRAME_FLAGS = {
  frozen: "the picture does not differ from the one before it",
  black: "the picture is dark all over",
  "out-of-order": "the frame's number or capture time is not above the one before it",
  late: "the frame was older than its deadline when it arrived",
  "size-changed": "the picture's size is not that of the frame before it",
} as const;
/** A key of `FRAME_FLAGS`. */
export type FrameFlag = keyof typeof FRAME_FLAGS;

/** What the supervisor says of a frame. */
export interface FrameVerdict {
  readonly flags: readonly FrameFlag[];
  /**
   * `run`: use it. `abstain`: run it, but its result means nothing (frozen, black). `drop`: do not run it (late, out of
   * order): a result about the past in the place of the present is worse than none.
   */
  readonly use: "run" | "abstain" | "drop";
}

/** What the supervisor holds frames to. */
export interface SupervisorOptions {
  /** Age at arrival from which a frame is late, in microseconds. */
  readonly deadlineUs: number;
}

/** Samples on a side of the grid over which pictures are compared: the whole check costs 0.25 ms on a busy core. */
const GRID = 64;
/**
 * Mean absolute difference of sampled channel values up to which two pictures are one. Consecutive frames of the trial
 * clips differ by 2.5 or more, a repeated buffer by nothing; a live sensor's noise moves every sample.
 */
const FROZEN_DIFFERENCE_MAX = 0.1;
/** Brightest mean luma, and largest mean distance from it, of a black picture (0 to 255): the trial images' night street passes. */
const BLACK_MEAN_MAX = 16;
const BLACK_SPREAD_MAX = 4;

/**
 * Watches one stream of frames.
 *
 * @example
 * const supervisor = new Supervisor({ deadlineUs: 50_000 });
 * const { flags, use } = supervisor.check(frame, clock.nowUs());
 */
export class Supervisor {
  readonly #deadlineUs: number;
  #lastId = Number.NEGATIVE_INFINITY;
  #lastCapturedUs = Number.NEGATIVE_INFINITY;
  #last: { width: number; height: number; samples: Uint8Array } | undefined;

  constructor(options: SupervisorOptions) {
    this.#deadlineUs = options.deadlineUs;
  }

  /** Judges a frame that arrives at `nowUs`. Call once for each frame, in order of arrival. */
  check(frame: ImageFrame, nowUs: number): FrameVerdict {
    const flags: FrameFlag[] = [];
    const isInOrder = frame.id > this.#lastId && frame.capturedUs > this.#lastCapturedUs;
    const isLate = nowUs - frame.capturedUs > this.#deadlineUs;
    if (isLate) flags.push("late");
    if (!isInOrder) {
      // Its picture says nothing about the one before it: the comparison goes on from the last frame in order.
      flags.push("out-of-order");
      return { flags, use: "drop" };
    }
    this.#lastId = frame.id;
    this.#lastCapturedUs = frame.capturedUs;
    const isDoubtful = this.#checkPicture(frame, flags);
    return { flags, use: isLate ? "drop" : isDoubtful ? "abstain" : "run" };
  }

  #checkPicture(frame: ImageFrame, flags: FrameFlag[]): boolean {
    const samples = samplesOf(frame);
    const last = this.#last;
    this.#last = { width: frame.width, height: frame.height, samples };
    const isSameSize = last === undefined || (last.width === frame.width && last.height === frame.height);
    if (!isSameSize) flags.push("size-changed");
    const isFrozen =
      last !== undefined && isSameSize && difference(samples, last.samples) <= FROZEN_DIFFERENCE_MAX;
    const isBlack = isDark(samples);
    if (isFrozen) flags.push("frozen");
    if (isBlack) flags.push("black");
    return isFrozen || isBlack;
  }
}

/** RGB at the points of an even grid over the picture. */
function samplesOf({ width, height, data }: ImageFrame): Uint8Array {
  const columns = Math.min(GRID, width);
  const rows = Math.min(GRID, height);
  const samples = new Uint8Array(columns * rows * 3);
  for (let j = 0, to = 0; j < rows; j++) {
    const row = Math.floor(((j + 0.5) * height) / rows) * width;
    for (let i = 0; i < columns; i++, to += 3) {
      const from = (row + Math.floor(((i + 0.5) * width) / columns)) * 3;
      samples[to] = data[from]!;
      samples[to + 1] = data[from + 1]!;
      samples[to + 2] = data[from + 2]!;
    }
  }
  return samples;
}

function difference(a: Uint8Array, b: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += Math.abs(a[i]! - b[i]!);
  return sum / a.length;
}

function isDark(samples: Uint8Array): boolean {
  const lumas = new Float32Array(samples.length / 3);
  let sum = 0;
  for (let i = 0; i < lumas.length; i++) {
    lumas[i] = 0.299 * samples[i * 3]! + 0.587 * samples[i * 3 + 1]! + 0.114 * samples[i * 3 + 2]!;
    sum += lumas[i]!;
  }
  const mean = sum / lumas.length;
  let spread = 0;
  for (const luma of lumas) spread += Math.abs(luma - mean);
  return mean <= BLACK_MEAN_MAX && spread / lumas.length <= BLACK_SPREAD_MAX;
}
