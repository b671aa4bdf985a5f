// Owns golden vectors: inputs and the outputs they must give, as a manifest's `golden` file states them.
// Knows no process and no disk. Invariant: an output that is compared is compared within its own tolerance, and NaN never passes.

import { RedlineError } from "../core/errors.js";
import { halfToNumber, numberToHalf } from "../core/half.js";
import {
  elementCount,
  isStaticShape,
  type Tensor,
  type TensorData,
  type TensorSpec,
} from "../core/tensor.js";
import type { TrialInput, TrialOutputs } from "./trial.js";

/** How one input is filled: element i is 0, `0.5 + 0.5 sin(i step)`, or given. */
interface GoldenInput {
  readonly fill?: "zero" | "sine" | undefined;
  readonly step?: number | undefined;
  readonly values?: readonly number[] | undefined;
  /** For inputs whose shape neither graph nor manifest fixes. */
  readonly shape?: readonly number[] | undefined;
}

interface GoldenOutput {
  /** Row-major indices of the elements that are compared. */
  readonly at: readonly number[];
  readonly values: readonly number[];
  readonly tolerance: number;
  /** Whether every element of the output must be finite, compared or not. */
  readonly finite?: boolean | undefined;
}

export interface GoldenCase {
  readonly variant: string;
  readonly inputs: Readonly<Record<string, GoldenInput>>;
  readonly outputs: Readonly<Record<string, GoldenOutput>>;
}

/**
 * The inputs of a case, in the order of the graph's.
 *
 * @throws RedlineError `MANIFEST_INVALID` when the case has no such input, or too few or many values for it
 */
export function goldenInputs(one: GoldenCase, specs: readonly TensorSpec[]): TrialInput[] {
  return specs.map((spec) => {
    const golden = one.inputs[spec.name];
    const shape = golden?.shape ?? spec.shape;
    if (golden === undefined || !isStaticShape(shape) || spec.dtype === "string") {
      throw invalidGolden(`golden input ${spec.name}`, `numbers for [${spec.shape.join(", ")}]`, "none");
    }
    const count = elementCount(shape);
    const { values, fill, step = Number.NaN } = golden;
    if (values !== undefined && values.length !== count) {
      throw invalidGolden(`golden input ${spec.name}`, `${count} values`, String(values.length));
    }
    const valueAt = (index: number): number => {
      if (values !== undefined) return values[index] as number;
      return fill === "sine" ? 0.5 + 0.5 * Math.sin(index * step) : 0;
    };
    return { dtype: spec.dtype, shape, data: filled(spec.dtype, { count, valueAt }) };
  });
}

/**
 * Holds the outputs against the case.
 *
 * @throws RedlineError `MODEL_GOLDEN` naming output, expected and received
 */
export function checkGolden(
  one: GoldenCase,
  given: { readonly outputs: TrialOutputs; readonly label: string },
): void {
  for (const [name, golden] of Object.entries(one.outputs)) {
    const output = given.outputs[name];
    if (output === undefined) throw broken(`${given.label}, output ${name}`, "such an output", "none");
    const { at, values, tolerance, finite } = golden;
    for (const [position, index] of at.entries()) {
      const expected = values[position] ?? Number.NaN;
      const received = elementOf(output, index);
      if (Math.abs(received - expected) <= tolerance) continue;
      throw broken(
        `${given.label}, output ${name}[${index}]`,
        `${expected} within ${tolerance}`,
        String(received),
      );
    }
    if (finite !== true) continue;
    const count = output.data.length;
    for (let index = 0; index < count; index += 1) {
      const received = elementOf(output, index);
      if (!Number.isFinite(received))
        throw broken(`${given.label}, output ${name}[${index}]`, "a finite number", String(received));
    }
  }
}

/** Zeros for every input; undefined when a shape is open or an input is of strings. */
export function zeroInputs(specs: readonly TensorSpec[]): TrialInput[] | undefined {
  const inputs: TrialInput[] = [];
  for (const { dtype, shape } of specs) {
    if (dtype === "string" || !isStaticShape(shape)) return undefined;
    inputs.push({ dtype, shape, data: filled(dtype, { count: elementCount(shape), valueAt: () => 0 }) });
  }
  return inputs;
}

function filled(
  dtype: TrialInput["dtype"],
  { count, valueAt }: { count: number; valueAt: (index: number) => number },
): TensorData {
  const of = { length: count };
  switch (dtype) {
    case "float16":
      return Uint16Array.from(of, (_, index) => numberToHalf(valueAt(index)));
    case "int8":
      return Int8Array.from(of, (_, index) => valueAt(index));
    case "uint8":
    case "bool":
      return Uint8Array.from(of, (_, index) => valueAt(index));
    case "int32":
      return Int32Array.from(of, (_, index) => valueAt(index));
    case "int64":
      return BigInt64Array.from(of, (_, index) => BigInt(Math.trunc(valueAt(index))));
    default:
      return Float32Array.from(of, (_, index) => valueAt(index));
  }
}

function elementOf({ data }: Tensor, index: number): number {
  const element = data[index];
  if (data instanceof Uint16Array && element !== undefined) return halfToNumber(Number(element));
  return element === undefined ? Number.NaN : Number(element);
}

function broken(what: string, expected: string, received: string): RedlineError {
  return new RedlineError("MODEL_GOLDEN", {
    what,
    expected,
    received,
    hint: "the file is not the model its manifest describes, or this machine computes it wrongly",
  });
}

/** The error of a golden file that cannot be used. */
export function invalidGolden(what: string, expected: string, received: string): RedlineError {
  return new RedlineError("MANIFEST_INVALID", {
    what,
    expected,
    received,
    hint: "mend the model's golden file",
  });
}
