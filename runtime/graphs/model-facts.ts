// Owns what can be counted in a model, and the limits that are about sums and not about single fields. Opens no file.
// Invariant: facts are those of the whole file: subgraphs, functions and attributes included.

import { RedlineError } from "../core/errors.js";
import { LIMITS } from "../core/limits.js";
import {
  bytesOf,
  type OnnxAttribute,
  type OnnxFunction,
  type OnnxGraph,
  type OnnxModel,
  type OnnxNode,
  type OnnxSparseTensor,
  type OnnxTensor,
  type OnnxValue,
} from "./onnx-model.js";
import { malformed } from "./wire.js";

/** What a model holds. */
export interface GraphFacts {
  /** Nodes as written, those of subgraphs and functions included. */
  readonly nodes: number;
  /** Nodes once every call of a model's own function is replaced by its body, as ONNX Runtime does. */
  readonly expandedNodes: number;
  /** Constants: initializers and tensors in attributes. */
  readonly tensors: number;
  /** Bytes of the constants, external ones included. */
  readonly initializerBytes: number;
  /** Graphs within graphs; 0 for a graph without subgraphs. */
  readonly subgraphDepth: number;
  readonly functions: number;
  readonly opsets: readonly { readonly domain: string; readonly version: number }[];
  /** Nodes by operator; operators outside ONNX's own domain as `domain:name`. */
  readonly opCounts: Readonly<Record<string, number>>;
}

/** A model's facts, and its constants that lie in other files. */
export interface Inspection {
  readonly facts: GraphFacts;
  readonly external: readonly OnnxTensor[];
}

/**
 * Counts a model and checks every tensor.
 *
 * @throws RedlineError `MODEL_LIMIT`, or `MODEL_INVALID` for a tensor whose bytes do not fit its shape
 */
export function inspectModel(model: OnnxModel): Inspection {
  const survey = new Survey();
  survey.graph(model.graph, 0);
  for (const each of model.functions) {
    survey.nodes(each.nodes, 0);
    for (const attribute of each.attributes) survey.attribute(attribute, 0);
    for (const value of each.values) checkValue(value);
  }
  const opsets = model.opsets.map(({ domain, version }) => ({ domain, version }));
  const facts = {
    nodes: survey.nodeCount,
    expandedNodes: expandedCount(model),
    tensors: survey.tensorCount,
    initializerBytes: survey.bytes,
    subgraphDepth: survey.depth,
    functions: model.functions.length,
    opsets: Object.freeze(opsets),
    opCounts: Object.freeze(Object.fromEntries(survey.ops)),
  };
  return { facts: Object.freeze(facts), external: survey.external };
}

class Survey {
  nodeCount = 0;
  tensorCount = 0;
  bytes = 0;
  depth = 0;
  readonly ops = new Map<string, number>();
  readonly external: OnnxTensor[] = [];

  graph(graph: OnnxGraph, depth: number): void {
    this.depth = Math.max(this.depth, depth);
    for (const tensor of graph.initializers) this.tensor(tensor);
    for (const sparse of graph.sparseInitializers) this.sparse(sparse);
    for (const value of [...graph.inputs, ...graph.outputs, ...graph.values]) checkValue(value);
    this.nodes(graph.nodes, depth);
  }

  nodes(nodes: readonly OnnxNode[], depth: number): void {
    for (const node of nodes) {
      this.nodeCount += 1;
      const op = domainOf(node) === "" ? node.op : `${node.domain}:${node.op}`;
      this.ops.set(op, (this.ops.get(op) ?? 0) + 1);
      for (const attribute of node.attributes) this.attribute(attribute, depth);
    }
  }

  attribute(attribute: OnnxAttribute, depth: number): void {
    const { tensor, tensors, sparseTensor, sparseTensors } = attribute;
    for (const each of tensor === null ? tensors : [tensor, ...tensors]) this.tensor(each);
    for (const each of sparseTensor === null ? sparseTensors : [sparseTensor, ...sparseTensors])
      this.sparse(each);
    for (const each of graphsOf(attribute)) this.graph(each, depth + 1);
  }

  tensor(tensor: OnnxTensor): void {
    checkShape(tensor.name, tensor.dims);
    if (tensor.dims.some((size) => size < 0)) throw malformed(`a negative dimension of ${tensor.name}`);
    const needed = bytesOf(tensor);
    const { raw, external, name } = tensor;
    if (raw !== null && external === null && needed !== null && raw.length !== needed) {
      throw malformed(`${raw.length} bytes for ${name}, whose shape and type take ${needed}`);
    }
    this.tensorCount += 1;
    this.bytes += needed ?? raw?.length ?? 0;
    if (external !== null) this.external.push(tensor);
  }

  sparse(sparse: OnnxSparseTensor): void {
    const { values, indices, dims } = sparse;
    for (const part of [values, indices]) if (part !== null) this.tensor(part);
    const name = values?.name ?? "";
    checkShape(name, dims);
    const dense = bytesOf({ elementType: values?.elementType ?? 0, dims }) ?? 0;
    // ONNX Runtime lays sparse initializers out in full: a few bytes would claim any amount of memory.
    if (dense > LIMITS.modelBytes) {
      throw new RedlineError("MODEL_LIMIT", {
        what: `the sparse tensor ${name}, laid out`,
        expected: `at most ${LIMITS.modelBytes} bytes`,
        received: String(dense),
      });
    }
  }
}

/** A declared value may leave sizes open, which exporters also write as -1. */
function checkValue({ name, type }: OnnxValue): void {
  if (type?.shape) {
    checkShape(
      name,
      type.shape.map(({ size }) => (typeof size === "number" ? size : 0)),
    );
  }
}

function checkShape(name: string, dims: readonly number[]): void {
  if (dims.length > LIMITS.tensorRank) {
    throw new RedlineError("MODEL_LIMIT", {
      what: `dimensions of ${name}`,
      expected: `at most ${LIMITS.tensorRank}`,
      received: String(dims.length),
    });
  }
  const largest = Math.max(0, ...dims);
  if (largest <= LIMITS.tensorDimension) return;
  throw new RedlineError("MODEL_LIMIT", {
    what: `a dimension of ${name}`,
    expected: `at most ${LIMITS.tensorDimension}`,
    received: String(largest),
  });
}

/**
 * Nodes after every call of one of the model's own functions has been replaced by its body: ten functions that each
 * call the next one ten times are a hundred lines and ten thousand million nodes.
 */
function expandedCount(model: OnnxModel): number {
  const functions = new Map<string, OnnxFunction>();
  for (const each of model.functions) {
    const key = keyOf(each.name, each);
    if (functions.has(key)) throw malformed(`the function ${key} defined twice`);
    functions.set(key, each);
  }
  const sizes = new Map<string, number>();
  const sizeOf = (key: string, body: OnnxFunction, callers: readonly string[]): number => {
    const known = sizes.get(key);
    if (known !== undefined) return known;
    if (callers.includes(key)) throw malformed(`the function ${key}, which calls itself`);
    if (callers.length >= LIMITS.functionDepth) {
      throw new RedlineError("MODEL_LIMIT", {
        what: "functions that call functions",
        expected: `at most ${LIMITS.functionDepth}`,
      });
    }
    const size = total(body.nodes, [...callers, key]);
    sizes.set(key, size);
    return size;
  };
  const total = (nodes: readonly OnnxNode[], callers: readonly string[]): number =>
    nodes.reduce((sum, node) => {
      const key = keyOf(node.op, node);
      const body = functions.get(key);
      const own = body === undefined ? 1 : sizeOf(key, body, callers);
      const within = node.attributes.flatMap(graphsOf);
      return sum + own + within.reduce((count, graph) => count + total(graph.nodes, callers), 0);
    }, 0);
  const count = total(model.graph.nodes, []);
  for (const [key, body] of functions) sizeOf(key, body, []);
  if (count <= LIMITS.graphNodes) return count;
  throw new RedlineError("MODEL_LIMIT", {
    what: "nodes, with functions laid out",
    expected: `at most ${LIMITS.graphNodes}`,
    received: String(count),
  });
}

function keyOf(name: string, given: { readonly domain: string; readonly overload: string }): string {
  return `${domainOf(given)}:${name}${given.overload === "" ? "" : `:${given.overload}`}`;
}

/** ONNX's own operators have two names for their domain. */
function domainOf({ domain }: { readonly domain: string }): string {
  return domain === "ai.onnx" ? "" : domain;
}

function graphsOf({ graph, graphs }: OnnxAttribute): readonly OnnxGraph[] {
  return graph === null ? graphs : [graph, ...graphs];
}
