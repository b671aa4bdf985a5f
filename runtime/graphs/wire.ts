// Owns walking one protobuf message field by field, and building one, over @bufbuild/protobuf's wire format. Knows no ONNX.
// Invariant: nothing is read beyond the message it belongs to; a hostile length or count ends in an error, never a long loop.

import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { RedlineError } from "../core/errors.js";
import { LIMITS } from "../core/limits.js";

/** What a model may have so many of. */
const COUNTED = {
  fields: LIMITS.graphFields,
  nodes: LIMITS.graphNodes,
  tensors: LIMITS.graphTensors,
} as const;

/** Counts what has been read of one model, across all its messages. */
export class Tally {
  readonly #counts = { fields: 0, nodes: 0, tensors: 0 };

  /** @throws RedlineError `MODEL_LIMIT` */
  count(kind: keyof typeof COUNTED): void {
    this.#counts[kind] += 1;
    if (this.#counts[kind] > COUNTED[kind]) {
      throw new RedlineError("MODEL_LIMIT", { what: kind, expected: `at most ${COUNTED[kind]}` });
    }
  }
}

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Walks the fields of one message. After `next`, exactly one of the reading methods takes the field. */
export class MessageReader {
  /** The number of the field `next` found. */
  field = 0;
  #wire: WireType = WireType.Varint;
  #start = 0;
  readonly #reader: BinaryReader;

  constructor(
    private readonly bytes: Uint8Array,
    readonly tally: Tally,
  ) {
    this.#reader = new BinaryReader(bytes);
  }

  next(): boolean {
    if (this.#reader.pos >= this.bytes.length) return false;
    this.#start = this.#reader.pos;
    [this.field, this.#wire] = this.#reader.tag();
    // ONNX has no groups, and their length is not known before they have been walked.
    const isGroup = this.#wire === WireType.StartGroup || this.#wire === WireType.EndGroup;
    if (isGroup) throw malformed(`a group in field ${this.field}`);
    this.tally.count("fields");
    return true;
  }

  integer(): bigint {
    this.#expect(WireType.Varint);
    return BigInt(this.#reader.int64());
  }

  /** An integer that JavaScript numbers hold exactly. */
  number(): number {
    return exactNumber(this.integer());
  }

  float(): number {
    this.#expect(WireType.Bit32);
    return this.#reader.float();
  }

  /** A view of the payload: a string's, a byte array's or a message's. */
  payload(): Uint8Array {
    this.#expect(WireType.LengthDelimited);
    const start = this.#reader.pos;
    const length = this.#reader.uint32();
    // The library takes the low 32 bits of a longer number; other readers of the same file may not.
    const isCanonical = this.#reader.pos - start <= 5;
    if (!isCanonical || length > this.bytes.length - this.#reader.pos) {
      throw malformed(`a length of ${length} bytes, beyond its message`);
    }
    this.#reader.pos += length;
    return this.bytes.subarray(this.#reader.pos - length, this.#reader.pos);
  }

  text(): string {
    try {
      return UTF8.decode(this.payload());
    } catch (cause) {
      if (cause instanceof RedlineError) throw cause;
      throw malformed("a name that is not UTF-8");
    }
  }

  /** One element, or a packed list of them. */
  integers(into: bigint[]): void {
    if (this.#wire !== WireType.LengthDelimited) {
      into.push(this.integer());
      return;
    }
    const packed = this.payload();
    const reader = new BinaryReader(packed);
    while (reader.pos < packed.length) {
      this.tally.count("fields");
      into.push(BigInt(reader.int64()));
    }
  }

  /** One element, or a packed list of them. */
  floats(into: number[]): void {
    if (this.#wire !== WireType.LengthDelimited) {
      into.push(this.float());
      return;
    }
    const packed = this.payload();
    if (packed.length % 4 !== 0) throw malformed("a list of floats cut short");
    const reader = new BinaryReader(packed);
    while (reader.pos < packed.length) {
      this.tally.count("fields");
      into.push(reader.float());
    }
  }

  /** The whole field as it is, its tag included. */
  keep(): Uint8Array {
    if (this.#wire === WireType.LengthDelimited) this.payload();
    else this.#reader.skip(this.#wire, this.field);
    return this.bytes.subarray(this.#start, this.#reader.pos);
  }

  #expect(wire: WireType): void {
    if (this.#wire === wire) return;
    throw malformed(`field ${this.field} with wire type ${this.#wire}, expected ${wire}`);
  }
}

/** Pieces of a message under construction. Large pieces are referred to, and copied once at the end. */
export class MessageWriter {
  readonly #pieces: Uint8Array[] = [];
  #length = 0;

  integer(field: number, value: bigint | number): this {
    return this.raw(new BinaryWriter().tag(field, WireType.Varint).int64(value).finish());
  }

  float(field: number, value: number): this {
    return this.raw(new BinaryWriter().tag(field, WireType.Bit32).float(value).finish());
  }

  text(field: number, value: string): this {
    return this.raw(new BinaryWriter().tag(field, WireType.LengthDelimited).string(value).finish());
  }

  payload(field: number, value: Uint8Array): this {
    this.#head(field, value.length);
    return this.raw(value);
  }

  message(field: number, value: MessageWriter): this {
    this.#head(field, value.#length);
    for (const piece of value.#pieces) this.raw(piece);
    return this;
  }

  /** Whole fields, tags included. */
  raw(bytes: Uint8Array): this {
    this.#pieces.push(bytes);
    this.#length += bytes.length;
    return this;
  }

  finish(): Uint8Array {
    const out = new Uint8Array(this.#length);
    let at = 0;
    for (const piece of this.#pieces) {
      out.set(piece, at);
      at += piece.length;
    }
    return out;
  }

  #head(field: number, length: number): void {
    this.raw(new BinaryWriter().tag(field, WireType.LengthDelimited).uint32(length).finish());
  }
}

/** The error for bytes that are no model, or that another reader could take for a different one. */
export function malformed(received: string): RedlineError {
  return new RedlineError("MODEL_INVALID", {
    received,
    hint: "export or download the model again; the file may be damaged",
  });
}

/** @throws RedlineError `MODEL_LIMIT` for an integer that a JavaScript number does not hold exactly */
export function exactNumber(value: bigint): number {
  const number = Number(value);
  if (Number.isSafeInteger(number)) return number;
  throw new RedlineError("MODEL_LIMIT", {
    what: "an integer",
    expected: `at most ${Number.MAX_SAFE_INTEGER}`,
    received: String(value),
  });
}
