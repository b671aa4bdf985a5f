// Owns the YUV4MPEG2 stream format: its header, its frame marks, its planes. Knows not where the bytes come from.
// Invariant: one frame of memory however long the stream; every whole frame is delivered before an error is thrown.

import { RedlineError } from "../core/errors.js";
import { cutFrame } from "./broken-input.js";
import { ByteStream } from "./byte-stream.js";
import { createStamp, type FrameItem, type FrameSource, type StreamOptions, streamNames } from "./frame.js";
import { requireImageSize } from "./image.js";
import { type PlaneLayout, planeBytes, rgbFromPlanes } from "./y4m-colour.js";

/** What a stream's header says. */
export interface Y4mHeader extends PlaneLayout {
  readonly isInterlaced: boolean;
}

/** Longest header line: real ones are under 100 bytes; without a bound a wrong file would be read to its end. */
const LINE_BYTES_MAX = 4096;
const MAGIC = "YUV4MPEG2";

/** Chroma tags with 8-bit samples. Sub-pixel siting (`420mpeg2`, `420paldv`) is not distinguished. */
const CHROMA_TAGS: Readonly<Record<string, PlaneLayout["chroma"]>> = {
  "420": { across: 2, down: 2 },
  "420jpeg": { across: 2, down: 2 },
  "420mpeg2": { across: 2, down: 2 },
  "420paldv": { across: 2, down: 2 },
  "411": { across: 4, down: 1 },
  "422": { across: 2, down: 1 },
  "444": { across: 1, down: 1 },
  mono: undefined,
};

/**
 * Reads a stream header line.
 *
 * @throws RedlineError `SOURCE_FORMAT` for another format, chroma with alpha or more than 8 bits; `SOURCE_TOO_LARGE`.
 *
 * @example
 * parseY4mHeader({ name: "clip.y4m", line: "YUV4MPEG2 W640 H360 F20:1 Ip A1:1 C420jpeg" });
 */
export function parseY4mHeader({ name, line }: { readonly name: string; readonly line: string }): Y4mHeader {
  const [magic, ...fields] = line.trimEnd().split(" ");
  if (magic !== MAGIC) {
    throw new RedlineError("SOURCE_FORMAT", {
      what: name,
      expected: `a stream that begins with ${MAGIC}`,
      received: JSON.stringify(line.slice(0, 16)),
      hint: "raw RGB frames need their size: --raw WIDTHxHEIGHT",
    });
  }
  const fieldOf = (tag: string) => fields.find((field) => field.startsWith(tag))?.slice(tag.length);
  const width = wholeNumber(fieldOf("W"));
  const height = wholeNumber(fieldOf("H"));
  if (width === undefined || height === undefined) {
    throw new RedlineError("SOURCE_FORMAT", {
      what: name,
      expected: "W and H in the header",
      received: line,
    });
  }
  requireImageSize(name, { width, height });
  // A header without C means 4:2:0 by the format's definition.
  const tag = fieldOf("C") ?? "420jpeg";
  if (!(tag in CHROMA_TAGS)) {
    throw new RedlineError("SOURCE_FORMAT", {
      what: name,
      expected: `chroma ${Object.keys(CHROMA_TAGS).join(", ")}`,
      received: tag,
      hint: "convert it: ffmpeg -i INPUT -pix_fmt yuv420p -f yuv4mpegpipe OUTPUT.y4m",
    });
  }
  const chroma = CHROMA_TAGS[tag];
  const interlacing = fieldOf("I") ?? "p";
  return {
    width,
    height,
    ...(chroma === undefined ? {} : { chroma }),
    range: fields.includes("XCOLORRANGE=FULL") ? "full" : "limited",
    isInterlaced: interlacing === "t" || interlacing === "b" || interlacing === "m",
  };
}

/**
 * Frames of a YUV4MPEG2 stream, converted to RGB by BT.601. Interlaced streams are not de-interlaced: their frames
 * carry the flag `interlaced`.
 *
 * @throws RedlineError while iterating: `SOURCE_EMPTY`, `SOURCE_FORMAT`, `SOURCE_TOO_LARGE`, or `SOURCE_TRUNCATED`
 * after the last whole frame.
 *
 * @example
 * const frames = y4mFrames(process.stdin, { clock, name: "stdin", stem: "stdin" });
 */
export function y4mFrames(stream: AsyncIterable<Uint8Array>, options: StreamOptions): FrameSource {
  return { [Symbol.asyncIterator]: () => readFrames(stream, options) };
}

async function* readFrames(
  stream: AsyncIterable<Uint8Array>,
  options: StreamOptions,
): AsyncGenerator<FrameItem> {
  const reader = new ByteStream(stream);
  try {
    const header = await readHeader(reader, options.name);
    const { luma, chroma } = planeBytes(header);
    const planes = new Uint8Array(luma + 2 * chroma);
    const stamp = createStamp(options.clock);
    for (let id = 0; await readMark(reader, { name: options.name, id }); id++) {
      const receivedBytes = await reader.fill(planes);
      if (receivedBytes < planes.length) {
        throw cutFrame(options.name, { id, expectedBytes: planes.length, receivedBytes });
      }
      yield {
        id,
        ...streamNames(options, id),
        capturedUs: stamp(),
        width: header.width,
        height: header.height,
        data: rgbFromPlanes(planes, header),
        ...(header.isInterlaced ? { flags: ["interlaced"] } : {}),
      };
    }
  } finally {
    await reader.close();
  }
}

async function readHeader(reader: ByteStream, name: string): Promise<Y4mHeader> {
  const { text, isWhole } = await reader.line(LINE_BYTES_MAX);
  if (text === "" && !isWhole) throw new RedlineError("SOURCE_EMPTY", { what: name });
  if (!isWhole && text.startsWith(MAGIC)) {
    const received = `${text.length} bytes without the end of the line`;
    throw new RedlineError("SOURCE_TRUNCATED", { what: name, expected: "a whole header line", received });
  }
  return parseY4mHeader({ name, line: text });
}

/** Reads `FRAME ...` and answers whether there is one: false at the clean end of the stream. */
async function readMark(
  reader: ByteStream,
  place: { readonly name: string; readonly id: number },
): Promise<boolean> {
  const { text, isWhole } = await reader.line(LINE_BYTES_MAX);
  if (text === "" && !isWhole) return false;
  if (isWhole && (text === "FRAME" || text.startsWith("FRAME "))) return true;
  if (!isWhole && "FRAME ".startsWith(text.slice(0, 6))) {
    throw cutFrame(place.name, { id: place.id, expectedBytes: "FRAME ".length, receivedBytes: text.length });
  }
  throw new RedlineError("SOURCE_FORMAT", {
    what: `${place.name}, frame ${place.id}`,
    expected: "FRAME",
    received: JSON.stringify(text.slice(0, 16)),
  });
}

function wholeNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}
