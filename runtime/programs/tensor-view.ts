// Owns values while a graph is lowered: views of constants, which are known, and of buffers, which a run fills.
// Knows no op. Invariant: constants are never written; a buffer is written by steps and once for each of its elements.

import { RedlineError } from "../core/errors.js";
import { ELEMENT_BITS, type OnnxTensor } from "../graphs/onnx-model.js";
import { MessageReader, Tally } from "../graphs/wire.js";
import { isRowMajor, type Layout, rowMajor, sizeOf, walk } from "./layout.js";

/** Element types of ONNX that programs know, by TensorProto.DataType. */
export const FLOAT = 1;
export const INT32 = 6;
export const INT64 = 7;
export const BOOL = 9;

/** Known elements. Whole numbers and truth values are numbers too. */
export class Constants {
  constructor(readonly data: ArrayLike<number>) {}
}

/** Floats of the arena that steps fill. */
export class Buffer {
  /** Floats kept free in front and behind, for the padding of whoever reads it. */
  before = 0;
  after = 0;
  /** Where it lies within another buffer, once it is known to. */
  within: { readonly buffer: Buffer; readonly at: number } | null = null;

  constructor(
    readonly name: string,
    readonly floats: number,
    /** Filled from outside before a run. */
    readonly isInput = false,
  ) {}
}

/** A place in a buffer. */
export interface Place {
  readonly buffer: Buffer;
  readonly at: number;
}

/** A tensor: some elements of a store, in some order. */
export interface View extends Layout {
  readonly elementType: number;
  readonly store: Constants | Buffer;
  readonly at: number;
}

/** A tensor whose elements are known. */
export interface ConstantView extends View {
  readonly store: Constants;
}

/** A tensor that a run fills. */
export interface BufferView extends View {
  readonly store: Buffer;
}

export function isConstant(view: View): view is ConstantView {
  return view.store instanceof Constants;
}

export function isBuffer(view: View): view is BufferView {
  return view.store instanceof Buffer;
}

/** A row-major constant. */
export function constant(
  elementType: number,
  given: { shape: readonly number[]; data: ArrayLike<number> },
): ConstantView {
  const { shape, data } = given;
  return { elementType, shape, strides: rowMajor(shape), at: 0, store: new Constants(data) };
}

/** A row-major tensor of a buffer of its own. */
export function ownBuffer(name: string, shape: readonly number[]): BufferView {
  const buffer = new Buffer(name, sizeOf(shape));
  return { elementType: FLOAT, shape, strides: rowMajor(shape), at: 0, store: buffer };
}

/** The elements in row-major order. */
export function elementsOf(view: ConstantView): number[] {
  const elements: number[] = [];
  walk(view, (place) => elements.push(view.store.data[view.at + place]!));
  return elements;
}

/** Float elements in row-major order: the store's own when they lie so. */
export function floatsOf(view: ConstantView): Float32Array {
  const { data } = view.store;
  if (data instanceof Float32Array && isRowMajor(view))
    return data.subarray(view.at, view.at + sizeOf(view.shape));
  return Float32Array.from(elementsOf(view));
}

/** What a model file holds as a constant. Elements of other types than those above are no constants of programs. */
export function constantOf(tensor: OnnxTensor): ConstantView {
  const { elementType, dims: shape, name } = tensor;
  const isKnown = [FLOAT, INT32, INT64, BOOL].includes(elementType);
  if (!isKnown || tensor.external !== null || ELEMENT_BITS[elementType] === undefined)
    throw new RedlineError("MODEL_UNSUITABLE", {
      what: `the constant ${name}`,
      expected: "float32, int32, int64 or bool in the model's own file",
      received: tensor.external === null ? `ONNX element type ${elementType}` : "external data",
    });
  const data = tensor.raw === null ? listed(tensor) : rawElements(elementType, tensor.raw);
  if (data.length !== sizeOf(shape))
    throw new RedlineError("MODEL_INVALID", {
      what: `the constant ${name}`,
      expected: `${sizeOf(shape)} elements`,
      received: String(data.length),
    });
  return constant(elementType, { shape, data });
}

function rawElements(elementType: number, raw: Uint8Array): ArrayLike<number> {
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  const of = (bytes: number, read: (at: number) => number): number[] =>
    Array.from({ length: Math.floor(raw.length / bytes) }, (_, index) => read(index * bytes));
  if (elementType === FLOAT) {
    // A copy, for the elements may lie at any address of the file (and `slice` of a Buffer copies nothing).
    return new Float32Array(new Uint8Array(raw).buffer, 0, Math.floor(raw.length / 4));
  }
  if (elementType === INT32) return of(4, (at) => view.getInt32(at, true));
  if (elementType === INT64) return of(8, (at) => Number(view.getBigInt64(at, true)));
  return of(1, (at) => view.getUint8(at));
}

/** Elements in the typed lists of TensorProto: float_data 4, int32_data 5, int64_data 7. */
function listed(tensor: OnnxTensor): number[] {
  const elements: number[] = [];
  for (const whole of tensor.rest) {
    const reader = new MessageReader(whole, new Tally());
    reader.next();
    if (reader.field === 4) reader.floats(elements);
    if (reader.field !== 5 && reader.field !== 7) continue;
    const integers: bigint[] = [];
    reader.integers(integers);
    for (const integer of integers) elements.push(Number(integer));
  }
  return elements;
}
