// Owns inputs of zeros, for runs whose time matters and whose answer does not. Knows no model.

import { elementCount } from "../../runtime/core/tensor.js";
import type { Session } from "../../runtime/index.js";

/** Float elements of a shape, an open dimension taken as one. */
export function zeros(shape: readonly (number | string)[]): Float32Array {
  return new Float32Array(elementCount(shape.map((size) => (typeof size === "number" ? size : 1))));
}

/** Zeros for every input of a session whose inputs are all float32. */
export function zeroInputs({ inputs }: Pick<Session, "inputs">): Record<string, Float32Array> {
  return Object.fromEntries(inputs.map(({ name, shape }) => [name, zeros(shape)]));
}
