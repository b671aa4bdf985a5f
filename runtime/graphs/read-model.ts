// Owns reading an ONNX file's bytes into a plain graph. Opens no file and runs nothing.
// Invariant: bytes that two readers could understand differently (parts given twice, odd lengths) are refused, so that
// what was checked here is what ONNX Runtime loads. Field numbers are those of onnx.proto (ONNX 1.19).

import { RedlineError } from "../core/errors.js";
import { LIMITS } from "../core/limits.js";
import {
  type OnnxAttribute,
  type OnnxFunction,
  type OnnxGraph,
  type OnnxModel,
  type OnnxNode,
  type OnnxOpset,
  type OnnxSparseTensor,
  type OnnxTensor,
  type OnnxValue,
  withOrigin,
} from "./onnx-model.js";
import { once, readSparseTensor, readTensor, readType, readValue } from "./read-tensor.js";
import { MessageReader, malformed, Tally } from "./wire.js";

/**
 * Reads a whole model. Its tensors' elements and what it does not know stay views of `bytes`, which must not change.
 *
 * @throws RedlineError `MODEL_INVALID` or `MODEL_LIMIT`
 */
export function readModel(bytes: Uint8Array): OnnxModel {
  try {
    return modelOf(bytes, new Tally());
  } catch (cause) {
    if (cause instanceof RedlineError) throw cause;
    // The wire format's own errors: an unfinished number, an impossible tag, an end before its time.
    const received = cause instanceof Error ? cause.message : String(cause);
    throw new RedlineError("MODEL_INVALID", { received, cause });
  }
}

function modelOf(bytes: Uint8Array, tally: Tally): OnnxModel {
  const reader = new MessageReader(bytes, tally);
  const opsets: OnnxOpset[] = [];
  const functions: OnnxFunction[] = [];
  const rest: Uint8Array[] = [];
  let irVersion = 0;
  let graph: OnnxGraph | null = null;
  while (reader.next()) {
    if (reader.field === 1) irVersion = reader.number();
    else if (reader.field === 7) graph = readGraph(once(graph, reader, "the graph"), tally, 0);
    else if (reader.field === 8) opsets.push(readOpset(reader.payload(), tally));
    else if (reader.field === 25) functions.push(readFunction(reader.payload(), tally));
    else rest.push(reader.keep());
  }
  if (graph === null) throw malformed("no graph");
  return withOrigin({ irVersion, opsets, graph, functions, rest }, bytes);
}

function readOpset(bytes: Uint8Array, tally: Tally): OnnxOpset {
  const reader = new MessageReader(bytes, tally);
  const rest: Uint8Array[] = [];
  let domain = "";
  let version = 0;
  while (reader.next()) {
    if (reader.field === 1) domain = reader.text();
    else if (reader.field === 2) version = reader.number();
    else rest.push(reader.keep());
  }
  return withOrigin({ domain, version, rest }, bytes);
}

function readGraph(bytes: Uint8Array, tally: Tally, depth: number): OnnxGraph {
  if (depth > LIMITS.graphDepth) {
    throw new RedlineError("MODEL_LIMIT", {
      what: "graphs within graphs",
      expected: `at most ${LIMITS.graphDepth}`,
    });
  }
  const reader = new MessageReader(bytes, tally);
  const nodes: OnnxNode[] = [];
  const initializers: OnnxTensor[] = [];
  const sparseInitializers: OnnxSparseTensor[] = [];
  const inputs: OnnxValue[] = [];
  const outputs: OnnxValue[] = [];
  const values: OnnxValue[] = [];
  const rest: Uint8Array[] = [];
  let name = "";
  while (reader.next()) {
    if (reader.field === 1) nodes.push(readNode(reader.payload(), tally, depth));
    else if (reader.field === 2) name = reader.text();
    else if (reader.field === 5) initializers.push(readTensor(reader.payload(), tally));
    else if (reader.field === 11) inputs.push(readValue(reader.payload(), tally));
    else if (reader.field === 12) outputs.push(readValue(reader.payload(), tally));
    else if (reader.field === 13) values.push(readValue(reader.payload(), tally));
    else if (reader.field === 15) sparseInitializers.push(readSparseTensor(reader.payload(), tally));
    else rest.push(reader.keep());
  }
  const graph = { name, nodes, initializers, sparseInitializers, inputs, outputs, values, rest };
  return withOrigin(graph, bytes);
}

function readNode(bytes: Uint8Array, tally: Tally, depth: number): OnnxNode {
  tally.count("nodes");
  const reader = new MessageReader(bytes, tally);
  const inputs: string[] = [];
  const outputs: string[] = [];
  const attributes: OnnxAttribute[] = [];
  const rest: Uint8Array[] = [];
  const names = { name: "", op: "", domain: "", overload: "" };
  while (reader.next()) {
    if (reader.field === 1) inputs.push(reader.text());
    else if (reader.field === 2) outputs.push(reader.text());
    else if (reader.field === 3) names.name = reader.text();
    else if (reader.field === 4) names.op = reader.text();
    else if (reader.field === 5) attributes.push(readAttribute(reader.payload(), tally, depth));
    else if (reader.field === 7) names.domain = reader.text();
    else if (reader.field === 8) names.overload = reader.text();
    else rest.push(reader.keep());
  }
  return withOrigin({ ...names, inputs, outputs, attributes, rest }, bytes);
}

function readAttribute(bytes: Uint8Array, tally: Tally, depth: number): OnnxAttribute {
  const reader = new MessageReader(bytes, tally);
  const part = emptyAttribute();
  while (reader.next()) {
    if (reader.field === 1) part.name = reader.text();
    else if (reader.field === 20) part.kind = reader.number();
    else if (reader.field === 7) reader.floats(part.floats);
    else if (reader.field === 8) reader.integers(part.ints);
    else if (reader.field === 9) part.strings.push(reader.payload());
    else if (reader.field === 10) part.tensors.push(readTensor(reader.payload(), tally));
    else if (reader.field === 11) part.graphs.push(readGraph(reader.payload(), tally, depth + 1));
    else if (reader.field === 23) part.sparseTensors.push(readSparseTensor(reader.payload(), tally));
    else if (!readSingle(part, reader, depth)) part.rest.push(keepType(reader));
  }
  return withOrigin(part, bytes);
}

/** Takes a part of an attribute that may be given once; answers whether the field was one. */
function readSingle(part: AttributePart, reader: MessageReader, depth: number): boolean {
  const { tally } = reader;
  if (reader.field === 2) part.float = reader.float();
  else if (reader.field === 3) part.int = reader.integer();
  else if (reader.field === 4) part.string = reader.payload();
  else if (reader.field === 5) part.tensor = readTensor(once(part.tensor, reader, "a tensor"), tally);
  else if (reader.field === 6) part.graph = readGraph(once(part.graph, reader, "a graph"), tally, depth + 1);
  else if (reader.field === 22)
    part.sparseTensor = readSparseTensor(once(part.sparseTensor, reader, "a sparse tensor"), tally);
  else return false;
  return true;
}

/** Keeps a field whole. Types (14, 15) are looked through first: they are what else may nest without end. */
function keepType(reader: MessageReader): Uint8Array {
  const { field, tally } = reader;
  const whole = reader.keep();
  if (field === 14 || field === 15) {
    const inner = new MessageReader(whole, tally);
    inner.next();
    readType(inner.payload(), tally);
  }
  return whole;
}

type Mutable<Part> = {
  -readonly [Key in keyof Part]: Part[Key] extends readonly (infer Item)[] ? Item[] : Part[Key];
};
type AttributePart = Mutable<Omit<OnnxAttribute, "string">> & { string: Uint8Array | null };

function emptyAttribute(): AttributePart {
  return {
    name: "",
    kind: 0,
    float: null,
    int: null,
    string: null,
    tensor: null,
    graph: null,
    sparseTensor: null,
    floats: [],
    ints: [],
    strings: [],
    tensors: [],
    graphs: [],
    sparseTensors: [],
    rest: [],
  };
}

function readFunction(bytes: Uint8Array, tally: Tally): OnnxFunction {
  const reader = new MessageReader(bytes, tally);
  const names = { name: "", domain: "", overload: "" };
  const inputs: string[] = [];
  const outputs: string[] = [];
  const nodes: OnnxNode[] = [];
  const attributes: OnnxAttribute[] = [];
  const opsets: OnnxOpset[] = [];
  const values: OnnxValue[] = [];
  const rest: Uint8Array[] = [];
  while (reader.next()) {
    if (reader.field === 1) names.name = reader.text();
    else if (reader.field === 4) inputs.push(reader.text());
    else if (reader.field === 5) outputs.push(reader.text());
    else if (reader.field === 7) nodes.push(readNode(reader.payload(), tally, 0));
    else if (reader.field === 9) opsets.push(readOpset(reader.payload(), tally));
    else if (reader.field === 10) names.domain = reader.text();
    else if (reader.field === 11) attributes.push(readAttribute(reader.payload(), tally, 0));
    else if (reader.field === 12) values.push(readValue(reader.payload(), tally));
    else if (reader.field === 13) names.overload = reader.text();
    else rest.push(reader.keep());
  }
  return withOrigin({ ...names, inputs, outputs, nodes, attributes, opsets, values, rest }, bytes);
}
