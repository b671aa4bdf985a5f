// Owns edits of a graph's inputs: one made a constant, one whose open sizes are closed. Runs nothing.
// Invariant: for inputs of that value and shape the edited graph computes what the original computes.

import { RedlineError } from "../core/errors.js";
import type { OnnxGraph, OnnxModel, OnnxTensor, OnnxValue } from "./onnx-model.js";

/**
 * Turns the input `tensor` is named for into that constant.
 *
 * @throws RedlineError `INPUT_UNKNOWN`, `INPUT_DTYPE` or `INPUT_SHAPE`
 */
export function fixInput(model: OnnxModel, tensor: OnnxTensor): OnnxModel {
  const { graph } = model;
  const input = requireInput(graph, tensor.name);
  requireFit(input, tensor);
  return {
    ...model,
    graph: {
      ...graph,
      inputs: graph.inputs.filter((other) => other !== input),
      initializers: [...graph.initializers.filter(({ name }) => name !== tensor.name), tensor],
    },
  };
}

/**
 * Closes the shape of an input, so that ONNX Runtime can plan its memory.
 *
 * @throws RedlineError `INPUT_UNKNOWN` or `INPUT_SHAPE`
 */
export function fixShape(model: OnnxModel, name: string, dims: readonly number[]): OnnxModel {
  const { graph } = model;
  const input = requireInput(graph, name);
  if (input.type === null || input.type.kind !== "tensor") {
    throw new RedlineError("INPUT_SHAPE", { what: name, expected: "a tensor", received: "another type" });
  }
  requireFit(input, { elementType: input.type.elementType, dims });
  const type = { ...input.type, shape: dims.map((size) => ({ size, rest: [] })) };
  const inputs = graph.inputs.map((other) => (other === input ? { ...input, type } : other));
  return { ...model, graph: { ...graph, inputs } };
}

function requireInput(graph: OnnxGraph, name: string): OnnxValue {
  const input = graph.inputs.find((candidate) => candidate.name === name);
  if (input !== undefined) return input;
  const expected = graph.inputs.map((candidate) => candidate.name).join(", ");
  throw new RedlineError("INPUT_UNKNOWN", { what: name, expected });
}

function requireFit(input: OnnxValue, tensor: Pick<OnnxTensor, "elementType" | "dims">): void {
  const { type } = input;
  if (type !== null && type.elementType !== tensor.elementType) {
    throw new RedlineError("INPUT_DTYPE", {
      what: input.name,
      expected: `ONNX element type ${type.elementType}`,
      received: String(tensor.elementType),
    });
  }
  const { shape } = type ?? { shape: null };
  if (shape === null) return;
  const fits =
    shape.length === tensor.dims.length &&
    shape.every(({ size }, index) => typeof size !== "number" || size === tensor.dims[index]);
  if (fits) return;
  throw new RedlineError("INPUT_SHAPE", {
    what: input.name,
    expected: `[${shape.map(({ size }) => size ?? "?").join(", ")}]`,
    received: `[${tensor.dims.join(", ")}]`,
  });
}

/** A constant of type int64 and of no dimensions, as models take a sample rate. */
export function int64Scalar(name: string, value: bigint): OnnxTensor {
  const raw = new Uint8Array(8);
  new DataView(raw.buffer).setBigInt64(0, value, true);
  return { name, elementType: 7, dims: [], raw, external: null, dataLocation: 0, rest: [] };
}
