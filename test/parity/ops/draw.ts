// Owns what the cases of every op are drawn from: sizes around the lanes' widths, numbers of all sizes, and what a case is.
// Knows no op. Invariant: the same seed draws the same.

import type { Rng } from "../../../runtime/core/rng.js";
import type { OpKernels } from "../../../runtime/ops/kernels.js";
import type { Guarded, OpView } from "./guarded.js";

/** One case: what it is in words, the views it reads, and a run into views of its own. */
export interface OpCase {
  readonly title: string;
  readonly inputs: readonly Guarded<OpView>[];
  /** Runs the op once; answers what was written, and what the op answered. */
  run(kernels: OpKernels): { readonly outputs: readonly Guarded<OpView>[]; readonly answer?: number };
}

/** Around 4, 8 and 16 lanes, and a few of no meaning. */
const SIZES = [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 23, 31, 32, 33, 47, 64, 65];

/** A length around the lanes' widths. */
export function sizeOf(rng: Rng): number {
  return SIZES[rng.below(SIZES.length)]!;
}

/** One of these. */
export function oneOf<Value>(rng: Rng, values: readonly Value[]): Value {
  return values[rng.below(values.length)]!;
}

/** Scores of all sizes, with now and then one that is no number. */
export function scoreOf(rng: Rng): number {
  if (rng.below(40) === 0)
    return oneOf(rng, [
      Number.NaN,
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
      0,
      -0,
      1e-45,
      -1e-40,
      3e38,
      -3e38,
    ]);
  return (rng.next() - 0.5) * 10 ** (rng.below(8) - 5);
}
