// Owns the checks of what a caller gives a session. Knows no slot and no lane.
// Invariant: what passes has the model's names, types, shapes and, for floats, finite elements.

import { RedlineError } from "../core/errors.js";
import {
  carries,
  elementCount,
  fitsShape,
  isStaticShape,
  type Tensor,
  type TensorData,
  type TensorSpec,
} from "../core/tensor.js";
import type { RunInputs } from "./session.js";

/** One input as given, with its concrete shape. */
export interface CheckedInput {
  readonly spec: TensorSpec;
  readonly data: TensorData;
  readonly shape: readonly number[];
}

/** Answers whether a float view holds NaN or infinity. */
export type NonFiniteScan = (view: Float32Array | Uint16Array) => boolean;

/**
 * Checks every input against the model's specs.
 * @throws RedlineError INPUT_UNKNOWN, INPUT_MISSING, INPUT_DTYPE, INPUT_SHAPE or INPUT_NON_FINITE.
 */
export function checkInputs(
  specs: readonly TensorSpec[],
  inputs: RunInputs,
  hasNonFinite: NonFiniteScan,
): CheckedInput[] {
  for (const name in inputs) findSpec(specs, name);
  return specs.map((spec) => {
    const given = inputs[spec.name];
    if (given === undefined) {
      const expected = specs.map(({ name }) => name).join(", ");
      throw new RedlineError("INPUT_MISSING", {
        what: `input ${describeSpec(spec)}`,
        expected,
        received: Object.keys(inputs).join(", ") || "nothing",
      });
    }
    const checked = checkTensor(spec, given);
    checkFinite(checked, hasNonFinite);
    return checked;
  });
}

/**
 * The spec of the input of that name.
 * @throws RedlineError INPUT_UNKNOWN listing the names there are.
 */
export function findSpec(specs: readonly TensorSpec[], name: string): TensorSpec {
  const spec = specs.find((candidate) => candidate.name === name);
  if (spec) return spec;
  throw new RedlineError("INPUT_UNKNOWN", {
    what: `input ${name}`,
    expected: specs.map((candidate) => candidate.name).join(", "),
    received: name,
  });
}

/**
 * Refuses a shape the model does not take.
 * @throws RedlineError INPUT_SHAPE.
 */
export function checkShape(spec: TensorSpec, shape: readonly number[]): void {
  if (!fitsShape(spec, shape)) refuseShape(spec, `[${shape.join(", ")}]`);
}

/**
 * Refuses a frame number that is none; a frame without a number is counted by the session.
 * @throws RedlineError INPUT_FRAME.
 */
export function checkFrame(frame: number | undefined): void {
  if (frame === undefined || (Number.isSafeInteger(frame) && frame >= 0)) return;
  throw new RedlineError("INPUT_FRAME", {
    what: "frame",
    expected: "a whole number from 0",
    received: String(frame),
  });
}

/** Refuses NaN and infinity in a float input. */
export function checkFinite({ spec, data }: Pick<CheckedInput, "spec" | "data">, scan: NonFiniteScan): void {
  const isFloat = spec.dtype === "float32" || spec.dtype === "float16";
  if (!isFloat || !scan(data as Float32Array | Uint16Array)) return;
  throw new RedlineError("INPUT_NON_FINITE", {
    what: `input ${describeSpec(spec)}`,
    expected: "finite elements",
    received: firstNonFinite(data),
    hint: "check the sensor or the preprocessing that made this input",
  });
}

/** A portable scan, used where the addon's vectorised one is not loaded. */
export function scanNonFinite(view: Float32Array | Uint16Array): boolean {
  if (view instanceof Float32Array) {
    // The sum is NaN or infinite exactly when a product with zero is NaN: one branch for the whole array.
    let poison = 0;
    for (let index = 0; index < view.length; index += 1) poison += view[index]! * 0;
    return poison !== 0;
  }
  // Half floats carry all exponent bits set for NaN and infinity.
  return view.some((bits) => (bits & 0x7c00) === 0x7c00);
}

function checkTensor(spec: TensorSpec, given: TensorData | Tensor): CheckedInput {
  const isBare = Array.isArray(given) || ArrayBuffer.isView(given);
  const data = isBare ? given : given.data;
  if (!carries(spec.dtype, data)) {
    throw new RedlineError("INPUT_DTYPE", {
      what: `input ${spec.name}`,
      expected: `${spec.dtype} in ${carrierOf(spec)}`,
      received: describeValue(data),
    });
  }
  const shape = isBare ? bareShape(spec, data) : given.shape;
  checkShape(spec, shape);
  if (elementCount(shape) !== data.length) {
    refuseShape(spec, `[${shape.join(", ")}] with ${data.length} elements`);
  }
  return { spec, data, shape };
}

/** Bare elements take the model's shape, which must then be known, except for a single free dimension. */
function bareShape(spec: TensorSpec, data: TensorData): readonly number[] {
  if (isStaticShape(spec.shape)) {
    if (elementCount(spec.shape) !== data.length) refuseShape(spec, `${data.length} elements`);
    return spec.shape;
  }
  const known = elementCount(spec.shape.filter((dimension) => typeof dimension === "number"));
  const free = spec.shape.filter((dimension) => typeof dimension === "string").length;
  if (free !== 1 || data.length % known !== 0) {
    refuseShape(spec, `${data.length} elements without a shape; give { data, shape }`);
  }
  return spec.shape.map((dimension) => (typeof dimension === "number" ? dimension : data.length / known));
}

function refuseShape(spec: TensorSpec, received: string): never {
  throw new RedlineError("INPUT_SHAPE", {
    what: `input ${spec.name}`,
    expected: `[${spec.shape.join(", ")}]`,
    received,
  });
}

function describeSpec(spec: TensorSpec): string {
  return `${spec.name} (${spec.dtype}[${spec.shape.join(", ")}])`;
}

function describeValue(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  return typeof value === "object" ? (value.constructor?.name ?? "object") : typeof value;
}

function carrierOf(spec: TensorSpec): string {
  const carriers: Record<TensorSpec["dtype"], string> = {
    float32: "a Float32Array",
    float16: "a Uint16Array of bits",
    int8: "an Int8Array",
    uint8: "a Uint8Array",
    int32: "an Int32Array",
    int64: "a BigInt64Array",
    bool: "a Uint8Array of 0 and 1",
    string: "an array of strings",
  };
  return carriers[spec.dtype];
}

function firstNonFinite(data: TensorData): string {
  const position = Array.prototype.findIndex.call(data, (element) => !Number.isFinite(Number(element)));
  return position < 0 ? "NaN or infinity" : `${String(data[position])} at element ${position}`;
}
