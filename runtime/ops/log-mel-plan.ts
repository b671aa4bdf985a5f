// Owns what the log-mel op is asked to do, and the variants that models were trained on. Knows no kernel and no model.

import { type MelBands, melTables } from "./mel-bands.js";
import { refusal, requireFinite, requireOneOf } from "./op-argument.js";
import { layOut, type SpectrumPlan, type SpectrumRequest } from "./spectrum-plan.js";

/** A spectrum in bands, as logarithms. `values` is what the bands sum over: default power. */
export interface LogMelRequest extends SpectrumRequest {
  readonly mel: MelBands;
  /** `decibels`: ten times the common logarithm. Default `ln`. */
  readonly log?: "ln" | "log10" | "decibels";
  /** What is smaller counts as this much before the logarithm. Default 2^-23. */
  readonly floor?: number;
  /** Raises every value of a call to at least its largest less this. Default: no such limit. */
  readonly range?: number;
  /** `logarithm * gain + bias` at the end. Default 1 and 0. */
  readonly gain?: number;
  readonly bias?: number;
  /** `frames-first`: [frames, bands]; `bands-first`: [bands, frames]. Default `frames-first`. */
  readonly layout?: "frames-first" | "bands-first";
}

/** The parameters of well-known front ends at 16 kHz; `samples`, and what else a caller wants otherwise, come beside them. */
export const MEL_VARIANTS = {
  /** Whisper's 80 bands (large-v3: 128). Thirty seconds are 3000 frames: its last one is left out by `frames`. */
  whisper: {
    ...{ frame: 400, hop: 160, points: 400, window: "hann", edges: "reflect" },
    mel: { bands: 80, rateHz: 16_000, scale: "slaney", norm: "slaney" },
    ...{ log: "log10", floor: 1e-10, range: 8, gain: 0.25, bias: 1, layout: "bands-first" },
  },
  /** Kaldi's fbank without dither, as sherpa-onnx and many recognisers take it: samples in steps of 16 bits. */
  kaldi: {
    ...{ frame: 400, hop: 160, points: 512, window: "povey", scale: 32_768 },
    ...{ removesMean: true, preEmphasis: 0.97 },
    mel: { bands: 80, rateHz: 16_000, lowHz: 20, sides: "mel" },
  },
  /** openWakeWord's: samples in steps of 16 bits; its embedding takes `decibels / 10 + 2`. */
  openWakeWord: {
    ...{ frame: 512, hop: 160, points: 512, window: hannOf400(), scale: 32_768 },
    mel: { bands: 32, rateHz: 16_000, lowHz: 60, highHz: 3800, scale: "slaney", norm: "slaney" },
    ...{ log: "decibels", floor: 1e-10, range: 80, gain: 0.1, bias: 2 },
  },
} as const satisfies Readonly<Record<string, Omit<LogMelRequest, "samples">>>;

const FACTORS = { ln: 1, log10: 1 / Math.LN10, decibels: 10 / Math.LN10 } as const;
/** The least normal float32: below it a logarithm has no exponent to read. */
const FLOOR_MIN = 2 ** -126;

/**
 * Lays out the log-mel op: samples to float32 [frames, bands], or [bands, frames].
 *
 * Frames, transform and non-finite samples are as `planStft` states them. A band is the sum over its taps in eight lanes, tap t in
 * lane t mod 8, added as ((0+4)+(2+6))+((1+5)+(3+7)); then `ln(max(floor, sum)) * factor`, raised to the range, times gain, plus bias.
 *
 * The op is exact: every implementation gives the same bits, all in float32. The logarithm is within 3e-7 x (1 + its size) of
 * the true one, and a band's sum within 1e-6 of its frame's power plus 1e-6 of itself. A band that is NaN or has
 * overflowed gives NaN, and takes no part in the range's largest value. Views may not overlap; one call at a time.
 *
 * @throws RedlineError `OP_ARGUMENT` naming the argument.
 *
 * @example
 * const plan = planLogMel({ ...MEL_VARIANTS.kaldi, samples: 16_000 });
 * use(new Float32Array(plan.frames * plan.width));
 */
export function planLogMel(given: LogMelRequest): SpectrumPlan {
  const log = requireOneOf("log", given.log ?? "ln", ["ln", "log10", "decibels"]);
  const floor = requireFinite("floor", given.floor ?? 2 ** -23);
  if (floor < FLOOR_MIN) throw refusal("floor", "at least 2^-126", floor);
  const range = requireFinite("range", given.range ?? 0);
  if (given.range !== undefined && !(Math.fround(range) > 0)) throw refusal("range", "above 0", range);
  const gain = requireFinite("gain", given.gain ?? 1);
  const bias = requireFinite("bias", given.bias ?? 0);
  const layout = requireOneOf("layout", given.layout ?? "frames-first", ["frames-first", "bands-first"]);
  return layOut(given, {
    isPower: (given.values ?? "power") === "power",
    mel: (points) => ({
      key: `log-mel ${given.mel.bands} ${log} ${layout}`,
      ...melTables(given.mel, points),
      isBandsFirst: layout === "bands-first",
      logarithm: [floor, FACTORS[log], range, gain, bias],
    }),
  });
}

/** A window of 400 in the middle of 512 points. */
function hannOf400(): Float32Array {
  return Float32Array.from({ length: 512 }, (_, at) =>
    at < 56 || at >= 456 ? 0 : 0.5 - 0.5 * Math.cos((2 * Math.PI * (at - 56)) / 400),
  );
}
