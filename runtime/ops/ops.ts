// Owns the calls of every op: arguments checked, an implementation chosen, the op run. Knows no pipeline.
// Invariant: memory is the caller's, nothing is allocated for a call, and a refusal comes before anything is written.

import { type BlurPlan, REGION_FIELDS } from "./blur-plan.js";
import { BOX_FIELDS, type BoxesPlan } from "./boxes-plan.js";
import type { GainPlan } from "./gain-plan.js";
import type { ImagePlan } from "./image-plan.js";
import type { OpKernels } from "./kernels.js";
import { LEVEL_FIELDS, type LevelPlan } from "./level-plan.js";
import type { MarginsPlan } from "./margins-plan.js";
import type { MaskPlan } from "./mask-plan.js";
import { refusal, requireApart, requireView, requireWhole } from "./op-argument.js";
import { OpPicker, type Pick } from "./pick.js";
import type { BoxTensors } from "./reference/boxes.js";
import type { ImageElements } from "./reference/image.js";
import type { ResampleCursor } from "./reference/resample.js";
import type { SpectrumSamples } from "./reference/stft.js";
import { type ResamplePlan, windowEnd } from "./resample-plan.js";
import { RUN_FIELDS, type RunsPlan } from "./runs-plan.js";
import type { SpectrumPlan } from "./spectrum-plan.js";
import { rowsOf, type SuppressPlan } from "./suppress-plan.js";

/**
 * The fused ops. Each takes a plan, made once, and the caller's views. A bad view is refused with `OP_ARGUMENT` and its name;
 * what each op computes, and to which bit, is said where its plan is made.
 *
 * @example
 * for (const { key, chosen, bestUs } of new Ops(candidates).picks) console.log(key, chosen, bestUs);
 */
export class Ops {
  readonly #picker: OpPicker;
  /** What there is to choose from, by name. */
  readonly implementations: readonly string[];

  /** With candidates, the best first where nothing else tells them apart. */
  constructor(candidates: readonly OpKernels[]) {
    this.#picker = new OpPicker(candidates);
    this.implementations = candidates.map(({ name }) => name);
  }

  /** Which implementation runs each form of op used so far, and what was measured. */
  get picks(): readonly Pick[] {
    return this.#picker.picks;
  }

  /** Pixels to a network's input: see `planImage`. */
  image(plan: ImagePlan, source: Uint8Array, target: ImageElements): void {
    requireView("source", source, { of: "Uint8Array", length: plan.sourceBytes, isExact: false });
    requireView("target", target, { of: plan.targetArray, length: plan.elements, isExact: true });
    requireApart({ what: "source", view: source }, { what: "target", view: target });
    (
      this.#picker.chosen(plan.key) ??
      this.#picker.measure(plan.key, (kernels) => kernels.image(plan, source, target))
    ).image(plan, source, target);
  }

  /** Two-class scores to margins and their totals: see `planMargins`. */
  margins(
    plan: MarginsPlan,
    scores: Float32Array,
    out: { readonly margins: Float32Array; readonly totals: Float64Array },
  ): void {
    requireView("scores", scores, { of: "Float32Array", length: 2 * plan.pixels, isExact: true });
    requireView("margins", out.margins, { of: "Float32Array", length: plan.pixels, isExact: true });
    requireView("totals", out.totals, { of: "Float64Array", length: 2, isExact: true });
    requireApart({ what: "scores", view: scores }, { what: "margins", view: out.margins });
    requireApart({ what: "scores", view: scores }, { what: "totals", view: out.totals });
    requireApart({ what: "margins", view: out.margins }, { what: "totals", view: out.totals });
    (
      this.#picker.chosen(plan.key) ??
      this.#picker.measure(plan.key, (kernels) => kernels.margins(plan, scores, out))
    ).margins(plan, scores, out);
  }

  /** Margins to a mask at image size: see `planMask`. */
  mask(plan: MaskPlan, margins: Float32Array, out: Uint8Array): void {
    requireView("margins", margins, { of: "Float32Array", length: plan.gridPixels, isExact: true });
    requireView("mask", out, { of: "Uint8Array", length: plan.imagePixels, isExact: true });
    requireApart({ what: "margins", view: margins }, { what: "mask", view: out });
    (
      this.#picker.chosen(plan.key) ??
      this.#picker.measure(plan.key, (kernels) => kernels.mask(plan, margins, out))
    ).mask(plan, margins, out);
  }

  /** Margins to runs of each row; answers how many there are: see `planRuns`. */
  runs(plan: RunsPlan, margins: Float32Array, out: Float64Array): number {
    requireView("margins", margins, { of: "Float32Array", length: plan.width * plan.height, isExact: true });
    requireView("runs", out, { of: "Float64Array", length: 0, isExact: false });
    if (out.length % RUN_FIELDS !== 0)
      throw refusal("runs", `a multiple of ${RUN_FIELDS} numbers`, out.length);
    requireApart({ what: "margins", view: margins }, { what: "runs", view: out });
    return (
      this.#picker.chosen(plan.key) ??
      this.#picker.measure(plan.key, (kernels) => kernels.runs(plan, margins, out))
    ).runs(plan, margins, out);
  }

  /** Samples of one rate to samples of another: see `planResample`. */
  resample(
    plan: ResamplePlan,
    given: { readonly input: Float32Array; readonly at: ResampleCursor; readonly output: Float32Array },
  ): void {
    const { input, at, output } = given;
    requireView("input", input, { of: "Float32Array", length: 0, isExact: false });
    requireView("output", output, { of: "Float32Array", length: 0, isExact: false });
    requireWhole("at.start", at.start, { min: 0, max: input.length });
    requireWhole("at.fraction", at.fraction, { min: 0, max: plan.up - 1 });
    requireApart({ what: "input", view: input }, { what: "output", view: output });
    if (output.length === 0) return;
    const end = windowEnd(plan, { ...at, k: output.length - 1 });
    if (end > input.length) throw refusal("output", `windows within ${input.length} samples of input`, end);
    (
      this.#picker.chosen(plan.key) ??
      this.#picker.measure(plan.key, (kernels) => kernels.resample(plan, given))
    ).resample(plan, given);
  }

  /** The level of a frame of sound: see `planLevel`. */
  level(
    plan: LevelPlan,
    given: { readonly samples: Float32Array; readonly previous: number; readonly stats: Float64Array },
  ): void {
    requireView("samples", given.samples, { of: "Float32Array", length: plan.samples, isExact: true });
    requireView("stats", given.stats, { of: "Float64Array", length: LEVEL_FIELDS.count, isExact: true });
    requireApart({ what: "samples", view: given.samples }, { what: "stats", view: given.stats });
    (
      this.#picker.chosen(plan.key) ?? this.#picker.measure(plan.key, (kernels) => kernels.level(plan, given))
    ).level(plan, given);
  }

  /** Samples to the magnitudes, or powers, of each frame's bins: see `planStft`. */
  stft(plan: SpectrumPlan, samples: SpectrumSamples, out: Float32Array): void {
    requireSpectrum(plan, { op: "stft", samples, out });
    (
      this.#picker.chosen(plan.key) ??
      this.#picker.measure(plan.key, (kernels) => kernels.stft(plan, samples, out))
    ).stft(plan, samples, out);
  }

  /** Samples to the logarithms of each frame's mel bands: see `planLogMel`. */
  logMel(plan: SpectrumPlan, samples: SpectrumSamples, out: Float32Array): void {
    requireSpectrum(plan, { op: "log-mel", samples, out });
    (
      this.#picker.chosen(plan.key) ??
      this.#picker.measure(plan.key, (kernels) => kernels.logMel(plan, samples, out))
    ).logMel(plan, samples, out);
  }

  /** Louder or softer; answers how many samples were held at the limit: see `planGain`. */
  gain(plan: GainPlan, samples: Float32Array, out: Float32Array): number {
    requireView("samples", samples, { of: "Float32Array", length: plan.samples, isExact: true });
    requireView("out", out, { of: "Float32Array", length: plan.samples, isExact: true });
    requireApart({ what: "samples", view: samples }, { what: "out", view: out });
    return (
      this.#picker.chosen(plan.key) ??
      this.#picker.measure(plan.key, (kernels) => kernels.gain(plan, samples, out))
    ).gain(plan, samples, out);
  }

  /** A detector's tensors to rows of boxes; answers how many there are: see `planBoxes`. */
  boxes(plan: BoxesPlan, tensors: BoxTensors, out: Float32Array): number {
    const { scores, boxes } = tensors;
    requireView("scores", scores, { of: "Float32Array", length: plan.scoresLength, isExact: true });
    requireView("boxes", boxes, { of: "Float32Array", length: plan.boxesLength, isExact: true });
    requireRows("out", out);
    requireApart({ what: "scores", view: scores }, { what: "out", view: out });
    requireApart({ what: "boxes", view: boxes }, { what: "out", view: out });
    return (
      this.#picker.chosen(plan.key) ??
      this.#picker.measure(plan.key, (kernels) => kernels.boxes(plan, tensors, out))
    ).boxes(plan, tensors, out);
  }

  /** Rows of boxes to those that stand; answers how many it wrote: see `planSuppress`. */
  suppress(plan: SuppressPlan, rows: Float32Array, out: Float32Array): number {
    requireRows("rows", rows);
    requireWhole("rows", rowsOf(rows), { min: 0, max: plan.boxes });
    requireView("out", out, { of: "Float32Array", length: plan.keep * BOX_FIELDS.count, isExact: true });
    requireApart({ what: "rows", view: rows }, { what: "out", view: out });
    return (
      this.#picker.chosen(plan.key) ??
      this.#picker.measure(plan.key, (kernels) => kernels.suppress(plan, rows, out))
    ).suppress(plan, rows, out);
  }

  /** Makes regions of an image unrecognisable, in place: see `planBlur`. */
  blur(plan: BlurPlan, regions: Int32Array, image: Uint8Array): void {
    requireView("regions", regions, { of: "Int32Array", length: 0, isExact: false });
    if (regions.length % REGION_FIELDS !== 0)
      throw refusal("regions", `whole regions of ${REGION_FIELDS}`, `${regions.length} numbers`);
    requireView("image", image, { of: "Uint8Array", length: plan.imageBytes, isExact: false });
    requireApart({ what: "regions", view: regions }, { what: "image", view: image });
    // What changes its input is measured on a copy, once for each form.
    (this.#picker.chosen(plan.key) ?? this.#measureBlur(plan, regions, image.slice())).blur(
      plan,
      regions,
      image,
    );
  }

  #measureBlur(plan: BlurPlan, regions: Int32Array, copy: Uint8Array): OpKernels {
    return this.#picker.measure(plan.key, (kernels) => kernels.blur(plan, regions, copy));
  }
}

/** Whole rows of a box each. */
function requireRows(what: string, view: Float32Array): void {
  requireView(what, view, { of: "Float32Array", length: 0, isExact: false });
  if (view.length % BOX_FIELDS.count === 0) return;
  throw refusal(what, `whole rows of ${BOX_FIELDS.count}`, `${view.length} numbers`);
}

function requireSpectrum(
  plan: SpectrumPlan,
  given: { readonly op: SpectrumPlan["op"]; readonly samples: SpectrumSamples; readonly out: Float32Array },
): void {
  const { op, samples, out } = given;
  if (plan.op !== op) throw refusal("plan", `one of ${op}`, plan.op);
  requireView("samples", samples, { of: plan.samplesArray, length: plan.samples, isExact: true });
  requireView("out", out, { of: "Float32Array", length: plan.frames * plan.width, isExact: true });
  requireApart({ what: "samples", view: samples }, { what: "out", view: out });
}
