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
import type { Trial } from "./protocol.js";

/** More than any source takes; a mutant that declares more is opened and not run. */
const MOST_ELEMENTS = 4_194_304;

/** What a symbol stands for where nothing is stated: the same for all, so that sums of symbols agree. */
const OPEN_SIZE = 3;

/** Inputs for every spec, or null when they would be too large to be worth making. */
export function seededInputs(
  specs: readonly TensorSpec[],
  { inputSeed, shapes }: Pick<Trial, "inputSeed" | "shapes">,
): Record<string, Tensor> | null {
  const rng = seededRng(inputSeed);
  const inputs: Record<string, Tensor> = {};
  for (const { name, dtype, shape } of specs) {
    const stated = shapes[name];
    const concrete = shape.map((size, index) =>
      typeof size === "number" ? size : (stated?.[index] ?? OPEN_SIZE),
    );
    const count = elementCount(concrete);
    if (!(count <= MOST_ELEMENTS)) return null;
    inputs[name] = { data: elements({ name, dtype, count }, rng), shape: concrete };
  }
  return inputs;
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
