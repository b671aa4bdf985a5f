// Owns the stft op's definition, and the frames that log-mel shares with it. Knows no other implementation.
// Invariant: every arithmetic step is rounded to float32 in the order native/ops/stft.h has, so that the bits agree.

import { fround } from "../float-bits.js";
import { SPECTRUM_HEAD as HEAD, type SpectrumPlan, scratchOf } from "../spectrum-plan.js";
import { takeApart, transform } from "./fourier.js";

/** What a spectrum is made of. */
export type SpectrumSamples = Float32Array | Int16Array;

/** Writes every bin once. Both views have been checked. */
export function stft(plan: SpectrumPlan, samples: SpectrumSamples, out: Float32Array): void {
  const isPower = plan.words[HEAD.isPower] === 1;
  for (let frame = 0; frame < plan.frames; frame++) {
    prepareFrame(plan, samples, frame);
    const real = transform(plan.fourier);
    takeApart(plan.fourier, { real, isPower, out, at: frame * plan.width });
  }
}

/** Fills the signal that is transformed: scaled, levelled, emphasised, windowed. */
export function prepareFrame(plan: SpectrumPlan, samples: SpectrumSamples, frame: number): void {
  const { words, floats } = plan;
  const scratch = scratchOf({
    scratch: words[HEAD.scratch]!,
    points: words[HEAD.points]!,
    bands: words[HEAD.bands]!,
  });
  const count = words[HEAD.frame]!;
  const start = words[HEAD.start]! + frame * words[HEAD.hop]!;
  const scale = floats[HEAD.scale]!;
  const edges = words[HEAD.edges]!;
  for (let at = 0; at < count; at++)
    floats[scratch.frame + at] = scale * sampleAt(samples, start + at, edges);
  if (words[HEAD.removesMean] === 1) {
    const mean = fround(sumOf(floats, scratch.frame, count) / count);
    for (let at = 0; at < count; at++) floats[scratch.frame + at] = floats[scratch.frame + at]! - mean;
  }
  floats[scratch.frame - 1] = floats[scratch.frame]!;
  const preEmphasis = floats[HEAD.preEmphasis]!;
  const window = words[HEAD.window]!;
  for (let at = 0; at < count; at++) {
    const before = fround(preEmphasis * floats[scratch.frame + at - 1]!);
    floats[scratch.signal + at] = fround(floats[scratch.frame + at]! - before) * floats[window + at]!;
  }
}

/** Outside the samples: mirrored at the nearer end, or 0. */
function sampleAt(samples: SpectrumSamples, at: number, edges: number): number {
  const last = samples.length - 1;
  if (at >= 0 && at <= last) return samples[at]!;
  if (edges !== 1) return 0;
  return samples[at < 0 ? -at : 2 * last - at]!;
}

/** In eight lanes; behind the samples lie zeros. */
function sumOf(floats: Float32Array, from: number, count: number): number {
  let [a, b, c, d, e, f, g, h] = [0, 0, 0, 0, 0, 0, 0, 0];
  for (let at = from; at < from + count; at += 8) {
    a = fround(a + floats[at]!);
    b = fround(b + floats[at + 1]!);
    c = fround(c + floats[at + 2]!);
    d = fround(d + floats[at + 3]!);
    e = fround(e + floats[at + 4]!);
    f = fround(f + floats[at + 5]!);
    g = fround(g + floats[at + 6]!);
    h = fround(h + floats[at + 7]!);
  }
  return addLanes(fround(a + e), fround(b + f), fround(c + g), fround(d + h));
}

/** The sums of lanes four apart become one: ((0+4)+(2+6))+((1+5)+(3+7)). */
export function addLanes(first: number, second: number, third: number, fourth: number): number {
  return fround(fround(first + third) + fround(second + fourth));
}
