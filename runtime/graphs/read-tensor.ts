// Owns reading tensors, sparse tensors, types and named values out of an ONNX file. Knows no graph.
// Invariant: elements are never copied. Field numbers are those of onnx.proto (ONNX 1.19).

import { RedlineError } from "../core/errors.js";
import { LIMITS } from "../core/limits.js";
import {
  type ExternalData,
  type OnnxDimension,
  type OnnxSparseTensor,
  type OnnxTensor,
  type OnnxType,
  type OnnxValue,
  withOrigin,
} from "./onnx-model.js";
import { exactNumber, MessageReader, malformed, type Tally } from "./wire.js";

export function readTensor(bytes: Uint8Array, tally: Tally): OnnxTensor {
  tally.count("tensors");
  const reader = new MessageReader(bytes, tally);
  const dims: bigint[] = [];
  const entries: { key: string; value: string }[] = [];
  const rest: Uint8Array[] = [];
  let name = "";
  let elementType = 0;
  let dataLocation = 0;
  let raw: Uint8Array | null = null;
  while (reader.next()) {
    if (reader.field === 1) reader.integers(dims);
    else if (reader.field === 2) elementType = reader.number();
    else if (reader.field === 8) name = reader.text();
    else if (reader.field === 9) raw = reader.payload();
    else if (reader.field === 13) entries.push(readEntry(reader.payload(), tally));
    else if (reader.field === 14) dataLocation = reader.number();
    else rest.push(reader.keep());
  }
  const external = externalOf(name, { entries, dataLocation });
  const tensor = { name, elementType, dims: dims.map(exactNumber), raw, external, dataLocation, rest };
  return withOrigin(tensor, bytes);
}

function readEntry(bytes: Uint8Array, tally: Tally): { key: string; value: string } {
  const reader = new MessageReader(bytes, tally);
  const entry = { key: "", value: "" };
  while (reader.next()) {
    if (reader.field === 1) entry.key = reader.text();
    else if (reader.field === 2) entry.value = reader.text();
    else reader.keep();
  }
  return entry;
}

function externalOf(
  name: string,
  given: { entries: { key: string; value: string }[]; dataLocation: number },
): ExternalData | null {
  const { entries, dataLocation } = given;
  if (entries.length === 0 && dataLocation === 0) return null;
  if (dataLocation !== 0 && dataLocation !== 1) throw malformed(`data location ${dataLocation} of ${name}`);
  const values = new Map(entries.map(({ key, value }) => [key, value]));
  if (values.size !== entries.length) throw malformed(`external data of ${name} with a key given twice`);
  const location = values.get("location");
  if (location === undefined) throw malformed(`external data of ${name} without a location`);
  const offset = decimalOf(name, values.get("offset") ?? "0");
  const lengthText = values.get("length");
  const length = lengthText === undefined ? null : decimalOf(name, lengthText);
  return Object.freeze({ location, offset, length, entries: Object.freeze(entries) });
}

/** Plain digits: other readers take signs, spaces and exponents each in their own way. */
function decimalOf(name: string, text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw malformed(`${JSON.stringify(text)} as a place in the external data of ${name}`);
}

export function readSparseTensor(bytes: Uint8Array, tally: Tally): OnnxSparseTensor {
  const reader = new MessageReader(bytes, tally);
  const dims: bigint[] = [];
  const rest: Uint8Array[] = [];
  let values: OnnxTensor | null = null;
  let indices: OnnxTensor | null = null;
  while (reader.next()) {
    if (reader.field === 1) values = readTensor(once(values, reader, "values"), tally);
    else if (reader.field === 2) indices = readTensor(once(indices, reader, "indices"), tally);
    else if (reader.field === 3) reader.integers(dims);
    else rest.push(reader.keep());
  }
  return withOrigin({ values, indices, dims: dims.map(exactNumber), rest }, bytes);
}

export function readValue(bytes: Uint8Array, tally: Tally): OnnxValue {
  tally.count("tensors");
  const reader = new MessageReader(bytes, tally);
  const rest: Uint8Array[] = [];
  let name = "";
  let type: OnnxType | null = null;
  while (reader.next()) {
    if (reader.field === 1) name = reader.text();
    else if (reader.field === 2) type = readType(once(type, reader, "type"), tally);
    else rest.push(reader.keep());
  }
  return withOrigin({ name, type, rest }, bytes);
}

/** Reads a type; the parts of types other than tensors' are only counted and kept. */
export function readType(bytes: Uint8Array, tally: Tally, depth = 1): OnnxType {
  if (depth > LIMITS.typeDepth) {
    throw new RedlineError("MODEL_LIMIT", {
      what: "types within types",
      expected: `at most ${LIMITS.typeDepth}`,
    });
  }
  const reader = new MessageReader(bytes, tally);
  const rest: Uint8Array[] = [];
  let tensor: ReturnType<typeof readTensorType> | null = null;
  let alternatives = 0;
  while (reader.next()) {
    const { field } = reader;
    if (field !== DENOTATION) alternatives += 1;
    if (alternatives > 1) throw malformed("a type that is two types");
    if (field === 1) {
      tensor = readTensorType(reader.payload(), tally);
      continue;
    }
    const whole = reader.keep();
    rest.push(whole);
    if (field === SEQUENCE || field === MAP || field === OPTIONAL) descend(whole, tally, depth);
  }
  const { elementType, shape } = tensor ?? { elementType: 0, shape: null };
  const kind: OnnxType["kind"] = tensor === null ? "other" : "tensor";
  return withOrigin({ kind, elementType, shape, rest }, bytes);
}

const SEQUENCE = 4;
const MAP = 5;
const OPTIONAL = 9;
const DENOTATION = 6;

/** Looks through the types within a type, given as a whole field. */
function descend(whole: Uint8Array, tally: Tally, depth: number): void {
  const outer = new MessageReader(whole, tally);
  outer.next();
  const typeField = outer.field === MAP ? 2 : 1;
  const inner = new MessageReader(outer.payload(), tally);
  while (inner.next()) {
    if (inner.field === typeField) readType(inner.payload(), tally, depth + 1);
    else inner.keep();
  }
}

function readTensorType(bytes: Uint8Array, tally: Tally) {
  const reader = new MessageReader(bytes, tally);
  let elementType = 0;
  let shape: OnnxDimension[] | null = null;
  while (reader.next()) {
    if (reader.field === 1) elementType = reader.number();
    else if (reader.field === 2) shape = readShape(once(shape, reader, "shape"), tally);
    else throw malformed(`field ${reader.field} in a tensor type`);
  }
  return { elementType, shape };
}

function readShape(bytes: Uint8Array, tally: Tally): OnnxDimension[] {
  const reader = new MessageReader(bytes, tally);
  const shape: OnnxDimension[] = [];
  while (reader.next()) {
    if (reader.field !== 1) throw malformed(`field ${reader.field} in a shape`);
    shape.push(readDimension(reader.payload(), tally));
  }
  return shape;
}

function readDimension(bytes: Uint8Array, tally: Tally): OnnxDimension {
  const reader = new MessageReader(bytes, tally);
  const rest: Uint8Array[] = [];
  let size: number | string | null = null;
  while (reader.next()) {
    if (reader.field === 1) size = reader.number();
    else if (reader.field === 2) size = reader.text();
    else rest.push(reader.keep());
  }
  return Object.freeze({ size, rest });
}

/** The payload of a field that may be given once: readers merge repeated ones, each in its own way. */
export function once(current: unknown, reader: MessageReader, what: string): Uint8Array {
  if (current !== null) throw malformed(`${what} given twice`);
  return reader.payload();
}
