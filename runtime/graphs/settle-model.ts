// Owns what a manifest's certainty does to a graph: constant inputs decide its branches, stated sizes close its shapes.
// Runs nothing. Invariant: inputs and outputs keep names, types and order, and for inputs as stated the graph computes
// what it computed.

import { fixInput, fixShape, int64Scalar } from "./fix-input.js";
import type { OnnxGraph, OnnxModel, OnnxNode, OnnxValue } from "./onnx-model.js";
import { promoteBranches } from "./promote-branch.js";
import { readModel } from "./read-model.js";
import { writeModel } from "./write-model.js";

/** What is certain of a model's inputs, by name. */
export interface CertainInputs {
  /** Inputs that always have this value. */
  readonly constants: Readonly<Record<string, number>>;
  /** Shapes; those with an open size change nothing. */
  readonly shapes: Readonly<Record<string, readonly (number | string)[]>>;
}

/** Number of int64 in TensorProto.DataType. */
const INT64 = 7;

/**
 * The model with every branch taken that its constant inputs decide, or null when there is nothing to decide. The
 * constant inputs stay inputs, which nothing reads any more: callers see the model they saw.
 *
 * Silero's sample rate chooses between two networks in one file; with it decided half of the file and a fifth of each
 * run's time are gone, and so is the branch that ONNX Runtime 1.30 may crash on.
 *
 * @throws RedlineError `MODEL_INVALID` or `MODEL_LIMIT` for bytes that are no model
 */
export function settleModel(bytes: Uint8Array, { constants, shapes }: CertainInputs): Uint8Array | null {
  if (Object.keys(constants).length === 0) return null;
  const original = readModel(bytes);
  const decided = original.graph.inputs.filter(
    (input) => isWhole(constants[input.name]) && isInt64Scalar(input),
  );
  if (decided.length === 0) return null;
  const constant = decided.reduce<OnnxModel>(
    (model, { name }) => fixInput(model, int64Scalar(name, BigInt(constants[name]!))),
    original,
  );
  const promoted = promoteBranches(constant);
  const names = new Set(decided.map(({ name }) => name));
  // Still read somewhere: then it is more than a choice, and stays the caller's to give.
  if (promoted === constant || readsAny(promoted.graph, names)) return null;
  return writeModel(withInputs(closeShapes(promoted, shapes), { original, names }));
}

function isWhole(value: number | undefined): boolean {
  return value !== undefined && Number.isSafeInteger(value);
}

function isInt64Scalar({ type }: OnnxValue): boolean {
  return type?.kind === "tensor" && type.elementType === INT64 && type.shape?.length === 0;
}

function readsAny(graph: OnnxGraph, names: ReadonlySet<string>): boolean {
  const reads = (node: OnnxNode): boolean =>
    node.inputs.some((name) => names.has(name)) ||
    node.attributes.some(({ graph: own, graphs }) =>
      [...(own === null ? [] : [own]), ...graphs].some((inner) => readsAny(inner, names)),
    );
  return graph.nodes.some(reads) || graph.outputs.some(({ name }) => names.has(name));
}

function closeShapes(model: OnnxModel, shapes: CertainInputs["shapes"]): OnnxModel {
  return model.graph.inputs.reduce((closed, { name }) => {
    const dims = shapes[name];
    const isClosed = dims?.every((size): size is number => typeof size === "number");
    return dims !== undefined && isClosed === true ? fixShape(closed, name, dims as number[]) : closed;
  }, model);
}

/** The inputs as they were, in their order, with the sizes that were closed. */
function withInputs(
  model: OnnxModel,
  { original, names }: { original: OnnxModel; names: ReadonlySet<string> },
): OnnxModel {
  const now = new Map(model.graph.inputs.map((input) => [input.name, input]));
  const inputs = original.graph.inputs.map((input) => now.get(input.name) ?? input);
  const initializers = model.graph.initializers.filter(({ name }) => !names.has(name));
  return { ...model, graph: { ...model.graph, inputs, initializers } };
}
