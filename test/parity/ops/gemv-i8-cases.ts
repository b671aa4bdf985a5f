// Owns seeded random cases of the int8 product and its definition. Knows no implementation and no test runner.
// Invariant: the same seed makes the same case.

import type { Kernels } from "#kernels";
import { type Rng, seededRng } from "../../../runtime/core/rng.js";

/** Around the 16 columns and the 4 rows that run together. */
const COLUMNS = [0, 1, 2, 15, 16, 17, 31, 32, 33, 48, 100, 256];
const ROWS = [0, 1, 2, 3, 4, 5, 7, 8, 9, 16];

interface Product {
  readonly weights: Int8Array;
  readonly activations: Uint8Array;
  readonly scales: Float32Array;
  readonly biases: Float32Array;
  readonly isRectified: 0 | 1;
}

function productOf(rng: Rng): Product {
  const columns = COLUMNS[rng.below(COLUMNS.length)]!;
  const rows = ROWS[rng.below(ROWS.length)]!;
  // The ends of both ranges more often than the middle: there a sum of two products leaves 16 bits.
  const isExtreme = rng.below(3) === 0;
  const floats = () =>
    Float32Array.from({ length: rows }, () => (rng.next() - 0.5) * 10 ** (rng.below(5) - 3));
  return {
    weights: Int8Array.from({ length: rows * columns }, () =>
      isExtreme ? [-128, 127][rng.below(2)]! : rng.below(256) - 128,
    ),
    activations: Uint8Array.from({ length: columns }, () => (isExtreme ? 127 : rng.below(128))),
    scales: floats(),
    biases: floats(),
    isRectified: rng.below(2) === 0 ? 0 : 1,
  };
}

/** `sum * scale + bias` of each row, each step rounded to float32, the sum exact. */
function definitionOf({ weights, activations, scales, biases, isRectified }: Product): Float32Array {
  return Float32Array.from(scales, (scale, row) => {
    let sum = 0;
    for (const [column, activation] of activations.entries())
      sum += weights[row * activations.length + column]! * activation;
    const value = Math.fround(Math.fround(Math.fround(sum) * scale) + biases[row]!);
    return isRectified === 1 ? (value > 0 ? value : 0) : value;
  });
}

function computed(kernels: Kernels, given: Product): Float32Array {
  const { weights, activations, scales, biases, isRectified } = given;
  const memory = kernels.memory.buffer;
  let end = kernels.heap_start();
  const [w, a, s, b, o] = [weights, activations, scales, biases, scales].map((view) => {
    const at = end;
    // One element more than nothing: an op's memory need not begin at a vector's width.
    end = Math.ceil((at + view.byteLength + 20) / 4) * 4;
    new Uint8Array(memory).set(new Uint8Array(view.buffer), at);
    return at;
  }) as [number, number, number, number, number];
  kernels.gemv_i8(w, a, s, b, o, scales.length, activations.length, isRectified);
  return new Float32Array(memory, o, scales.length).slice();
}

/** Whether kernels compute a case otherwise than its definition, in any bit. */
export function differsAt(kernels: Kernels, seed: number): boolean {
  const product = productOf(seededRng(seed));
  const [found, wanted] = [computed(kernels, product), definitionOf(product)];
  return !new Int32Array(wanted.buffer).every((bits, at) => bits === new Int32Array(found.buffer)[at]);
}
