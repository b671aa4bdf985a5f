// Owns picture files made to be small on disk and huge, or endless, in a decoder: real ones, which decode if nobody objects.

import { constants, deflateRawSync } from "node:zlib";

/** Bits of one grey level a pixel: the most pixels a byte can hold. */
export function blackPng(
  { width, height }: { readonly width: number; readonly height: number },
  extra: readonly Buffer[] = [],
): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([1, 0, 0, 0, 0], 8);
  const rawBytes = (Math.ceil(width / 8) + 1) * height;
  const signature = Buffer.from("\x89PNG\r\n\x1a\n", "latin1");
  return Buffer.concat([
    signature,
    pngChunk("IHDR", header),
    ...extra,
    pngChunk("IDAT", deflatedZeros(rawBytes)),
    pngChunk("IEND", Buffer.alloc(0)),
  ]);
}

export function pngChunk(kind: string, body: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(kind, "latin1"), body]);
  const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(body.length);
  check.writeUInt32BE(crcOf(named));
  return Buffer.concat([length, named, check]);
}

/** PNG's check; Node's own crc32 is younger than the oldest Node that runs this. */
function crcOf(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return (crc ^ 0xffffffff) >>> 0;
}

/** A zlib stream of so many zeros, made without ever holding them. */
export function deflatedZeros(bytes: number): Buffer {
  const step = 1 << 20;
  // A full flush ends each piece at a byte, and lets pieces follow each other.
  const piece = deflateRawSync(Buffer.alloc(step), { level: 9, finishFlush: constants.Z_FULL_FLUSH });
  const rest = deflateRawSync(Buffer.alloc(bytes % step), { level: 9 });
  // Adler-32 of n zeros: the first sum stays 1, the second is n.
  const check = Buffer.alloc(4);
  check.writeUInt32BE((((bytes % 65_521) << 16) | 1) >>> 0);
  const pieces = Array.from({ length: Math.floor(bytes / step) }, () => piece);
  return Buffer.concat([Buffer.from([0x78, 0xda]), ...pieces, rest, check]);
}

/** A grey progressive JPEG whose coefficients come one at a time and one bit at a time: as many passes as the format allows. */
export function scannedJpeg(given: {
  readonly width: number;
  readonly height: number;
  readonly scans: number;
}) {
  const { width, height, scans } = given;
  const blocks = Math.ceil(width / 8) * Math.ceil(height / 8);
  const size = Buffer.alloc(4);
  size.writeUInt16BE(height, 0);
  size.writeUInt16BE(width, 2);
  const parts = [
    Buffer.from([0xff, 0xd8]),
    segment(0xdb, Buffer.concat([Buffer.from([0]), Buffer.alloc(64, 1)])),
    segment(0xc2, Buffer.concat([Buffer.from([8]), size, Buffer.from([1, 1, 0x11, 0])])),
    // One code of one bit each: no difference for the first coefficient, a run of 16384 empty blocks for the others.
    segment(0xc4, Buffer.concat([Buffer.from([0x00, 1]), Buffer.alloc(15), Buffer.from([0x00])])),
    segment(0xc4, Buffer.concat([Buffer.from([0x10, 1]), Buffer.alloc(15), Buffer.from([0xe0])])),
    scan({ first: 0, last: 0, high: 0, low: 0 }),
    Buffer.alloc(Math.floor(blocks / 8), 0),
    ...(blocks % 8 === 0 ? [] : [Buffer.from([0xff >> (blocks % 8)])]),
  ];
  const run = emptyRuns(blocks);
  for (let count = 0; count < scans; count++) {
    const [coefficient, bit] = [1 + (count % 63), 13 - Math.floor(count / 63)];
    parts.push(
      scan({ first: coefficient, last: coefficient, high: bit === 13 ? 0 : bit + 1, low: bit }),
      run,
    );
  }
  return Buffer.concat([...parts, Buffer.from([0xff, 0xd9])]);
}

function segment(marker: number, body: Buffer): Buffer {
  const head = Buffer.from([0xff, marker, 0, 0]);
  head.writeUInt16BE(body.length + 2, 2);
  return Buffer.concat([head, body]);
}

function scan({
  first,
  last,
  high,
  low,
}: {
  first: number;
  last: number;
  high: number;
  low: number;
}): Buffer {
  return segment(0xda, Buffer.from([1, 1, 0x00, first, last, (high << 4) | low]));
}

/** Runs of empty blocks, a code of one bit and fourteen bits of length each: 16384 to 32767 blocks. */
function emptyRuns(blocks: number): Buffer {
  let bits = "";
  for (let left = blocks; left > 0; ) {
    const taken = left >= 49_151 ? 32_767 : left > 32_767 ? left - 16_384 : left;
    if (taken < 16_384) throw new Error(`${blocks} blocks do not divide into runs`);
    bits += `0${(taken - 16_384).toString(2).padStart(14, "0")}`;
    left -= taken;
  }
  bits = bits.padEnd(Math.ceil(bits.length / 8) * 8, "1");
  const bytes = bits.match(/.{8}/g)!.map((byte) => Number.parseInt(byte, 2));
  return Buffer.from(bytes.flatMap((byte) => (byte === 0xff ? [0xff, 0] : [byte])));
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

/** Text in a PNG that unpacks to so many bytes. */
export function textBomb(bytes: number): Buffer {
  return pngChunk("zTXt", Buffer.concat([Buffer.from("Comment\0\0", "latin1"), deflatedZeros(bytes)]));
}

/** A colour profile in a PNG that unpacks to so many bytes. */
export function profileBomb(bytes: number): Buffer {
  return pngChunk("iCCP", Buffer.concat([Buffer.from("p\0\0", "latin1"), deflatedZeros(bytes)]));
}

/** An SVG of which every entity holds ten of the one before. */
export function laughingSvg(): Buffer {
  const entities = Array.from({ length: 9 }, (_, index) => {
    const inner = index === 0 ? "ha" : `&e${index - 1};`.repeat(10);
    return `<!ENTITY e${index} "${inner}">`;
  });
  return Buffer.from(
    `<?xml version="1.0"?><!DOCTYPE svg [${entities.join("")}]><svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><text>&e8;</text></svg>`,
  );
}

/** A TIFF of one strip that is not there. */
export function tiffHeader({ width, height }: { readonly width: number; readonly height: number }): Buffer {
  const tags: [number, number][] = [
    [256, width],
    [257, height],
    [258, 8],
    [259, 1],
    [262, 1],
    [273, 8],
    [277, 1],
    [278, height],
    [279, 8],
  ];
  const count = Buffer.alloc(2);
  count.writeUInt16LE(tags.length);
  const entries = tags.map(([tag, value]) => {
    const entry = Buffer.alloc(12);
    entry.writeUInt16LE(tag, 0);
    entry.writeUInt16LE(4, 2);
    entry.writeUInt32LE(1, 4);
    entry.writeUInt32LE(value, 8);
    return entry;
  });
  return Buffer.concat([Buffer.from("II*\0", "latin1"), uint32(8), count, ...entries, uint32(0)]);
}
