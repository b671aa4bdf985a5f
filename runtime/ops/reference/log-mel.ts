// Owns the log-mel op's definition. Knows no other implementation.
// Invariant: every arithmetic step is rounded to float32 in the order native/ops/log_mel.h has, so that the bits agree.

import { fround } from "../float-bits.js";
import { SPECTRUM_HEAD as HEAD, type SpectrumPlan, scratchOf } from "../spectrum-plan.js";
import { takeApart, transform } from "./fourier.js";
import { naturalLog } from "./logarithm.js";
import { addLanes, prepareFrame, type SpectrumSamples } from "./stft.js";

/** Writes every band of every frame once. Both views have been checked. */
export function logMel(plan: SpectrumPlan, samples: SpectrumSamples, out: Float32Array): void {
  const { words, floats, frames, width } = plan;
  const { bins } = scratchOf({
    scratch: words[HEAD.scratch]!,
    points: words[HEAD.points]!,
    bands: width,
  });
  const isPower = words[HEAD.isPower] === 1;
  const [floor, factor] = [floats[HEAD.floor]!, floats[HEAD.logFactor]!];
  const isBandsFirst = words[HEAD.isBandsFirst] === 1;
  for (let frame = 0; frame < frames; frame++) {
    prepareFrame(plan, samples, frame);
    takeApart(plan.fourier, { real: transform(plan.fourier), isPower, out: floats, at: bins });
    for (let band = 0; band < width; band++) {
      const sum = bandOf(plan, band, bins);
      // Written so that NaN stays NaN.
      const value = fround(naturalLog(floor > sum ? floor : sum) * factor);
      out[isBandsFirst ? band * frames + frame : frame * width + band] = value;
    }
  }
  finish(plan, out);
}

function bandOf({ words, floats }: SpectrumPlan, band: number, bins: number): number {
  const row = words[HEAD.bandRows]! + 3 * band;
  const first = bins + words[row]!;
  const taps = words[row + 1]!;
  const weights = words[HEAD.bandWeights]! + words[row + 2]!;
  let [a, b, c, d, e, f, g, h] = [0, 0, 0, 0, 0, 0, 0, 0];
  for (let tap = 0; tap < taps; tap += 8) {
    const [at, by] = [first + tap, weights + tap];
    a = fround(a + fround(floats[at]! * floats[by]!));
    b = fround(b + fround(floats[at + 1]! * floats[by + 1]!));
    c = fround(c + fround(floats[at + 2]! * floats[by + 2]!));
    d = fround(d + fround(floats[at + 3]! * floats[by + 3]!));
    e = fround(e + fround(floats[at + 4]! * floats[by + 4]!));
    f = fround(f + fround(floats[at + 5]! * floats[by + 5]!));
    g = fround(g + fround(floats[at + 6]! * floats[by + 6]!));
    h = fround(h + fround(floats[at + 7]! * floats[by + 7]!));
  }
  return addLanes(fround(a + e), fround(b + f), fround(c + g), fround(d + h));
}

/** Raises every value to the range below the largest, then gain and bias. */
function finish({ floats, frames, width }: SpectrumPlan, out: Float32Array): void {
  const [range, gain, bias] = [floats[HEAD.range]!, floats[HEAD.gain]!, floats[HEAD.bias]!];
  let largest = Number.NEGATIVE_INFINITY;
  if (range > 0) {
    for (let at = 0; at < frames * width; at++) if (out[at]! > largest) largest = out[at]!;
  }
  const least = fround(largest - range);
  for (let at = 0; at < frames * width; at++) {
    const value = least > out[at]! ? least : out[at]!;
    out[at] = fround(fround(value * gain) + bias);
  }
}
