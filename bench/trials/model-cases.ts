// Owns what a model is fed in a trial and what it must answer: its golden vectors, else zeros and its own first answer.
// Knows no runtime. Invariant: every subject is fed the same; an answer that was not looked at is never called right.

import { RedlineError } from "../../runtime/core/errors.js";
import { elementCount, type Tensor, type TensorSpec } from "../../runtime/core/tensor.js";
import type { ResolvedModel } from "../../runtime/store/store.js";
import { checkGolden, goldenInputs } from "../../runtime/vetting/golden.js";
import { readGolden } from "../../runtime/vetting/read-golden.js";

/** One set of inputs and the look at its outputs. */
export interface ModelCase {
  readonly inputs: Readonly<Record<string, Tensor>>;
  /** What is wrong with the outputs; undefined when nothing is. */
  check(outputs: Readonly<Record<string, Tensor>>): string | undefined;
}

/** The cases of a model, in turn for query after query, and what they are held against. */
export interface ModelCases {
  readonly cases: readonly ModelCase[];
  readonly answers: "golden" | "first run";
}

/** Answers of the same graph on the same inputs, run after run, differ by less. */
const AGREEMENT = 1e-4;
/** Outputs are compared at this many places. */
const PLACES = 64;

/** The cases for a graph with these inputs. Dimensions it leaves open are the manifest's, else one. */
export async function casesOf(model: ResolvedModel, specs: readonly TensorSpec[]): Promise<ModelCases> {
  const inputs = specs.map((spec) => ({ ...spec, shape: concrete(spec, model) }));
  const golden =
    model.goldenPath === null ? [] : await readGolden(model.goldenPath, { variant: model.variantId });
  if (golden.length === 0) return { cases: [repeatedCase(zeros(inputs, model))], answers: "first run" };
  const cases = golden.map((one): ModelCase => {
    const tensors = goldenInputs(one, inputs);
    return {
      inputs: Object.fromEntries(inputs.map(({ name }, index) => [name, tensors[index] as Tensor])),
      check: (outputs) => {
        try {
          checkGolden(one, { outputs, label: model.model });
          return undefined;
        } catch (error) {
          return (error as Error).message;
        }
      },
    };
  });
  return { cases, answers: "golden" };
}

/** The first answer is kept; the later ones must agree with it. */
export function repeatedCase(inputs: Readonly<Record<string, Tensor>>): ModelCase {
  let first: ReadonlyMap<string, readonly number[]> | undefined;
  return {
    inputs,
    check: (outputs) => {
      const seen = new Map(Object.entries(outputs).map(([name, tensor]) => [name, placesOf(tensor)]));
      const isFirst = first === undefined;
      first ??= seen;
      for (const [name, values] of first) {
        const now = seen.get(name) ?? [];
        const at = values.findIndex((value, place) => !agrees(value, now[place], isFirst));
        if (at >= 0) return `output ${name} gave ${now[at]} where the first run gave ${values[at]}`;
      }
      return undefined;
    },
  };
}

function agrees(first: number, now: number | undefined, isFirst: boolean): boolean {
  if (!Number.isFinite(first)) return isFirst ? false : Object.is(first, now);
  return now !== undefined && Math.abs(now - first) <= AGREEMENT * Math.max(1, Math.abs(first));
}

function placesOf({ data }: Tensor): number[] {
  const step = Math.max(1, Math.floor(data.length / PLACES));
  const values: number[] = [];
  for (let at = 0; at < data.length; at += step) values.push(Number(data[at]));
  return values;
}

function concrete(spec: TensorSpec, { manifest }: ResolvedModel): number[] {
  const stated = manifest?.inputs.find(({ name }) => name === spec.name)?.shape;
  return spec.shape.map((size, axis) => {
    const from = typeof size === "number" ? size : stated?.[axis];
    return typeof from === "number" ? from : 1;
  });
}

function zeros(
  inputs: readonly {
    readonly name: string;
    readonly dtype: TensorSpec["dtype"];
    readonly shape: readonly number[];
  }[],
  { manifest }: ResolvedModel,
): Record<string, Tensor> {
  return Object.fromEntries(
    inputs.map(({ name, dtype, shape }) => {
      const count = elementCount(shape);
      const value = manifest?.inputs.find((input) => input.name === name)?.value;
      const constant = typeof value === "number" ? value : 0;
      if (dtype === "float32") return [name, { data: new Float32Array(count).fill(constant), shape }];
      if (dtype === "int64") return [name, { data: new BigInt64Array(count).fill(BigInt(constant)), shape }];
      if (dtype === "int32") return [name, { data: new Int32Array(count).fill(constant), shape }];
      if (dtype === "uint8") return [name, { data: new Uint8Array(count).fill(constant), shape }];
      throw new RedlineError("MODEL_UNSUITABLE", {
        what: `input ${name}`,
        expected: "float32, int64, int32 or uint8, or golden vectors in the manifest",
        received: dtype,
      });
    }),
  );
}
