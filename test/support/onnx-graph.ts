// Owns small ONNX graphs for tests, made of the reader's own parts and written as files. Knows no runtime.

import type { OnnxAttribute, OnnxNode, OnnxTensor, OnnxValue } from "../../runtime/graphs/onnx-model.js";
import { writeModel } from "../../runtime/graphs/write-model.js";

/** A whole number, several, a float, a word or a branch, by what it is in TypeScript. */
export type AttributeValue =
  | number
  | { readonly float: number }
  | { readonly nodes: readonly GraphNode[]; readonly outputs: readonly string[] }
  | readonly number[]
  | string;

/** One operator. */
export interface GraphNode {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
}

/** A graph of float32 inputs, constants and nodes. */
export interface SmallGraph {
  readonly inputs: Readonly<Record<string, readonly number[]>>;
  readonly outputs: readonly string[];
  readonly floats?: Readonly<
    Record<string, { readonly dims: readonly number[]; readonly data: Float32Array }>
  >;
  readonly wholes?: Readonly<
    Record<string, { readonly dims: readonly number[]; readonly data: readonly number[] }>
  >;
  readonly nodes: readonly GraphNode[];
  /** Default 13: axes of reductions are attributes there. */
  readonly opset?: number;
}

/** The bytes of the graph's file. */
export function graphBytes(given: SmallGraph): Uint8Array {
  const floats = Object.entries(given.floats ?? {}).map(([name, { dims, data }]) =>
    tensor(name, { elementType: 1, dims, raw: new Uint8Array(data.slice().buffer) }),
  );
  const wholes = Object.entries(given.wholes ?? {}).map(([name, { dims, data }]) =>
    tensor(name, {
      elementType: 7,
      dims,
      raw: new Uint8Array(BigInt64Array.from(data.map(BigInt)).buffer),
    }),
  );
  return writeModel({
    irVersion: 8,
    opsets: [{ domain: "", version: given.opset ?? 13, rest: [] }],
    functions: [],
    rest: [],
    graph: {
      name: "test",
      nodes: given.nodes.map(nodeOf),
      initializers: [...floats, ...wholes],
      sparseInitializers: [],
      inputs: Object.entries(given.inputs).map(([name, shape]) => floatValue(name, shape)),
      outputs: given.outputs.map((name) => floatValue(name, null)),
      values: [],
      rest: [],
    },
  });
}

function floatValue(name: string, shape: readonly number[] | null): OnnxValue {
  const type = {
    kind: "tensor" as const,
    elementType: 1,
    shape: shape?.map((size) => ({ size, rest: [] })) ?? null,
    rest: [],
  };
  return { name, type, rest: [] };
}

function tensor(
  name: string,
  part: { elementType: number; dims: readonly number[]; raw: Uint8Array },
): OnnxTensor {
  return { name, ...part, external: null, dataLocation: 0, rest: [] };
}

function nodeOf({ op, inputs, outputs, attributes = {} }: GraphNode): OnnxNode {
  const parts = Object.entries(attributes).map(([name, value]) => attributeOf(name, value));
  return { name: "", op, domain: "", overload: "", inputs, outputs, attributes: parts, rest: [] };
}

function attributeOf(name: string, value: AttributeValue): OnnxAttribute {
  const lists = { floats: [], ints: [], strings: [], tensors: [], graphs: [], sparseTensors: [], rest: [] };
  const blank = { name, float: null, int: null, string: null, tensor: null, graph: null, sparseTensor: null };
  if (typeof value === "number") return { ...blank, ...lists, kind: 2, int: BigInt(value) };
  if (typeof value === "string") return { ...blank, ...lists, kind: 3, string: Buffer.from(value) };
  if ("nodes" in value) {
    const graph = {
      name,
      nodes: value.nodes.map(nodeOf),
      initializers: [],
      sparseInitializers: [],
      inputs: [],
      outputs: value.outputs.map((output) => floatValue(output, null)),
      values: [],
      rest: [],
    };
    return { ...blank, ...lists, kind: 5, graph };
  }
  if ("float" in value) return { ...blank, ...lists, kind: 1, float: value.float };
  return { ...blank, ...lists, kind: 7, ints: value.map(BigInt) };
}
