// Owns what an ONNX file holds, as plain frozen data, and where each part of it came from. Knows no bytes' meaning.
// Invariant: a part that was read and not replaced is written back as the very bytes it was read from; a copy with
// changes is a new part. What is not understood lies in `rest`, whole fields with their tags, and is written back too.

/** Where a tensor's elements lie when they are not in the model's own file. */
export interface ExternalData {
  /** As the file says it: meant to be a path relative to the model's folder. */
  readonly location: string;
  readonly offset: number;
  /** Null: as many bytes as the tensor needs. */
  readonly length: number | null;
  /** Every key and value as given, the three above included. */
  readonly entries: readonly { readonly key: string; readonly value: string }[];
}

/** A constant. Its elements are `raw`, `external`, or typed lists in `rest`. */
export interface OnnxTensor {
  readonly name: string;
  /** ONNX's number of the element type, see `ELEMENT_BITS`. */
  readonly elementType: number;
  readonly dims: readonly number[];
  /** Elements as little-endian bytes: a view of the file, not a copy. */
  readonly raw: Uint8Array | null;
  readonly external: ExternalData | null;
  /** 1 when the elements are external; entries without it are dead, and still have to be harmless. */
  readonly dataLocation: number;
  readonly rest: readonly Uint8Array[];
}

/** A tensor given by its non-zero elements. */
export interface OnnxSparseTensor {
  readonly values: OnnxTensor | null;
  readonly indices: OnnxTensor | null;
  readonly dims: readonly number[];
  readonly rest: readonly Uint8Array[];
}

/** One size of a shape: fixed, symbolic, or open (null). */
export interface OnnxDimension {
  readonly size: number | string | null;
  readonly rest: readonly Uint8Array[];
}

/** A type. Only tensors' are taken apart; the others lie whole in `rest`. */
export interface OnnxType {
  readonly kind: "tensor" | "other";
  readonly elementType: number;
  /** Null: not even the rank is known. */
  readonly shape: readonly OnnxDimension[] | null;
  readonly rest: readonly Uint8Array[];
}

/** A named value: a graph's input or output, or one described on the way. */
export interface OnnxValue {
  readonly name: string;
  readonly type: OnnxType | null;
  readonly rest: readonly Uint8Array[];
}

/** A node's constant parameter. `kind` is ONNX's number of which of the other parts counts, see `ATTRIBUTE_KINDS`. */
export interface OnnxAttribute {
  readonly name: string;
  readonly kind: number;
  readonly float: number | null;
  readonly int: bigint | null;
  readonly string: Uint8Array | null;
  readonly tensor: OnnxTensor | null;
  readonly graph: OnnxGraph | null;
  readonly sparseTensor: OnnxSparseTensor | null;
  readonly floats: readonly number[];
  readonly ints: readonly bigint[];
  readonly strings: readonly Uint8Array[];
  readonly tensors: readonly OnnxTensor[];
  readonly graphs: readonly OnnxGraph[];
  readonly sparseTensors: readonly OnnxSparseTensor[];
  readonly rest: readonly Uint8Array[];
}

/** One operator. An empty input name is an input left out. */
export interface OnnxNode {
  readonly name: string;
  readonly op: string;
  readonly domain: string;
  readonly overload: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: readonly OnnxAttribute[];
  readonly rest: readonly Uint8Array[];
}

/** A graph, or the body of an If, Loop or Scan. */
export interface OnnxGraph {
  readonly name: string;
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly OnnxTensor[];
  readonly sparseInitializers: readonly OnnxSparseTensor[];
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  readonly values: readonly OnnxValue[];
  readonly rest: readonly Uint8Array[];
}

/** Which version of which operators. The empty domain is ONNX's own. */
export interface OnnxOpset {
  readonly domain: string;
  readonly version: number;
  readonly rest: readonly Uint8Array[];
}

/** An operator the model defines itself. */
export interface OnnxFunction {
  readonly name: string;
  readonly domain: string;
  readonly overload: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly nodes: readonly OnnxNode[];
  /** Attributes with their defaults. */
  readonly attributes: readonly OnnxAttribute[];
  readonly opsets: readonly OnnxOpset[];
  readonly values: readonly OnnxValue[];
  readonly rest: readonly Uint8Array[];
}

/** A whole file. */
export interface OnnxModel {
  readonly irVersion: number;
  readonly opsets: readonly OnnxOpset[];
  readonly graph: OnnxGraph;
  readonly functions: readonly OnnxFunction[];
  readonly rest: readonly Uint8Array[];
}

/** Numbers of `OnnxAttribute.kind` (AttributeProto.AttributeType in onnx.proto). */
export const ATTRIBUTE_KINDS = {
  float: 1,
  int: 2,
  string: 3,
  tensor: 4,
  graph: 5,
  floats: 6,
  ints: 7,
  strings: 8,
  tensors: 9,
  graphs: 10,
  sparseTensor: 11,
  sparseTensors: 12,
} as const;

/** Bits of one element by ONNX's number of its type (TensorProto.DataType in onnx.proto); strings have no fixed size. */
export const ELEMENT_BITS: Readonly<Record<number, number>> = {
  1: 32, // float
  2: 8, // uint8
  3: 8, // int8
  4: 16, // uint16
  5: 16, // int16
  6: 32, // int32
  7: 64, // int64
  9: 8, // bool
  10: 16, // float16
  11: 64, // double
  12: 32, // uint32
  13: 64, // uint64
  14: 64, // complex64
  15: 128, // complex128
  16: 16, // bfloat16
  17: 8, // float8e4m3fn
  18: 8, // float8e4m3fnuz
  19: 8, // float8e5m2
  20: 8, // float8e5m2fnuz
  21: 4, // uint4
  22: 4, // int4
  23: 4, // float4e2m1
  24: 8, // float8e8m0
};

/** Bytes that elements of `dims` take; null for strings and types unknown here. Elements of under a byte are packed. */
export function bytesOf(tensor: {
  readonly elementType: number;
  readonly dims: readonly number[];
}): number | null {
  const bits = ELEMENT_BITS[tensor.elementType];
  if (bits === undefined) return null;
  return Math.ceil((tensor.dims.reduce((product, size) => product * size, 1) * bits) / 8);
}

const origins = new WeakMap<object, Uint8Array>();

/** Freezes a part just read and notes the bytes it came from. Its arrays are frozen too. */
export function withOrigin<Part extends object>(part: Part, bytes: Uint8Array): Readonly<Part> {
  for (const value of Object.values(part)) if (Array.isArray(value)) Object.freeze(value);
  origins.set(part, bytes);
  return Object.freeze(part);
}

/** The bytes a part was read from; undefined for a part made or copied since. */
export function originOf(part: object): Uint8Array | undefined {
  return origins.get(part);
}
