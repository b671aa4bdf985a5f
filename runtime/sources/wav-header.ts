// Owns the header of a WAV stream: RIFF and RF64, plain and extensible, chunks in any order before the data.
// Knows no samples. Invariant: answers only layouts the decoder can read; all else is an error that says what it is.

import { RedlineError } from "../core/errors.js";
import { LIMITS } from "../core/limits.js";
import { checkLayout, convertHint } from "./audio.js";
import type { ByteStream } from "./byte-stream.js";
import type { PcmLayout } from "./pcm.js";
import { SAMPLE_BYTES, type SampleEncoding } from "./pcm-decode.js";

/** What a WAV stream says of itself before its samples. */
export interface WavHeader extends PcmLayout {
  /** Length of the samples; infinite when the writer did not know it (a pipe): they last until the stream ends. */
  readonly dataBytes: number;
}

const FORMAT_PCM = 1;
const FORMAT_FLOAT = 3;
const FORMAT_ALAW = 6;
const FORMAT_MULAW = 7;
const FORMAT_EXTENSIBLE = 0xfffe;

/** Names of formats seen in the wild that are not read here. */
const FORMAT_NAMES: Readonly<Record<number, string>> = {
  2: "Microsoft ADPCM",
  17: "IMA ADPCM",
  49: "GSM 6.10",
  80: "MPEG audio",
  85: "MP3",
  353: "Windows Media Audio",
};

/** Sixteen-byte sub-format identifiers end like this; their first two bytes are a format number. */
const SUB_FORMAT_TAIL = "000000001000800000aa00389b71";

/** Sizes of writers to a pipe, which cannot come back: ffmpeg gives 0xFFFFFFFF, others that less a header, sox 0x7FFFF000 less a header. */
function isUnknownLength(size: number): boolean {
  return size >= 0xffff_ff00 || (size >= 0x7fff_0000 && size <= 0x7fff_ffff);
}

/**
 * Reads up to the first sample.
 *
 * @throws RedlineError `SOURCE_EMPTY`, `SOURCE_FORMAT` or `SOURCE_TRUNCATED` (the stream ends before the samples begin).
 */
export async function readWavHeader(bytes: ByteStream, label: string): Promise<WavHeader> {
  const riff = await bytes.read(12);
  if (riff.length === 0) throw new RedlineError("SOURCE_EMPTY", { what: label });
  const kind = text(riff, 0, 4);
  const isWave = (kind === "RIFF" || kind === "RF64" || kind === "BW64") && text(riff, 8, 4) === "WAVE";
  if (!isWave) throw notWav(riff, label);

  let layout: PcmLayout | undefined;
  let longDataBytes: number | undefined;
  let passedBytes = 0;
  for (let chunks = 0; ; chunks++) {
    const head = await bytes.read(8);
    if (head.length < 8) throw endsInHeader(label);
    const id = text(head, 0, 4);
    const size = dataView(head).getUint32(4, true);
    if (id !== "data") passedBytes += size;
    if (chunks > LIMITS.wavChunks || passedBytes > LIMITS.wavHeaderBytes) {
      const most = `samples within ${LIMITS.wavChunks} chunks and ${LIMITS.wavHeaderBytes} bytes`;
      throw malformed(label, most, `${chunks} chunks of ${passedBytes} bytes without one`);
    }
    if (id === "data") {
      if (layout === undefined) throw malformed(label, "a fmt chunk before the data", "data first");
      return { ...layout, dataBytes: await dataLength(bytes, { size, longDataBytes }) };
    }
    if (id === "fmt ") {
      // 40 bytes is the longest layout this reader knows; what follows is passed over.
      const fields = await readPart(bytes, { label, size, most: 40 });
      layout = parseFormat(fields, label);
    } else if (id === "ds64") {
      const fields = await readPart(bytes, { label, size, most: 16 });
      if (fields.length < 16) throw malformed(label, "a ds64 chunk of 28 bytes", `${size} bytes`);
      longDataBytes = Number(dataView(fields).getBigUint64(8, true));
    } else if ((await bytes.skip(size + (size & 1))) < size) {
      throw endsInHeader(label);
    }
  }
}

async function dataLength(
  bytes: ByteStream,
  { size, longDataBytes }: { size: number; longDataBytes: number | undefined },
): Promise<number> {
  if (size === 0xffff_ffff && longDataBytes !== undefined) return longDataBytes;
  if (isUnknownLength(size)) return Infinity;
  if (size > 0) return size;
  // Zero is either the truth, followed by nothing or by another chunk, or a writer that never came back to fill it in.
  const next = await bytes.peek(4);
  const isChunk = ["LIST", "fact", "cue ", "id3 ", "ID3 ", "bext", "JUNK"].includes(text(next, 0, 4));
  return next.length === 0 || isChunk ? 0 : Infinity;
}

/** The first `most` bytes of a chunk of `size` bytes; the rest and the padding byte are passed over. */
async function readPart(
  bytes: ByteStream,
  { label, size, most }: { label: string; size: number; most: number },
): Promise<Uint8Array> {
  const fields = await bytes.read(Math.min(size, most));
  const rest = size + (size & 1) - fields.length;
  if (fields.length < Math.min(size, most) || (await bytes.skip(rest)) < rest) throw endsInHeader(label);
  return fields;
}

function parseFormat(fields: Uint8Array, label: string): PcmLayout {
  if (fields.length < 14)
    throw malformed(label, "a fmt chunk of at least 14 bytes", `${fields.length} bytes`);
  const view = dataView(fields);
  let format = view.getUint16(0, true);
  const channels = view.getUint16(2, true);
  const sampleRateHz = view.getUint32(4, true);
  const blockBytes = view.getUint16(12, true);
  checkLayout({ label, sampleRateHz, channels });
  const bits = fields.length >= 16 ? view.getUint16(14, true) : (blockBytes / channels) * 8;
  if (format === FORMAT_EXTENSIBLE) {
    if (fields.length < 40 || Buffer.from(fields.subarray(26, 40)).toString("hex") !== SUB_FORMAT_TAIL) {
      throw malformed(label, "an extensible format of a known kind", "an unknown sub-format");
    }
    format = view.getUint16(24, true);
  }
  const encoding = encodingOf({ label, format, bits });
  const expectedBytes = SAMPLE_BYTES[encoding] * channels;
  if (blockBytes !== 0 && blockBytes !== expectedBytes) {
    throw malformed(label, `${expectedBytes} bytes per sample frame`, `${blockBytes}`);
  }
  return { encoding, sampleRateHz, channels };
}

function encodingOf({
  label,
  format,
  bits,
}: {
  label: string;
  format: number;
  bits: number;
}): SampleEncoding {
  if (format === FORMAT_PCM) {
    // Odd depths such as 12 or 20 bits are stored left-justified in the next whole byte count.
    const depth = ([undefined, "u8", "s16le", "s24le", "s32le"] as const)[Math.ceil(bits / 8)];
    if (depth !== undefined) return depth;
  }
  if (format === FORMAT_FLOAT && bits === 32) return "f32le";
  if (format === FORMAT_FLOAT && bits === 64) return "f64le";
  if (format === FORMAT_ALAW && bits === 8) return "alaw";
  if (format === FORMAT_MULAW && bits === 8) return "mulaw";
  const known = [FORMAT_PCM, FORMAT_FLOAT, FORMAT_ALAW, FORMAT_MULAW].includes(format);
  const name = known ? `${bits}-bit samples` : (FORMAT_NAMES[format] ?? `format ${format}`);
  throw malformed(label, "PCM of 8 to 32 bits, float of 32 or 64 bits, A-law or mu-law", name);
}

/** File signatures a user may hand over by mistake. */
const SIGNATURES: readonly (readonly [name: string, matches: (head: Uint8Array) => boolean])[] = [
  ["MP3 audio", (head) => text(head, 0, 3) === "ID3" || (head[0] === 0xff && (head[1]! & 0xe6) === 0xe2)],
  ["AAC audio", (head) => head[0] === 0xff && (head[1]! & 0xf6) === 0xf0],
  ["FLAC audio", (head) => text(head, 0, 4) === "fLaC"],
  ["an Ogg stream", (head) => text(head, 0, 4) === "OggS"],
  ["an MP4 or M4A file", (head) => text(head, 4, 4) === "ftyp"],
  ["an AIFF file", (head) => text(head, 0, 4) === "FORM"],
  ["a big-endian WAV", (head) => text(head, 0, 4) === "RIFX"],
  ["a Wave64 file", (head) => text(head, 0, 4) === "riff"],
  ["a Matroska or WebM file", (head) => Buffer.from(head.subarray(0, 4)).toString("hex") === "1a45dfa3"],
  ["a Sun audio file", (head) => text(head, 0, 4) === ".snd"],
  ["a Core Audio file", (head) => text(head, 0, 4) === "caff"],
  ["an AMR file", (head) => text(head, 0, 5) === "#!AMR"],
  ["another RIFF file", (head) => text(head, 0, 4) === "RIFF" && head.length === 12],
];

function notWav(head: Uint8Array, label: string): RedlineError {
  const isCut = head.length < 12 && ["RIFF", "RF64", "BW64"].includes(text(head, 0, 4));
  if (isCut) return endsInHeader(label);
  const name = SIGNATURES.find(([, matches]) => matches(head))?.[0];
  const shown = Buffer.from(head.subarray(0, 8)).toString("hex");
  return malformed(label, "a WAV file", name ?? `a file that begins with the bytes ${shown}`);
}

function malformed(label: string, expected: string, received: string): RedlineError {
  return new RedlineError("SOURCE_FORMAT", { what: label, expected, received, hint: convertHint(label) });
}

function endsInHeader(label: string): RedlineError {
  return new RedlineError("SOURCE_TRUNCATED", {
    what: label,
    expected: "a WAV header followed by samples",
    received: "the end of the file inside the header",
  });
}

function text(bytes: Uint8Array, from: number, length: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1", from, from + length);
}

function dataView(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
