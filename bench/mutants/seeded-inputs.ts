// Owns the inputs a mutant is run on: of the shapes its session declares, filled from a seed. Knows no runtime.
// Invariant: the same specs and seed give the same inputs, in the host and in the reference.

import { type Rng, seededRng } from "../../runtime/core/rng.js";
import {
  type Dtype,
  elementCount,
  type Tensor,
  type TensorData,
  type TensorSpec,
  viewOf,
} from "../../runtime/core/tensor.js";

/** More than any source takes; a mutant that declares more is opened and not run. */
const MOST_ELEMENTS = 4_194_304;

/** Inputs for every spec, or null when they would be too large to be worth making. */
export function seededInputs(specs: readonly TensorSpec[], seed: number): Record<string, Tensor> | null {
  const rng = seededRng(seed);
  const sizes = new Map<string, number>();
  const inputs: Record<string, Tensor> = {};
  for (const { name, dtype, shape } of specs) {
    const concrete = shape.map((size) => (typeof size === "number" ? size : sizeOf(size, sizes)));
    const count = elementCount(concrete);
    if (!(count <= MOST_ELEMENTS)) return null;
    inputs[name] = { data: elements({ name, dtype, count }, rng), shape: concrete };
  }
  return inputs;
}

/** One size for one symbol: 3 for all of them, so that sums of symbols agree as often as they can. */
function sizeOf(symbol: string, sizes: Map<string, number>): number {
  const size = sizes.get(symbol) ?? 3;
  sizes.set(symbol, size);
  return size;
}

function elements(of: { name: string; dtype: Dtype; count: number }, rng: Rng): TensorData {
  const { name, dtype, count } = of;
  if (dtype === "string") return Array.from({ length: count }, () => String(rng.below(10)));
  const data = viewOf(dtype, new ArrayBuffer(count * 8), { byteOffset: 0, length: count });
  for (let index = 0; index < count; index++) {
    if (data instanceof BigInt64Array) data[index] = name === "sr" ? 16_000n : BigInt(rng.below(3));
    else if (dtype === "float32") data[index] = rng.next() * 2 - 1;
    // A small positive half-precision number: an exponent of 2^-2 to 2^1 and a random mantissa.
    else if (dtype === "float16") data[index] = 0x3400 + rng.below(0x0c00);
    else data[index] = rng.below(dtype === "bool" ? 2 : 4);
  }
  return data;
}
