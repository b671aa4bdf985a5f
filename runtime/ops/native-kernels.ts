// Owns the native implementations of the ops, one for each instruction set the addon offers here. Knows no choice.

import type { NativeAddon } from "../bindings/addon.js";
import type { OpKernels } from "./kernels.js";

/** The addon's implementations, the widest instruction set first. */
export function nativeKernels(addon: NativeAddon): readonly OpKernels[] {
  return addon.opSets.map((name, set) => kernelsOf(addon, { name: `native ${name}`, set })).reverse();
}

function kernelsOf(addon: NativeAddon, { name, set }: { name: string; set: number }): OpKernels {
  return Object.freeze<OpKernels>({
    name,
    image: (plan, source, target) => addon.opImage(set, plan.words, source, target),
    margins: (plan, scores, out) =>
      addon.opMargins(set, scores, out.margins, out.totals, plan.values === "logits" ? 1 : 0),
    mask: (plan, margins, out) => addon.opMask(set, plan.words, margins, out),
    runs: (plan, margins, out) => addon.opRuns(set, margins, out, plan.width),
    resample: ({ table, taps, phases, up, down }, { input, at, output }) =>
      addon.opResample(set, table, input, output, taps, phases, up, down, at.start, at.fraction),
    level: ({ preEmphasis, clipsAt }, { samples, previous, stats }) =>
      addon.opLevel(set, samples, stats, preEmphasis, previous, clipsAt),
    stft: (plan, samples, out) => addon.opStft(set, plan.words, samples, out),
    logMel: (plan, samples, out) => addon.opLogMel(set, plan.words, samples, out),
    gain: ({ gain, limit }, samples, out) => addon.opGain(set, samples, out, gain, limit),
    boxes: (plan, { scores, boxes }, out) => addon.opBoxes(set, plan.words, scores, boxes, out),
    suppress: ({ scratch, overlap, isTogether }, rows, out) =>
      addon.opSuppress(set, scratch, rows, out, overlap, isTogether ? 1 : 0),
    blur: ({ scratch, width, height, channels, strideBytes, radius, passes }, regions, image) =>
      addon.opBlur(set, scratch, regions, image, width, height, channels, strideBytes, radius, passes),
  });
}
