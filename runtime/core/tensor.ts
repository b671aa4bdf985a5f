// Owns tensors as plain data: types, specs, shapes. Knows no model and no memory layout beyond row-major.

/** Element types that ONNX Runtime and JavaScript typed arrays share, plus strings. */
export const DTYPES = ["float32", "float16", "int8", "uint8", "int32", "int64", "bool", "string"] as const;
/** One of `DTYPES`. */
export type Dtype = (typeof DTYPES)[number];

/**
 * The array that carries a tensor's elements, row-major: float16 as raw bits in a Uint16Array, bool as 0/1 in a
 * Uint8Array, int64 in a BigInt64Array, strings in an array of strings.
 */
export type TensorData =
  | Float32Array
  | Uint16Array
  | Int8Array
  | Uint8Array
  | Int32Array
  | BigInt64Array
  | string[];

/** A tensor's name, type and shape. A dimension unknown until run time is its symbolic name (or "?"). */
export interface TensorSpec {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly (number | string)[];
}

/** Elements with their concrete shape. */
export interface Tensor {
  readonly data: TensorData;
  readonly shape: readonly number[];
}

/** Bytes per element; strings have no fixed size and answer 0. */
export const DTYPE_BYTES: Readonly<Record<Dtype, number>> = {
  float32: 4,
  float16: 2,
  int8: 1,
  uint8: 1,
  int32: 4,
  int64: 8,
  bool: 1,
  string: 0,
};

/** Whether every dimension is a number. */
export function isStaticShape(shape: readonly (number | string)[]): shape is readonly number[] {
  return shape.every((dimension) => typeof dimension === "number");
}

/** Whether `shape` is one that the spec allows: as many dimensions, and every size that the spec fixes. */
export function fitsShape(spec: Pick<TensorSpec, "shape">, shape: TensorSpec["shape"]): boolean {
  return (
    shape.length === spec.shape.length &&
    spec.shape.every((size, axis) => typeof size === "string" || size === shape[axis])
  );
}

/** The number of elements of a concrete shape; a scalar's empty shape has one. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, dimension) => product * dimension, 1);
}

/** A view of `buffer` typed for `dtype`. `byteOffset` must be a multiple of the element size. */
export function viewOf(
  dtype: Exclude<Dtype, "string">,
  buffer: ArrayBufferLike,
  range: { byteOffset: number; length: number },
): Exclude<TensorData, string[]> {
  const { byteOffset, length } = range;
  switch (dtype) {
    case "float32":
      return new Float32Array(buffer, byteOffset, length);
    case "float16":
      return new Uint16Array(buffer, byteOffset, length);
    case "int8":
      return new Int8Array(buffer, byteOffset, length);
    case "uint8":
    case "bool":
      return new Uint8Array(buffer, byteOffset, length);
    case "int32":
      return new Int32Array(buffer, byteOffset, length);
    case "int64":
      return new BigInt64Array(buffer, byteOffset, length);
  }
}

/** Whether `data` is the array class that carries `dtype`. */
export function carries(dtype: Dtype, data: unknown): data is TensorData {
  switch (dtype) {
    case "float32":
      return data instanceof Float32Array;
    case "float16":
      return data instanceof Uint16Array;
    case "int8":
      return data instanceof Int8Array;
    case "uint8":
    case "bool":
      return data instanceof Uint8Array || data instanceof Uint8ClampedArray;
    case "int32":
      return data instanceof Int32Array;
    case "int64":
      return data instanceof BigInt64Array;
    case "string":
      return Array.isArray(data) && data.every((element) => typeof element === "string");
  }
}
