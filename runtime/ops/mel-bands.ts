// Owns the triangles of a mel filter bank, as taps in eights. Knows no transform's arithmetic and no sound.
// Invariant: weights are float32, rounded once from float64; a band's taps lie within the bins and the seven zeros behind them.

import { refusal, requireFinite, requireOneOf, requireWhole } from "./op-argument.js";

/** Which bands. */
export interface MelBands {
  readonly bands: number;
  /** Samples a second. */
  readonly rateHz: number;
  /** Where the lowest triangle begins and the highest ends. Default 0 and half the rate. */
  readonly lowHz?: number;
  readonly highHz?: number;
  /** `htk`: 1127 ln(1 + f / 700). `slaney`: linear below 1 kHz, then 27 steps to 6.4 kHz. Default `htk`. */
  readonly scale?: "htk" | "slaney";
  /** Whether a triangle's sides are straight over hertz, as librosa has them, or over mel, as Kaldi does. Default `hertz`. */
  readonly sides?: "hertz" | "mel";
  /** `slaney`: a triangle is divided by half its width in hertz. Default `none`: its peak is 1. */
  readonly norm?: "none" | "slaney";
}

const BANDS_MAX = 512;
/** Kernels take eight taps at a time. */
const TAPS = 8;

/** Rows of [first bin, taps, weights at], and all weights. */
export function melTables(
  given: MelBands,
  points: number,
): { readonly rows: readonly (readonly [number, number, number])[]; readonly weights: Float32Array } {
  const bands = requireWhole("mel.bands", given.bands, { min: 1, max: BANDS_MAX });
  const rate = requireFinite("mel.rateHz", given.rateHz);
  if (rate <= 0) throw refusal("mel.rateHz", "above 0", rate);
  const low = requireFinite("mel.lowHz", given.lowHz ?? 0);
  const high = requireFinite("mel.highHz", given.highHz ?? rate / 2);
  if (low < 0) throw refusal("mel.lowHz", "0 or more", low);
  if (high <= low || high > rate / 2)
    throw refusal("mel.highHz", `above ${low} and at most ${rate / 2}, half the rate`, high);
  const scale = SCALES[requireOneOf("mel.scale", given.scale ?? "htk", ["htk", "slaney"])];
  const sides = requireOneOf("mel.sides", given.sides ?? "hertz", ["hertz", "mel"]);
  const norm = requireOneOf("mel.norm", given.norm ?? "none", ["none", "slaney"]);

  const [first, last] = [scale.toMel(low), scale.toMel(high)];
  const cornerMel = (at: number): number => first + ((last - first) * at) / (bands + 1);
  const place = sides === "mel" ? scale.toMel : (hertz: number): number => hertz;
  const corner = (at: number): number => (sides === "mel" ? cornerMel(at) : scale.toHertz(cornerMel(at)));
  const rows: [number, number, number][] = [];
  const weights: number[] = [];
  for (let band = 0; band < bands; band++) {
    const [left, peak, right] = [corner(band), corner(band + 1), corner(band + 2)];
    const area =
      norm === "slaney" ? 2 / (scale.toHertz(cornerMel(band + 2)) - scale.toHertz(cornerMel(band))) : 1;
    const taps = Array.from({ length: points / 2 + 1 }, (_, bin) => {
      const at = place((bin * rate) / points);
      return Math.max(0, Math.min((at - left) / (peak - left), (right - at) / (right - peak))) * area;
    });
    const from = taps.findIndex((tap) => tap > 0);
    const count = from < 0 ? 0 : taps.findLastIndex((tap) => tap > 0) + 1 - from;
    const filled = Math.ceil(count / TAPS) * TAPS;
    rows.push([Math.max(0, from), filled, weights.length]);
    weights.push(...Array.from({ length: filled }, (_, tap) => taps[from + tap] ?? 0));
  }
  return { rows, weights: Float32Array.from(weights) };
}

interface Scale {
  toMel(hertz: number): number;
  toHertz(mel: number): number;
}

const LINEAR_HZ = 200 / 3;
const LINEAR_TO_HZ = 1000;
const LINEAR_TO_MEL = LINEAR_TO_HZ / LINEAR_HZ;
/** 27 equal steps of the logarithm lead from 1 kHz to 6.4 kHz. */
const LOG_STEP = Math.log(6.4) / 27;

const SCALES: Readonly<Record<"htk" | "slaney", Scale>> = {
  htk: {
    toMel: (hertz) => 1127 * Math.log1p(hertz / 700),
    toHertz: (mel) => 700 * Math.expm1(mel / 1127),
  },
  slaney: {
    toMel: (hertz) =>
      hertz < LINEAR_TO_HZ ? hertz / LINEAR_HZ : LINEAR_TO_MEL + Math.log(hertz / LINEAR_TO_HZ) / LOG_STEP,
    toHertz: (mel) =>
      mel < LINEAR_TO_MEL ? mel * LINEAR_HZ : LINEAR_TO_HZ * Math.exp((mel - LINEAR_TO_MEL) * LOG_STEP),
  },
};
