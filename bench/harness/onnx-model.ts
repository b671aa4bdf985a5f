// Owns small ONNX models written byte by byte, so that bench and tests need no model files. Knows no runtime.
// Field numbers are those of onnx.proto (ONNX 1.17); opset 17, IR version 8: old enough for every library in use.

import type { Dtype } from "../../runtime/core/tensor.js";

const ELEMENT_TYPES: Readonly<Record<Dtype, number>> = {
  float32: 1,
  uint8: 2,
  int8: 3,
  int32: 6,
  int64: 7,
  string: 8,
  bool: 9,
  float16: 10,
};

/** A graph's input or output; a string dimension is symbolic, an empty one is unnamed. */
export interface ModelTensor {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly (number | string)[];
}

/** One operator. */
export interface ModelNode {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Float attributes by name. */
  readonly floats?: Readonly<Record<string, number>>;
  /** Attributes that are lists of whole numbers, by name. */
  readonly ints?: Readonly<Record<string, readonly number[]>>;
}

/** A float32 constant. */
export interface ModelWeight {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** A graph in the order its operators run. */
export interface ModelGraph {
  readonly inputs: readonly ModelTensor[];
  readonly outputs: readonly ModelTensor[];
  readonly nodes: readonly ModelNode[];
  readonly weights?: readonly ModelWeight[];
}

/** The bytes of an ONNX file. */
export function encodeModel(graph: ModelGraph): Uint8Array {
  const body = [
    ...graph.nodes.map((node) => message(1, nodeFields(node))),
    text(2, "test"),
    ...(graph.weights ?? []).map((weight) => message(5, weightFields(weight))),
    ...graph.inputs.map((tensor) => message(11, tensorFields(tensor))),
    ...graph.outputs.map((tensor) => message(12, tensorFields(tensor))),
  ];
  const opset = message(8, [text(1, ""), integer(2, 17)]);
  return join([integer(1, 8), message(7, body), opset]);
}

/** One Relu, `x` to `y`: the smallest model that computes. */
export function reluModel(shape: readonly number[] = [1, 4]): Uint8Array {
  return encodeModel({
    inputs: [{ name: "x", dtype: "float32", shape }],
    outputs: [{ name: "y", dtype: "float32", shape }],
    nodes: [{ op: "Relu", inputs: ["x"], outputs: ["y"] }],
  });
}

/**
 * `nodes` matrix products in a row, `x` to `y`: a run long enough to be stopped between two of them. Its weights are one
 * matrix of `size` squared, or `matrices` of them in turn, which a load must read; `x` has `rows` rows, `size` by default.
 */
export function matmulChain(given: {
  readonly nodes: number;
  readonly size: number;
  readonly rows?: number;
  readonly matrices?: number;
}): Uint8Array {
  const { nodes, size, rows = size, matrices = 1 } = given;
  const data = new Float32Array(size * size).fill(1 / size);
  const nameOf = (index: number): string => `w${index % matrices}`;
  return encodeModel({
    inputs: [{ name: "x", dtype: "float32", shape: [rows, size] }],
    outputs: [{ name: "y", dtype: "float32", shape: [rows, size] }],
    weights: Array.from({ length: matrices }, (_, index) => ({
      name: nameOf(index),
      shape: [size, size],
      data,
    })),
    nodes: Array.from({ length: nodes }, (_, index) => ({
      op: "MatMul",
      inputs: [index === 0 ? "x" : `h${index}`, nameOf(index)],
      outputs: [index === nodes - 1 ? "y" : `h${index + 1}`],
    })),
  });
}

/** `a + b` to `sum`, all of the symbolic length `n`. */
export function dynamicAdd(): Uint8Array {
  return encodeModel({
    inputs: [
      { name: "a", dtype: "float32", shape: ["n"] },
      { name: "b", dtype: "float32", shape: ["n"] },
    ],
    outputs: [{ name: "sum", dtype: "float32", shape: ["n"] }],
    nodes: [{ op: "Add", inputs: ["a", "b"], outputs: ["sum"] }],
  });
}

/** Copies `x` to `y` in any element type. */
export function identityModel(dtype: Dtype, shape: readonly (number | string)[] = [3]): Uint8Array {
  return encodeModel({
    inputs: [{ name: "x", dtype, shape }],
    outputs: [{ name: "y", dtype, shape }],
    nodes: [{ op: "Identity", inputs: ["x"], outputs: ["y"] }],
  });
}

/** The natural logarithm of `x` as `y`: NaN for a negative number, minus infinity for zero. */
export function logModel(shape: readonly (number | string)[] = [2]): Uint8Array {
  return encodeModel({
    inputs: [{ name: "x", dtype: "float32", shape }],
    outputs: [{ name: "y", dtype: "float32", shape }],
    nodes: [{ op: "Log", inputs: ["x"], outputs: ["y"] }],
  });
}

/** `a` plus `b` where the shapes cannot be broadcast unless `m` equals `n`: fails when run with lengths that differ. */
export function mismatchAdd(): Uint8Array {
  return encodeModel({
    inputs: [
      { name: "a", dtype: "float32", shape: ["m"] },
      { name: "b", dtype: "float32", shape: ["n"] },
    ],
    outputs: [{ name: "sum", dtype: "float32", shape: [""] }],
    nodes: [{ op: "Add", inputs: ["a", "b"], outputs: ["sum"] }],
  });
}

function nodeFields(node: ModelNode): Uint8Array[] {
  return [
    ...node.inputs.map((name) => text(1, name)),
    ...node.outputs.map((name) => text(2, name)),
    text(4, node.op),
    ...Object.entries(node.floats ?? {}).map(([name, value]) =>
      message(5, [text(1, name), float(2, value), integer(20, 1)]),
    ),
    ...Object.entries(node.ints ?? {}).map(([name, values]) =>
      message(5, [text(1, name), ...values.map((value) => integer(8, value)), integer(20, 7)]),
    ),
  ];
}

function weightFields(weight: ModelWeight): Uint8Array[] {
  const { buffer, byteOffset, byteLength } = weight.data;
  return [
    ...weight.shape.map((size) => integer(1, size)),
    integer(2, ELEMENT_TYPES.float32),
    text(8, weight.name),
    bytes(9, new Uint8Array(buffer, byteOffset, byteLength)),
  ];
}

function tensorFields(tensor: ModelTensor): Uint8Array[] {
  const dimensions = tensor.shape.map((size) => message(1, dimensionFields(size)));
  const type = message(1, [integer(1, ELEMENT_TYPES[tensor.dtype]), message(2, dimensions)]);
  return [text(1, tensor.name), message(2, [type])];
}

function dimensionFields(size: number | string): Uint8Array[] {
  if (typeof size === "number") return [integer(1, size)];
  return size === "" ? [] : [text(2, size)];
}

// Protobuf: a key is the field number and a wire type: 0 varint, 2 length-delimited, 5 four bytes.
function integer(field: number, value: number): Uint8Array {
  return join([varint(field * 8), varint(value)]);
}

function float(field: number, value: number): Uint8Array {
  const four = new Uint8Array(4);
  new DataView(four.buffer).setFloat32(0, value, true);
  return join([varint(field * 8 + 5), four]);
}

function bytes(field: number, value: Uint8Array): Uint8Array {
  return join([varint(field * 8 + 2), varint(value.length), value]);
}

function text(field: number, value: string): Uint8Array {
  return bytes(field, new TextEncoder().encode(value));
}

function message(field: number, fields: readonly Uint8Array[]): Uint8Array {
  return bytes(field, join(fields));
}

function varint(value: number): Uint8Array {
  const out: number[] = [];
  let rest = value;
  while (rest > 127) {
    out.push((rest % 128) + 128);
    rest = Math.floor(rest / 128);
  }
  return Uint8Array.from([...out, rest]);
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
