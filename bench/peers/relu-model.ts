// Owns the smallest model there is: one Relu over float32 [1, 512], as ONNX bytes. Knows no runtime.
// Field numbers are those of onnx.proto3; the bytes are protocol buffers written by hand.

const LENGTH_DELIMITED = 2;

/** Elements of the model's input and output. */
export const RELU_ELEMENTS = 512;

/** The model `y = relu(x)`. */
export function reluModel(): Uint8Array {
  const node = [...text(1, "x"), ...text(2, "y"), ...text(4, "Relu")];
  const graph = [
    ...bytes(1, node),
    ...text(2, "relu"),
    ...bytes(11, valueInfo("x")),
    ...bytes(12, valueInfo("y")),
  ];
  const opset = whole(2, 13);
  return Uint8Array.from([...whole(1, 8), ...bytes(7, graph), ...bytes(8, opset)]);
}

/** A float32 tensor [1, 512] by name. */
function valueInfo(name: string): number[] {
  const shape = [...bytes(1, whole(1, 1)), ...bytes(1, whole(1, RELU_ELEMENTS))];
  const tensor = [...whole(1, 1), ...bytes(2, shape)];
  return [...text(1, name), ...bytes(2, bytes(1, tensor))];
}

function text(field: number, value: string): number[] {
  return bytes(field, [...Buffer.from(value)]);
}

function bytes(field: number, content: readonly number[]): number[] {
  return [...varint((field << 3) | LENGTH_DELIMITED), ...varint(content.length), ...content];
}

function whole(field: number, value: number): number[] {
  return [...varint(field << 3), ...varint(value)];
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)];
}
