// Owns Kaldi's mel front end as one writes it by hand in JavaScript: float64, tables made once, a radix-2 transform.
// Knows no op but the bank of bands. A peer for the op, not a definition of it.

import { MEL_VARIANTS } from "../../runtime/ops/log-mel-plan.js";
import { melTables } from "../../runtime/ops/mel-bands.js";

const { frame, points, scale, preEmphasis, mel } = MEL_VARIANTS.kaldi;

/** One frame's bands, into `out`. */
export function plainMel(): (samples: Float32Array, out: Float32Array) => void {
  const window = Float64Array.from(
    { length: frame },
    (_, at) => (0.5 - 0.5 * Math.cos((2 * Math.PI * at) / (frame - 1))) ** 0.85,
  );
  const cos = Float64Array.from({ length: points / 2 }, (_, k) => Math.cos((2 * Math.PI * k) / points));
  const sin = Float64Array.from({ length: points / 2 }, (_, k) => -Math.sin((2 * Math.PI * k) / points));
  const bits = Math.log2(points);
  const reversed = Uint32Array.from({ length: points }, (_, at) => {
    let place = 0;
    for (let bit = 0; bit < bits; bit++) if (at & (1 << bit)) place |= 1 << (bits - 1 - bit);
    return place;
  });
  const { rows, weights } = melTables(mel, points);
  const re = new Float64Array(points);
  const im = new Float64Array(points);
  const powers = new Float64Array(points / 2 + 9);
  return (samples, out) => {
    let mean = 0;
    for (let at = 0; at < frame; at++) mean += samples[at]! * scale;
    mean /= frame;
    re.fill(0);
    im.fill(0);
    let before = samples[0]! * scale - mean;
    for (let at = 0; at < frame; at++) {
      const sample = samples[at]! * scale - mean;
      re[reversed[at]!] = (sample - preEmphasis * before) * window[at]!;
      before = sample;
    }
    for (let half = 1; half < points; half *= 2) {
      const step = points / 2 / half;
      for (let start = 0; start < points; start += 2 * half) {
        for (let k = 0; k < half; k++) {
          const [a, b] = [start + k, start + k + half];
          const [c, s] = [cos[k * step]!, sin[k * step]!];
          const x = re[b]! * c - im[b]! * s;
          const y = re[b]! * s + im[b]! * c;
          re[b] = re[a]! - x;
          im[b] = im[a]! - y;
          re[a] = re[a]! + x;
          im[a] = im[a]! + y;
        }
      }
    }
    for (let bin = 0; bin <= points / 2; bin++) powers[bin] = re[bin]! ** 2 + im[bin]! ** 2;
    for (const [band, [first, taps, from]] of rows.entries()) {
      let sum = 0;
      for (let tap = 0; tap < taps; tap++) sum += powers[first + tap]! * weights[from + tap]!;
      out[band] = Math.log(Math.max(sum, 2 ** -23));
    }
  };
}
