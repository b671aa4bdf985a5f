// Owns the definition of the real transform: passes, then the halves taken apart. Knows no sound.
// Invariant: every arithmetic step is rounded to float32 in the order native/ops/fourier.h has, so that the bits agree.

import { fround } from "../float-bits.js";

/** A transform laid out in a block of floats: where its tables and its memory begin. */
export interface FourierLayout {
  readonly floats: Float32Array;
  readonly radices: readonly number[];
  readonly twiddles: number;
  readonly splits: number;
  /** `points` floats that are transformed. */
  readonly signal: number;
  /** 2 x `points` floats: real and imaginary parts, twice. */
  readonly halves: number;
  readonly points: number;
}

const C1 = fround(Math.cos((2 * Math.PI) / 5));
const C2 = fround(Math.cos((4 * Math.PI) / 5));
const S1 = fround(Math.sin((2 * Math.PI) / 5));
const S2 = fround(Math.sin((4 * Math.PI) / 5));
const HALF_ROOT = fround(Math.SQRT1_2);

// The legs of one butterfly. A store into them rounds to float32.
const re = new Float32Array(8);
const im = new Float32Array(8);
const BUTTERFLIES: Readonly<Record<number, () => void>> = { 2: two, 4: () => four(0, 1), 5: five, 8: eight };

/** Where the real parts are, where the imaginary ones, and how far from one to the next. */
interface Halves {
  readonly re: number;
  readonly im: number;
  readonly step: number;
}

/** Transforms the signal; answers where the real parts lie, the imaginary ones `points / 2` floats behind them. */
export function transform(layout: FourierLayout): number {
  const { floats, radices, signal, halves, points } = layout;
  const length = points / 2;
  let twiddles = layout.twiddles;
  // Even samples are real parts and odd ones imaginary.
  let from: Halves = { re: signal, im: signal + 1, step: 2 };
  let to: Halves = { re: halves, im: halves + length, step: 1 };
  let other: Halves = { re: halves + points, im: halves + points + length, step: 1 };
  let stride = 1;
  for (const radix of radices) {
    const positions = length / stride / radix;
    pass(floats, { radix, positions, stride, twiddles, from, to });
    if (positions > 1) twiddles += 2 * (radix - 1) * positions;
    stride *= radix;
    [from, to, other] = [to, other, to];
  }
  return from.re;
}

function pass(
  floats: Float32Array,
  given: { radix: number; positions: number; stride: number; twiddles: number; from: Halves; to: Halves },
): void {
  const { radix, positions, stride, twiddles, from, to } = given;
  const butterfly = BUTTERFLIES[radix]!;
  const imaginary = (radix - 1) * positions;
  for (let position = 0; position < positions; position++) {
    for (let lane = 0; lane < stride; lane++) {
      for (let leg = 0; leg < radix; leg++) {
        const at = (lane + stride * (position + positions * leg)) * from.step;
        re[leg] = floats[from.re + at]!;
        im[leg] = floats[from.im + at]!;
      }
      butterfly();
      for (let leg = 0; leg < radix; leg++) {
        const at = lane + stride * (radix * position + leg);
        let [real, imag] = [re[leg]!, im[leg]!];
        if (leg > 0 && positions > 1) {
          const root = twiddles + (leg - 1) * positions + position;
          const [cos, sin] = [floats[root]!, floats[root + imaginary]!];
          const turned = fround(fround(real * cos) - fround(imag * sin));
          imag = fround(fround(real * sin) + fround(imag * cos));
          real = turned;
        }
        floats[to.re + at] = real;
        floats[to.im + at] = imag;
      }
    }
  }
}

function two(): void {
  const [a, b] = [re[0]!, im[0]!];
  re[0] = a + re[1]!;
  im[0] = b + im[1]!;
  re[1] = a - re[1]!;
  im[1] = b - im[1]!;
}

/** A transform of four legs, from `first` on and `step` apart, in place. */
function four(first: number, step: number): void {
  const [i, j, k, l] = [first, first + step, first + 2 * step, first + 3 * step];
  const sumRe = fround(re[i]! + re[k]!);
  const sumIm = fround(im[i]! + im[k]!);
  const gapRe = fround(re[i]! - re[k]!);
  const gapIm = fround(im[i]! - im[k]!);
  const oddRe = fround(re[j]! + re[l]!);
  const oddIm = fround(im[j]! + im[l]!);
  const turnRe = fround(re[j]! - re[l]!);
  const turnIm = fround(im[j]! - im[l]!);
  re[i] = sumRe + oddRe;
  im[i] = sumIm + oddIm;
  re[j] = gapRe + turnIm;
  im[j] = gapIm - turnRe;
  re[k] = sumRe - oddRe;
  im[k] = sumIm - oddIm;
  re[l] = gapRe - turnIm;
  im[l] = gapIm + turnRe;
}

/** Two transforms of four: of the sums of opposite legs, and of their differences turned by eighths. */
function eight(): void {
  for (let leg = 0; leg < 4; leg++) {
    const [a, b] = [re[leg]!, im[leg]!];
    const [c, d] = [re[leg + 4]!, im[leg + 4]!];
    re[leg] = a + c;
    im[leg] = b + d;
    re[leg + 4] = a - c;
    im[leg + 4] = b - d;
  }
  const sum = fround(re[5]! + im[5]!);
  const gap = fround(im[5]! - re[5]!);
  re[5] = HALF_ROOT * sum;
  im[5] = HALF_ROOT * gap;
  const turned = re[6]!;
  re[6] = im[6]!;
  im[6] = -turned;
  const sum3 = fround(re[7]! + im[7]!);
  const gap3 = fround(im[7]! - re[7]!);
  re[7] = HALF_ROOT * gap3;
  im[7] = -fround(HALF_ROOT * sum3);
  four(0, 1);
  four(4, 1);
  // Legs lie even, then odd: 0 2 4 6 1 3 5 7.
  reorder(re);
  reorder(im);
}

function reorder(legs: Float32Array): void {
  const [second, third, fourth] = [legs[1]!, legs[2]!, legs[3]!];
  const [fifth, sixth, seventh] = [legs[4]!, legs[5]!, legs[6]!];
  legs[1] = fifth;
  legs[2] = second;
  legs[3] = sixth;
  legs[4] = third;
  legs[5] = seventh;
  legs[6] = fourth;
}

function five(): void {
  const sum14Re = fround(re[1]! + re[4]!);
  const sum14Im = fround(im[1]! + im[4]!);
  const sum23Re = fround(re[2]! + re[3]!);
  const sum23Im = fround(im[2]! + im[3]!);
  const gap14Re = fround(re[1]! - re[4]!);
  const gap14Im = fround(im[1]! - im[4]!);
  const gap23Re = fround(re[2]! - re[3]!);
  const gap23Im = fround(im[2]! - im[3]!);
  const nearRe = fround(re[0]! + fround(fround(C1 * sum14Re) + fround(C2 * sum23Re)));
  const nearIm = fround(im[0]! + fround(fround(C1 * sum14Im) + fround(C2 * sum23Im)));
  const farRe = fround(re[0]! + fround(fround(C2 * sum14Re) + fround(C1 * sum23Re)));
  const farIm = fround(im[0]! + fround(fround(C2 * sum14Im) + fround(C1 * sum23Im)));
  const swingRe = fround(fround(S1 * gap14Re) + fround(S2 * gap23Re));
  const swingIm = fround(fround(S1 * gap14Im) + fround(S2 * gap23Im));
  const swayRe = fround(fround(S2 * gap14Re) - fround(S1 * gap23Re));
  const swayIm = fround(fround(S2 * gap14Im) - fround(S1 * gap23Im));
  re[0] = re[0]! + fround(sum14Re + sum23Re);
  im[0] = im[0]! + fround(sum14Im + sum23Im);
  re[1] = nearRe + swingIm;
  im[1] = nearIm - swingRe;
  re[2] = farRe + swayIm;
  im[2] = farIm - swayRe;
  re[3] = farRe - swayIm;
  im[3] = farIm + swayRe;
  re[4] = nearRe - swingIm;
  im[4] = nearIm + swingRe;
}

/** Writes the power, or the magnitude, of `points / 2 + 1` bins from `at` on, out of halves at `real`. */
export function takeApart(
  { floats, splits, points }: FourierLayout,
  given: {
    readonly real: number;
    readonly isPower: boolean;
    readonly out: Float32Array;
    readonly at: number;
  },
): void {
  const { real, isPower, out, at } = given;
  const length = points / 2;
  const imag = real + length;
  const sizeOf = (power: number): number => (isPower ? power : fround(Math.sqrt(power)));
  const sum = fround(floats[real]! + floats[imag]!);
  const gap = fround(floats[real]! - floats[imag]!);
  out[at] = sizeOf(fround(sum * sum));
  out[at + length] = sizeOf(fround(gap * gap));
  for (let k = 1; k < length; k++) {
    const [zr, zi] = [floats[real + k]!, floats[imag + k]!];
    const [yr, yi] = [floats[real + length - k]!, floats[imag + length - k]!];
    // Twice the transforms of the even samples and of the odd ones.
    const [evenRe, evenIm] = [fround(zr + yr), fround(zi - yi)];
    const [oddRe, oddIm] = [fround(zi + yi), fround(yr - zr)];
    const [cos, sin] = [floats[splits + k]!, floats[splits + length + k]!];
    const x = fround(evenRe + fround(fround(oddRe * cos) - fround(oddIm * sin)));
    const y = fround(evenIm + fround(fround(oddRe * sin) + fround(oddIm * cos)));
    out[at + k] = sizeOf(fround(0.25 * fround(fround(x * x) + fround(y * y))));
  }
}
