// Owns the proof that a mutant's graph is another graph: a fingerprint of structure, not of weights. Changes nothing.

import { createHash } from "node:crypto";
import type { OnnxGraph, OnnxModel, OnnxSparseTensor, OnnxTensor } from "../../runtime/graphs/onnx-model.js";
import { readModel } from "../../runtime/graphs/read-model.js";

/**
 * A hash of operators, edges, order, attributes, declared shapes and types, and constants' names, types and shapes. The
 * elements of constants do not count. Null for bytes that cannot be read.
 */
export function structureOf(bytes: Uint8Array): string | null {
  let model: OnnxModel;
  try {
    model = readModel(bytes);
  } catch {
    return null;
  }
  const outline = [
    model.irVersion,
    model.opsets.map(({ domain, version }) => [domain, version]),
    graphOutline(model.graph),
    model.functions.map((each) => [each.domain, each.name, nodesOutline(each)]),
  ];
  return createHash("sha256").update(JSON.stringify(outline)).digest("hex");
}

type Outline = readonly unknown[];

function graphOutline(graph: OnnxGraph): Outline {
  return [
    nodesOutline(graph),
    graph.initializers.map(tensorOutline),
    graph.sparseInitializers.map(sparseOutline),
    ...[graph.inputs, graph.outputs, graph.values].map((values) =>
      values.map(({ name, type }) => [name, type?.elementType, type?.shape?.map(({ size }) => size)]),
    ),
  ];
}

function nodesOutline({ nodes }: Pick<OnnxGraph, "nodes">): Outline {
  return nodes.map((node) => [
    node.domain,
    node.op,
    node.inputs,
    node.outputs,
    node.attributes.map((attribute) => [
      attribute.name,
      attribute.kind,
      String(attribute.float),
      String(attribute.int),
      attribute.string === null ? null : Buffer.from(attribute.string).toString("hex"),
      attribute.floats.map(String),
      attribute.ints.map(String),
      attribute.strings.map((text) => Buffer.from(text).toString("hex")),
      (attribute.tensor === null ? attribute.tensors : [attribute.tensor]).map(tensorOutline),
      (attribute.graph === null ? attribute.graphs : [attribute.graph]).map(graphOutline),
    ]),
  ]);
}

function tensorOutline(tensor: OnnxTensor): Outline {
  return [tensor.name, tensor.elementType, tensor.dims, tensor.external?.location];
}

function sparseOutline({ values, indices, dims }: OnnxSparseTensor): Outline {
  return [dims, ...[values, indices].map((part) => (part === null ? null : tensorOutline(part)))];
}
