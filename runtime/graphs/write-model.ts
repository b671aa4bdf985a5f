// Owns writing a plain graph back as an ONNX file's bytes. Opens no file.
// Invariant: a part that was read and not replaced is written as the bytes it was read from.

import {
  type OnnxAttribute,
  type OnnxDimension,
  type OnnxFunction,
  type OnnxGraph,
  type OnnxModel,
  type OnnxNode,
  type OnnxOpset,
  type OnnxSparseTensor,
  type OnnxTensor,
  type OnnxType,
  type OnnxValue,
  originOf,
} from "./onnx-model.js";
import { MessageWriter } from "./wire.js";

/** The bytes of a model. Field numbers are those `readModel` reads. */
export function writeModel(model: OnnxModel): Uint8Array {
  return written(model, (writer) => {
    writer.integer(1, model.irVersion);
    each(writer, { field: 8, parts: model.opsets, write: opset });
    writer.message(7, written(model.graph, graph(model.graph)));
    each(writer, { field: 25, parts: model.functions, write: definition });
    keep(writer, model);
  }).finish();
}

type Fill = (writer: MessageWriter) => void;

/** A part's original bytes, or what `fill` writes. */
function written(part: object, fill: Fill): MessageWriter {
  const writer = new MessageWriter();
  const origin = originOf(part);
  if (origin === undefined) fill(writer);
  else writer.raw(origin);
  return writer;
}

function each<Part extends object>(
  writer: MessageWriter,
  given: {
    readonly field: number;
    readonly parts: readonly Part[];
    readonly write: (part: Part) => Fill;
  },
): void {
  for (const part of given.parts) writer.message(given.field, written(part, given.write(part)));
}

function one<Part extends object>(
  writer: MessageWriter,
  given: { readonly field: number; readonly part: Part | null; readonly write: (part: Part) => Fill },
): void {
  const { field, part, write } = given;
  if (part !== null) writer.message(field, written(part, write(part)));
}

/** ONNX's own writers leave empty texts out. */
function text(writer: MessageWriter, field: number, value: string): void {
  if (value !== "") writer.text(field, value);
}

function keep(writer: MessageWriter, part: { readonly rest: readonly Uint8Array[] }): void {
  for (const field of part.rest) writer.raw(field);
}

const opset =
  (part: OnnxOpset): Fill =>
  (writer) => {
    writer.text(1, part.domain).integer(2, part.version);
    keep(writer, part);
  };

const graph =
  (part: OnnxGraph): Fill =>
  (writer) => {
    each(writer, { field: 1, parts: part.nodes, write: node });
    text(writer, 2, part.name);
    each(writer, { field: 5, parts: part.initializers, write: tensor });
    each(writer, { field: 11, parts: part.inputs, write: value });
    each(writer, { field: 12, parts: part.outputs, write: value });
    each(writer, { field: 13, parts: part.values, write: value });
    each(writer, { field: 15, parts: part.sparseInitializers, write: sparseTensor });
    keep(writer, part);
  };

const node =
  (part: OnnxNode): Fill =>
  (writer) => {
    for (const name of part.inputs) writer.text(1, name);
    for (const name of part.outputs) writer.text(2, name);
    text(writer, 3, part.name);
    text(writer, 4, part.op);
    each(writer, { field: 5, parts: part.attributes, write: attribute });
    text(writer, 7, part.domain);
    text(writer, 8, part.overload);
    keep(writer, part);
  };

const attribute =
  (part: OnnxAttribute): Fill =>
  (writer) => {
    text(writer, 1, part.name);
    if (part.float !== null) writer.float(2, part.float);
    if (part.int !== null) writer.integer(3, part.int);
    if (part.string !== null) writer.payload(4, part.string);
    one(writer, { field: 5, part: part.tensor, write: tensor });
    one(writer, { field: 6, part: part.graph, write: graph });
    for (const item of part.floats) writer.float(7, item);
    for (const item of part.ints) writer.integer(8, item);
    for (const item of part.strings) writer.payload(9, item);
    each(writer, { field: 10, parts: part.tensors, write: tensor });
    each(writer, { field: 11, parts: part.graphs, write: graph });
    if (part.kind !== 0) writer.integer(20, part.kind);
    one(writer, { field: 22, part: part.sparseTensor, write: sparseTensor });
    each(writer, { field: 23, parts: part.sparseTensors, write: sparseTensor });
    keep(writer, part);
  };

const tensor =
  (part: OnnxTensor): Fill =>
  (writer) => {
    for (const size of part.dims) writer.integer(1, size);
    writer.integer(2, part.elementType);
    text(writer, 8, part.name);
    if (part.raw !== null) writer.payload(9, part.raw);
    for (const { key, value: entry } of part.external?.entries ?? []) {
      writer.message(13, new MessageWriter().text(1, key).text(2, entry));
    }
    if (part.dataLocation !== 0) writer.integer(14, part.dataLocation);
    keep(writer, part);
  };

const sparseTensor =
  (part: OnnxSparseTensor): Fill =>
  (writer) => {
    one(writer, { field: 1, part: part.values, write: tensor });
    one(writer, { field: 2, part: part.indices, write: tensor });
    for (const size of part.dims) writer.integer(3, size);
    keep(writer, part);
  };

const value =
  (part: OnnxValue): Fill =>
  (writer) => {
    text(writer, 1, part.name);
    one(writer, { field: 2, part: part.type, write: type });
    keep(writer, part);
  };

const type =
  (part: OnnxType): Fill =>
  (writer) => {
    if (part.kind === "tensor") {
      const inner = new MessageWriter().integer(1, part.elementType);
      if (part.shape !== null) inner.message(2, shape(part.shape));
      writer.message(1, inner);
    }
    keep(writer, part);
  };

function shape(dimensions: readonly OnnxDimension[]): MessageWriter {
  const writer = new MessageWriter();
  for (const dimension of dimensions) {
    const inner = new MessageWriter();
    if (typeof dimension.size === "number") inner.integer(1, dimension.size);
    if (typeof dimension.size === "string") inner.text(2, dimension.size);
    keep(inner, dimension);
    writer.message(1, inner);
  }
  return writer;
}

const definition =
  (part: OnnxFunction): Fill =>
  (writer) => {
    text(writer, 1, part.name);
    for (const name of part.inputs) writer.text(4, name);
    for (const name of part.outputs) writer.text(5, name);
    each(writer, { field: 7, parts: part.nodes, write: node });
    each(writer, { field: 9, parts: part.opsets, write: opset });
    text(writer, 10, part.domain);
    each(writer, { field: 11, parts: part.attributes, write: attribute });
    each(writer, { field: 12, parts: part.values, write: value });
    text(writer, 13, part.overload);
    keep(writer, part);
  };
