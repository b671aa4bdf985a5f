// Owns seeded random cases of stft and log-mel: transforms of every radix, frames of odd lengths, all edges, sound of all sizes
// with now and then a sample that is no number. Knows no implementation. Invariant: the same seed makes the same case.

import type { Rng } from "../../../runtime/core/rng.js";
import type { OpKernels } from "../../../runtime/ops/kernels.js";
import { planLogMel } from "../../../runtime/ops/log-mel-plan.js";
import type { SpectrumSamples } from "../../../runtime/ops/reference/stft.js";
import { planStft, type SpectrumPlan, type SpectrumRequest } from "../../../runtime/ops/spectrum-plan.js";
import { type OpCase, oneOf, scoreOf } from "./draw.js";
import { type Guarded, guarded, holding } from "./guarded.js";

/** One pass; each radix in second place; Whisper's; three and four passes. */
const POINTS = [16, 32, 64, 80, 128, 160, 256, 400, 512, 640, 1024];

export function stftCase(rng: Rng): OpCase {
  const request = requestOf(rng);
  const plan = planStft({ ...request, values: oneOf(rng, ["magnitude", "power"] as const) });
  return caseOf(plan, { title: titleOf(request), samples: samplesOf(rng, plan), op: "stft" });
}

export function logMelCase(rng: Rng): OpCase {
  const request = requestOf(rng);
  const rateHz = oneOf(rng, [8000, 16_000, 22_050]);
  const plan = planLogMel({
    ...request,
    mel: {
      bands: oneOf(rng, [1, 3, 8, 13, 32, 80, 128]),
      rateHz,
      ...(rng.below(2) === 0 ? { lowHz: 20 + rng.below(100), highHz: rateHz / 2 - rng.below(2000) } : {}),
      scale: oneOf(rng, ["htk", "slaney"] as const),
      sides: oneOf(rng, ["hertz", "mel"] as const),
      norm: oneOf(rng, ["none", "slaney"] as const),
    },
    values: oneOf(rng, ["power", "power", "magnitude"] as const),
    log: oneOf(rng, ["ln", "log10", "decibels"] as const),
    floor: oneOf(rng, [2 ** -23, 1e-10, 2 ** -126]),
    ...(rng.below(2) === 0 ? { range: oneOf(rng, [8, 80, 0.5]) } : {}),
    ...(rng.below(2) === 0 ? { gain: rng.next(), bias: rng.next() - 0.5 } : {}),
    layout: oneOf(rng, ["frames-first", "bands-first"] as const),
  });
  return caseOf(plan, { title: titleOf(request), samples: samplesOf(rng, plan), op: "logMel" });
}

function requestOf(rng: Rng): SpectrumRequest {
  const points = oneOf(rng, POINTS);
  const frame = oneOf(rng, [points, points, points - 1 - rng.below(points - 2)]);
  const window = oneOf(rng, ["hann", "povey", "rectangular", "table"] as const);
  return {
    samples: frame + rng.below(2 * frame),
    elements: oneOf(rng, ["float32", "float32", "int16"] as const),
    ...(rng.below(2) === 0 ? {} : { scale: oneOf(rng, [1, 32_768, -0.3, 1e-20]) }),
    frame,
    hop: 1 + rng.below(frame),
    points,
    window: window === "table" ? Float32Array.from({ length: frame }, () => rng.next()) : window,
    edges: oneOf(rng, ["none", "reflect", "zeros"] as const),
    removesMean: rng.below(2) === 0,
    ...(rng.below(2) === 0 ? {} : { preEmphasis: rng.next() }),
  };
}

function titleOf({ window, ...request }: SpectrumRequest): string {
  return JSON.stringify({ ...request, window: typeof window === "string" ? window : "table" });
}

function samplesOf(rng: Rng, plan: SpectrumPlan): Guarded<SpectrumSamples> {
  const isClean = rng.below(3) > 0;
  const values = Array.from({ length: plan.samples }, () => {
    if (plan.samplesArray === "Int16Array") return rng.below(65_536) - 32_768;
    return isClean ? rng.next() * 2 - 1 : scoreOf(rng);
  });
  return plan.samplesArray === "Int16Array" ? holding(Int16Array, values) : holding(Float32Array, values);
}

function caseOf(
  plan: SpectrumPlan,
  { title, samples, op }: { title: string; samples: Guarded<SpectrumSamples>; op: "stft" | "logMel" },
): OpCase {
  return {
    title,
    inputs: [samples],
    run: (kernels: OpKernels) => {
      const out = guarded(Float32Array, plan.frames * plan.width);
      const words = holding(Int32Array, plan.words);
      const { buffer, byteOffset, length } = words.view;
      const floats = new Float32Array(buffer, byteOffset, length);
      const own = { ...plan, words: words.view, floats, fourier: { ...plan.fourier, floats } };
      kernels[op](own, samples.view, out.view);
      // The scratch memory is the implementation's own: its sentinels count, its content does not.
      return { outputs: [out, { view: out.view, isIntact: words.isIntact }] };
    },
  };
}
