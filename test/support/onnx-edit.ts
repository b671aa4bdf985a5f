// Owns the edits of a real model that tests need: an input made a constant, others given shapes. Knows protobuf only
// as far as that takes.

const GRAPH = 7;
const INITIALIZER = 5;
const INPUT = 11;

interface Field {
  readonly number: number;
  /** The whole field, key included. */
  readonly raw: Uint8Array;
  /** Its content, when it is of variable length. */
  readonly content: Uint8Array | undefined;
}

/** The model with its int64 scalar input `name` turned into an initializer of `value`, and float inputs of fixed shapes. */
export function inputMadeConstant(
  model: Uint8Array,
  given: { name: string; value: bigint; shapes: Readonly<Record<string, readonly number[]>> },
): Uint8Array {
  const fields = fieldsOf(model).map((field) => {
    if (field.number !== GRAPH || field.content === undefined) return field.raw;
    const graph = fieldsOf(field.content).flatMap(({ number, content, raw }) => {
      if (number !== INPUT || content === undefined) return [raw];
      const name = nameOf(content);
      const shape = given.shapes[name];
      if (shape !== undefined) return [message(INPUT, floatInput(name, shape))];
      return name === given.name ? [] : [raw];
    });
    const data = Buffer.alloc(8);
    data.writeBigInt64LE(given.value);
    const tensor = Buffer.concat([
      Buffer.from([2 << 3, 7]),
      message(8, Buffer.from(given.name)),
      message(9, data),
    ]);
    return message(GRAPH, Buffer.concat([...graph, message(INITIALIZER, tensor)]));
  });
  return Uint8Array.from(Buffer.concat(fields));
}

/** A ValueInfoProto of element type 1, float32. */
function floatInput(name: string, shape: readonly number[]): Uint8Array {
  const dimensions = shape.map((size) => message(1, Buffer.from([1 << 3, ...varintOf(size)])));
  const tensor = Buffer.concat([Buffer.from([1 << 3, 1]), message(2, Buffer.concat(dimensions))]);
  return Buffer.concat([message(1, Buffer.from(name)), message(2, message(1, tensor))]);
}

function nameOf(valueInfo: Uint8Array): string {
  const name = fieldsOf(valueInfo).find(({ number }) => number === 1)?.content;
  return Buffer.from(name ?? []).toString("utf8");
}

function fieldsOf(bytes: Uint8Array): Field[] {
  const fields: Field[] = [];
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++] ?? 0;
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const start = at;
    const key = varint();
    let content: Uint8Array | undefined;
    if ((key & 7) === 0) varint();
    else if ((key & 7) === 1) at += 8;
    else if ((key & 7) === 5) at += 4;
    else {
      const length = varint();
      content = bytes.subarray(at, at + length);
      at += length;
    }
    fields.push({ number: key >> 3, raw: bytes.subarray(start, at), content });
  }
  return fields;
}

function message(number: number, content: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from([(number << 3) | 2, ...varintOf(content.length)]), content]);
}

function varintOf(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  return [...bytes, rest];
}
