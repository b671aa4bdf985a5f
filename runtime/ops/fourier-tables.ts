// Owns the numbers of a real transform: the radices of its passes and their roots of unity. Knows no sound and no kernel.
// Invariant: each number is float32, rounded once from the float64 value; native/ops/fourier.h reads the same layout.

import { refusal } from "./op-argument.js";

/** A real transform of `points` as a complex one of half the length, in passes of these radices. */
export interface FourierTables {
  readonly radices: readonly number[];
  /**
   * For each pass but the last, radix r over m = rest / r: real parts [r - 1, m], then imaginary parts, of the root
   * e^(-2 pi i k p / rest) that leg k of position p is multiplied by.
   */
  readonly twiddles: Float32Array;
  /** Real parts [points / 2], then imaginary parts, of e^(-2 pi i k / points): they take the two halves apart. */
  readonly splits: Float32Array;
}

/** The first pass is one of eight, so that every later one moves whole vectors; the last 2 or 4 of a power of two. */
const FIRST = 8;
const RADICES = [5, 8, 4, 2] as const;

/** Shortest and longest transform. Float32 keeps its stated bound to the longest; the scratch memory stays small. */
export const POINTS = { min: 16, max: 8192 } as const;

/**
 * Tables for a transform of `points` real numbers: 16 times powers of two and five, which holds every power of two from
 * 16 on and the 400 of Whisper (8 x 5 x 5 complex).
 *
 * @throws RedlineError `OP_ARGUMENT` naming `what`.
 */
export function fourierTables(what: string, points: number): FourierTables {
  const radices = radicesOf(points / 2);
  if (radices === undefined || points > POINTS.max)
    throw refusal(what, `16 times powers of 2 and 5, at most ${POINTS.max}`, points);
  const twiddles: number[] = [];
  let rest = points / 2;
  for (const radix of radices.slice(0, -1)) {
    const roots = Array.from({ length: (radix - 1) * (rest / radix) }, (_, at) => {
      const [leg, position] = [1 + Math.floor(at / (rest / radix)), at % (rest / radix)];
      return { turns: leg * position, of: rest };
    });
    twiddles.push(...roots.map(cosine), ...roots.map(sine));
    rest /= radix;
  }
  const splits = Array.from({ length: points / 2 }, (_, turns) => ({ turns, of: points }));
  return {
    radices,
    twiddles: Float32Array.from(twiddles),
    splits: Float32Array.from([...splits.map(cosine), ...splits.map(sine)]),
  };
}

function radicesOf(length: number): readonly number[] | undefined {
  if (!Number.isInteger(length / FIRST) || length < FIRST) return undefined;
  const radices = [FIRST];
  let rest = length / FIRST;
  for (const radix of RADICES) {
    for (; rest % radix === 0; rest /= radix) radices.push(radix);
  }
  return rest === 1 ? radices : undefined;
}

interface Root {
  readonly turns: number;
  readonly of: number;
}

function cosine({ turns, of }: Root): number {
  return Math.cos((2 * Math.PI * turns) / of);
}

function sine({ turns, of }: Root): number {
  return -Math.sin((2 * Math.PI * turns) / of);
}
