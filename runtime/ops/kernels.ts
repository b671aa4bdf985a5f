// Owns the contract of an implementation of the ops, and the reference one. Knows no choice between them.
// Invariant: for the same plan and inputs every implementation writes the same bits; callers have checked the arguments.

import type { BlurPlan } from "./blur-plan.js";
import type { BoxesPlan } from "./boxes-plan.js";
import type { GainPlan } from "./gain-plan.js";
import type { ImagePlan } from "./image-plan.js";
import type { LevelPlan } from "./level-plan.js";
import type { MarginsPlan } from "./margins-plan.js";
import type { MaskPlan } from "./mask-plan.js";
import { blur } from "./reference/blur.js";
import { type BoxTensors, boxes } from "./reference/boxes.js";
import { gain } from "./reference/gain.js";
import { type ImageElements, image } from "./reference/image.js";
import { level } from "./reference/level.js";
import { logMel } from "./reference/log-mel.js";
import { margins } from "./reference/margins.js";
import { mask } from "./reference/mask.js";
import { type ResampleCursor, resample } from "./reference/resample.js";
import { runs } from "./reference/runs.js";
import { type SpectrumSamples, stft } from "./reference/stft.js";
import { suppress } from "./reference/suppress.js";
import type { ResamplePlan } from "./resample-plan.js";
import type { RunsPlan } from "./runs-plan.js";
import type { SpectrumPlan } from "./spectrum-plan.js";
import type { SuppressPlan } from "./suppress-plan.js";

/** One implementation of every op. */
export interface OpKernels {
  /** `reference`, `native` and an instruction set, or `wasm` and a flavour. */
  readonly name: string;
  image(plan: ImagePlan, source: Uint8Array, target: ImageElements): void;
  margins(
    plan: MarginsPlan,
    scores: Float32Array,
    out: { readonly margins: Float32Array; readonly totals: Float64Array },
  ): void;
  mask(plan: MaskPlan, margins: Float32Array, out: Uint8Array): void;
  runs(plan: RunsPlan, margins: Float32Array, out: Float64Array): number;
  resample(
    plan: ResamplePlan,
    given: { readonly input: Float32Array; readonly at: ResampleCursor; readonly output: Float32Array },
  ): void;
  level(
    plan: LevelPlan,
    given: { readonly samples: Float32Array; readonly previous: number; readonly stats: Float64Array },
  ): void;
  stft(plan: SpectrumPlan, samples: SpectrumSamples, out: Float32Array): void;
  logMel(plan: SpectrumPlan, samples: SpectrumSamples, out: Float32Array): void;
  gain(plan: GainPlan, samples: Float32Array, out: Float32Array): number;
  boxes(plan: BoxesPlan, tensors: BoxTensors, out: Float32Array): number;
  suppress(plan: SuppressPlan, rows: Float32Array, out: Float32Array): number;
  blur(plan: BlurPlan, regions: Int32Array, image: Uint8Array): void;
}

/** The definition of every op, in TypeScript: what the others must equal, and what runs where there are no vectors. */
export const REFERENCE_KERNELS: OpKernels = Object.freeze({
  name: "reference",
  image,
  margins,
  mask,
  runs,
  resample,
  level,
  stft,
  logMel,
  gain,
  boxes,
  suppress,
  blur,
});
