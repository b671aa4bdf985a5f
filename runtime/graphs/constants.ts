// Owns what can be said of a graph's values without running it: small constants and the conditions they decide. Knows no
// file. Invariant: an answer is given only where every runtime gives the same; anything else is "not known" (undefined).

import type { OnnxGraph, OnnxNode, OnnxTensor } from "./onnx-model.js";
import { MessageReader, Tally } from "./wire.js";

/** One number, and whether ONNX holds it as a truth value. */
type Scalar = bigint | number | boolean;

/** Element types whose single elements are understood (numbers of TensorProto.DataType). */
const FLOAT = 1;
const INT32 = 6;
const INT64 = 7;
const BOOL = 9;

/** A value of one element, by the rules of TensorProto; undefined for anything larger or of another type. */
export function scalarOf(tensor: OnnxTensor): Scalar | undefined {
  if (tensor.dims.some((size) => size !== 1) || tensor.external !== null) return undefined;
  return tensor.raw === null ? listedScalar(tensor) : rawScalar(tensor.elementType, tensor.raw);
}

function rawScalar(elementType: number, raw: Uint8Array): Scalar | undefined {
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  if (elementType === FLOAT && raw.length === 4) return view.getFloat32(0, true);
  if (elementType === INT32 && raw.length === 4) return BigInt(view.getInt32(0, true));
  if (elementType === INT64 && raw.length === 8) return view.getBigInt64(0, true);
  if (elementType === BOOL && raw.length === 1) return view.getUint8(0) !== 0;
  return undefined;
}

/** Which typed list holds which elements: float_data 4, int32_data 5, int64_data 7. */
function listedScalar(tensor: OnnxTensor): Scalar | undefined {
  const integers: bigint[] = [];
  const floats: number[] = [];
  for (const whole of tensor.rest) {
    const reader = new MessageReader(whole, new Tally());
    reader.next();
    if (reader.field === 4) reader.floats(floats);
    else if (reader.field === 5 || reader.field === 7) reader.integers(integers);
  }
  if (integers.length + floats.length !== 1) return undefined;
  const [integer] = integers;
  if (tensor.elementType === FLOAT) return floats[0];
  if (tensor.elementType === INT32 || tensor.elementType === INT64) return integer;
  return tensor.elementType === BOOL && integer !== undefined ? integer !== 0n : undefined;
}

/** What is known of a graph's values before it runs: initializers that are no inputs, constants, and what follows from them. */
export function knownScalars(graph: OnnxGraph): ReadonlyMap<string, Scalar> {
  const known = new Map<string, Scalar>();
  const learn = (name: string | undefined, value: Scalar | undefined): void => {
    if (name && value !== undefined) known.set(name, value);
  };
  const inputs = new Set(graph.inputs.map(({ name }) => name));
  for (const tensor of graph.initializers) {
    if (!inputs.has(tensor.name)) learn(tensor.name, scalarOf(tensor));
  }
  for (const node of graph.nodes) {
    if (node.domain === "" || node.domain === "ai.onnx") learn(node.outputs[0], outcomeOf(node, known));
  }
  return known;
}

function outcomeOf(node: OnnxNode, known: ReadonlyMap<string, Scalar>): Scalar | undefined {
  if (node.op === "Constant") {
    const [attribute] = node.attributes;
    if (attribute?.name === "value" && attribute.tensor) return scalarOf(attribute.tensor);
    if (attribute?.name === "value_int") return attribute.int ?? undefined;
    return attribute?.name === "value_float" ? (attribute.float ?? undefined) : undefined;
  }
  const values = node.inputs.map((name) => known.get(name));
  const [left, right] = values;
  if (left === undefined) return undefined;
  if (node.op === "Identity") return left;
  if (node.op === "Not") return typeof left === "boolean" ? !left : undefined;
  if (right === undefined || typeof left !== typeof right || values.length !== 2) return undefined;
  switch (node.op) {
    case "Equal":
      return left === right;
    case "Greater":
      return left > right;
    case "Less":
      return left < right;
    case "GreaterOrEqual":
      return left >= right;
    case "LessOrEqual":
      return left <= right;
    case "And":
      return typeof left === "boolean" ? left && right : undefined;
    case "Or":
      return typeof left === "boolean" ? left || right : undefined;
    default:
      return undefined;
  }
}
