// Owns writing WAV bytes for tests, right ones and wrong ones. Knows no reader.

export interface WavParts {
  readonly format?: number;
  readonly channels?: number;
  readonly sampleRateHz?: number;
  readonly bits?: number;
  readonly data: Uint8Array;
  /** What the data chunk says of its length. Default: the truth. */
  readonly declaredBytes?: number;
  /** Whole chunks between fmt and data. */
  readonly between?: readonly Uint8Array[];
  /** Writes the extensible form of the format. */
  readonly extensible?: true;
  /** Writes RF64 with the length in a ds64 chunk. */
  readonly rf64?: true;
  /** What follows the data. */
  readonly after?: Uint8Array;
}

const SUB_FORMAT_TAIL = Buffer.from("000000001000800000aa00389b71", "hex");

/** A WAV file with the given parts, 16 kHz mono 16-bit by default. */
export function wavBytes(parts: WavParts): Buffer {
  const { format = 1, channels = 1, sampleRateHz = 16_000, bits = 16, data } = parts;
  const blockBytes = channels * Math.ceil(bits / 8);
  const fmt = Buffer.alloc(parts.extensible ? 40 : 16);
  fmt.writeUInt16LE(parts.extensible ? 0xfffe : format, 0);
  fmt.writeUInt16LE(channels, 2);
  fmt.writeUInt32LE(sampleRateHz, 4);
  fmt.writeUInt32LE(sampleRateHz * blockBytes, 8);
  fmt.writeUInt16LE(blockBytes, 12);
  fmt.writeUInt16LE(bits, 14);
  if (parts.extensible) {
    fmt.writeUInt16LE(22, 16);
    fmt.writeUInt16LE(bits, 18);
    fmt.writeUInt16LE(format, 24);
    SUB_FORMAT_TAIL.copy(fmt, 26);
  }
  const ds64 = Buffer.alloc(28);
  ds64.writeBigUInt64LE(BigInt(data.length), 8);
  const declared = parts.rf64 ? 0xffff_ffff : (parts.declaredBytes ?? data.length);
  const body = Buffer.concat([
    ...(parts.rf64 ? [wavChunk("ds64", ds64)] : []),
    wavChunk("fmt ", fmt),
    ...(parts.between ?? []),
    wavChunk("data", data, declared),
    parts.after ?? new Uint8Array(0),
  ]);
  const riff = Buffer.alloc(12);
  riff.write(parts.rf64 ? "RF64" : "RIFF", 0, "latin1");
  riff.writeUInt32LE(parts.rf64 ? 0xffff_ffff : (body.length + 4) >>> 0, 4);
  riff.write("WAVE", 8, "latin1");
  return Buffer.concat([riff, body]);
}

/** One RIFF chunk, padded to an even length. */
export function wavChunk(id: string, content: Uint8Array, declaredBytes: number = content.length): Buffer {
  const head = Buffer.alloc(8);
  head.write(id, 0, "latin1");
  head.writeUInt32LE(declaredBytes, 4);
  return Buffer.concat([head, content, new Uint8Array(content.length & 1)]);
}

/** 16-bit samples as bytes. */
export function s16(...samples: number[]): Buffer {
  return Buffer.from(Int16Array.from(samples).buffer);
}

/** Bytes in pieces of `size`, as a pipe may deliver them. */
export async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
