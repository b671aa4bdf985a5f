// Owns what a spectrum is asked to be: frames, windows, transform; and the block of words that stft and log-mel work from.
// Knows no kernel and no mel. Invariant: every frame lies inside the samples or is filled up as stated;
// native/ops/spectrum_plan.h holds the same layout and checks it again.

import { fourierTables, POINTS } from "./fourier-tables.js";
import { refusal, requireFinite, requireOneOf, requireWhole } from "./op-argument.js";
import type { FourierLayout } from "./reference/fourier.js";

/** How sound is cut into frames and each frame transformed. */
export interface SpectrumRequest {
  /** Samples the view of one call holds. */
  readonly samples: number;
  /** What the view holds. Default float32. */
  readonly elements?: "float32" | "int16";
  /** Each sample is multiplied by it first: what counts as full scale. Default 1, for int16 1 / 32768. */
  readonly scale?: number;
  /** Samples of one frame, and from one frame to the next. */
  readonly frame: number;
  readonly hop: number;
  /** Points of the transform: 16 times powers of 2 and 5. Default: the least power of two that holds a frame. */
  readonly points?: number;
  /** `hann` repeats after `frame` samples; `povey` is Kaldi's, symmetric; or `frame` weights. Default `hann`. */
  readonly window?: "hann" | "povey" | "rectangular" | Float32Array;
  /**
   * `none`: a frame lies inside the samples. `reflect`, `zeros`: frame t has its middle at sample t x hop, and what lies
   * outside is mirrored at the first and last sample, or 0. Default `none`.
   */
  readonly edges?: "none" | "reflect" | "zeros";
  /** How many of the first frames are wanted. Default: all. */
  readonly frames?: number;
  /** Takes the frame's mean off each of its samples. Default false. */
  readonly removesMean?: boolean;
  /** Takes this share of the sample before off each sample of a frame; the first is its own predecessor. Default 0. */
  readonly preEmphasis?: number;
  /** What a bin is: the size of the transform or its square. */
  readonly values?: "magnitude" | "power";
}

/** A spectrum, ready to run on any number of views of one length. Frozen but for the scratch memory at the end of `words`. */
export interface SpectrumPlan {
  readonly key: string;
  readonly op: "stft" | "log-mel";
  readonly words: Int32Array;
  /** The same memory as `words`. */
  readonly floats: Float32Array;
  readonly samples: number;
  readonly samplesArray: "Float32Array" | "Int16Array";
  readonly frames: number;
  /** Numbers of one frame: bins, or bands. */
  readonly width: number;
  readonly fourier: FourierLayout;
}

/** Words of the block's head; tables follow, then scratch memory. Numbers marked f are float32 bits. */
export const SPECTRUM_HEAD = {
  mark: 0,
  length: 1,
  samples: 2,
  isInteger: 3,
  frames: 4,
  hop: 5,
  frame: 6,
  points: 7,
  /** The first frame's first sample: 0, or less where edges are filled up. */
  start: 8,
  /** 0: none, 1: reflect, 2: zeros. */
  edges: 9,
  removesMean: 10,
  isPower: 11,
  /** Eight radices at most, then zeros. */
  radices: 12,
  /** f: */
  scale: 20,
  preEmphasis: 21,
  /** Where each table begins: weights of the window, twiddles, splits. */
  window: 22,
  twiddles: 23,
  splits: 24,
  /** Bands, 0 where bins are wanted; rows of [first bin, taps, weights at]; all weights. */
  bands: 25,
  bandRows: 26,
  bandWeights: 27,
  isBandsFirst: 28,
  /** f: least power, factor from natural logarithms, range below the largest (0: any), gain and bias. */
  floor: 29,
  logFactor: 30,
  range: 31,
  gain: 32,
  bias: 33,
  scratch: 34,
  words: 35,
} as const;

/** "SPC1" in the first word. */
export const SPECTRUM_MARK = 0x31435053;
const RADICES_MAX = 8;
/** Longest view: 17 minutes at 16 kHz. */
const SAMPLES_MAX = 16_777_216;
const EDGES = ["none", "reflect", "zeros"] as const;

/** Floats of scratch memory before a frame's samples, the last of which is the predecessor of the first sample. */
export const FRAME_LEAD = 8;

/** Where a plan's scratch memory lies, from `scratch` on. */
export function scratchOf(given: { scratch: number; points: number; bands: number }) {
  const { scratch, points, bands } = given;
  const frame = scratch + FRAME_LEAD;
  const signal = frame + points;
  const halves = signal + points;
  const bins = halves + 2 * points;
  // Taps come in eights: those behind the last bin read zeros.
  const logs = bins + points / 2 + 8;
  return { frame, signal, halves, bins, logs, end: logs + bands };
}

/**
 * Lays out the stft op: samples to float32 [frames, points / 2 + 1], magnitudes of each frame's transform (or its power).
 *
 * A frame is `scale * sample`, less its mean, less `preEmphasis` of the sample before, times the window, filled up with zeros
 * to `points`. The transform is our own: even and odd samples as one complex transform of half the length, in passes of 8, 5, 4
 * and 2, so that Whisper's 400 points need no longer transform; then the halves are taken apart.
 *
 * The op is exact: every implementation gives the same bits, as each step is float32 in a stated order. A transform's bin is
 * within 1e-6 of the root of the sum of squares of all its bins, and a magnitude with it. A sample that is NaN or
 * infinite makes every bin of its frames NaN or infinite, and of no other frame. Views may not overlap; one call at a time.
 *
 * @throws RedlineError `OP_ARGUMENT` naming the argument.
 */
export function planStft(given: SpectrumRequest): SpectrumPlan {
  return layOut(given, { isPower: (given.values ?? "magnitude") === "power" });
}

/** What log-mel adds to the block. */
export interface MelTables {
  readonly key: string;
  /** First bin, taps (a multiple of eight) and position among the weights of each band. */
  readonly rows: readonly (readonly [number, number, number])[];
  readonly weights: Float32Array;
  readonly isBandsFirst: boolean;
  /** Floor, factor, range, gain and bias, in the head's order. */
  readonly logarithm: readonly [number, number, number, number, number];
}

/** Checks what is asked and lays it out; with `mel` the block is that of log-mel. */
export function layOut(
  given: SpectrumRequest,
  asked: { readonly isPower: boolean; readonly mel?: (points: number) => MelTables },
): SpectrumPlan {
  const samples = requireWhole("samples", given.samples, { min: 1, max: SAMPLES_MAX });
  const elements = requireOneOf("elements", given.elements ?? "float32", ["float32", "int16"]);
  const scale = requireFinite("scale", given.scale ?? (elements === "int16" ? 1 / 32_768 : 1));
  const frame = requireWhole("frame", given.frame, { min: 2, max: POINTS.max });
  const hop = requireWhole("hop", given.hop, { min: 1, max: SAMPLES_MAX });
  const points = given.points ?? Math.max(POINTS.min, 2 ** Math.ceil(Math.log2(frame)));
  const tables = fourierTables("points", points);
  if (frame > points) throw refusal("frame", `at most the ${points} points of the transform`, frame);
  const window = windowOf(given.window ?? "hann", frame);
  const edges = requireOneOf("edges", given.edges ?? "none", EDGES);
  requireOneOf("values", given.values ?? "power", ["magnitude", "power"]);
  const preEmphasis = requireFinite("preEmphasis", given.preEmphasis ?? 0);
  const start = edges === "none" ? 0 : -Math.ceil(frame / 2);
  if (edges === "reflect" && samples <= -start)
    throw refusal("samples", `more than the ${-start} that are mirrored`, samples);
  const most = edges === "none" ? Math.floor((samples - frame) / hop) + 1 : Math.floor(samples / hop) + 1;
  if (most < 1) throw refusal("samples", `at least the ${frame} of one frame`, samples);
  const frames = requireWhole("frames", given.frames ?? most, { min: 1, max: most });

  const mel = asked.mel?.(points);
  const bands = mel?.rows.length ?? 0;
  const words = new Int32Array(
    scratchOf({
      scratch: SPECTRUM_HEAD.words + sizeOf({ window, tables, mel }),
      points,
      bands,
    }).end,
  );
  const floats = new Float32Array(words.buffer);
  words.set([SPECTRUM_MARK, words.length, samples, elements === "int16" ? 1 : 0, frames, hop, frame]);
  words.set([points, start, EDGES.indexOf(edges), given.removesMean === true ? 1 : 0], SPECTRUM_HEAD.points);
  words[SPECTRUM_HEAD.isPower] = asked.isPower ? 1 : 0;
  words.set(tables.radices.slice(0, RADICES_MAX), SPECTRUM_HEAD.radices);
  floats.set([scale, preEmphasis], SPECTRUM_HEAD.scale);
  let at: number = SPECTRUM_HEAD.words;
  const put = (head: number, table: ArrayLike<number>, into: Int32Array | Float32Array): number => {
    words[head] = at;
    into.set(table, at);
    at += table.length;
    return words[head]!;
  };
  put(SPECTRUM_HEAD.window, window, floats);
  const twiddles = put(SPECTRUM_HEAD.twiddles, tables.twiddles, floats);
  const splits = put(SPECTRUM_HEAD.splits, tables.splits, floats);
  words[SPECTRUM_HEAD.bands] = bands;
  put(SPECTRUM_HEAD.bandRows, mel?.rows.flat() ?? [], words);
  put(SPECTRUM_HEAD.bandWeights, mel?.weights ?? [], floats);
  words[SPECTRUM_HEAD.isBandsFirst] = mel?.isBandsFirst === true ? 1 : 0;
  floats.set(mel?.logarithm ?? [], SPECTRUM_HEAD.floor);
  words[SPECTRUM_HEAD.scratch] = at;
  const { signal, halves } = scratchOf({ scratch: at, points, bands });
  return Object.freeze({
    key: `${mel?.key ?? "stft"} ${frame}/${points} ${edges} ${elements} x ${frames}`,
    op: mel === undefined ? "stft" : "log-mel",
    words,
    floats,
    samples,
    samplesArray: elements === "int16" ? "Int16Array" : "Float32Array",
    frames,
    width: bands === 0 ? points / 2 + 1 : bands,
    fourier: Object.freeze({ floats, radices: tables.radices, twiddles, splits, signal, halves, points }),
  });
}

function sizeOf(given: {
  window: Float32Array;
  tables: ReturnType<typeof fourierTables>;
  mel: MelTables | undefined;
}): number {
  const { window, tables, mel } = given;
  const melWords = mel === undefined ? 0 : 3 * mel.rows.length + mel.weights.length;
  return window.length + tables.twiddles.length + tables.splits.length + melWords;
}

function windowOf(window: NonNullable<SpectrumRequest["window"]>, frame: number): Float32Array {
  if (typeof window !== "string") {
    if (window.length !== frame) throw refusal("window", `${frame} weights`, window.length);
    for (const weight of window) requireFinite("window", weight);
    return window;
  }
  requireOneOf("window", window, ["hann", "povey", "rectangular"]);
  const hann = (at: number, period: number): number => 0.5 - 0.5 * Math.cos((2 * Math.PI * at) / period);
  return Float32Array.from({ length: frame }, (_, at) => {
    if (window === "hann") return hann(at, frame);
    return window === "povey" ? hann(at, frame - 1) ** 0.85 : 1;
  });
}
