// Owns the image op's definition: rows sampled, turned into RGB, normalised, stored. Knows no other implementation.
// Invariant: every arithmetic step is rounded to float32 in the order native/ops/image.h has, so that the bits agree.

import { numberToHalf } from "../../core/half.js";
import { fround, lerp, roundToWhole } from "../float-bits.js";
import { IMAGE_HEAD as HEAD, IMAGE_ELEMENTS, type ImagePlan } from "../image-plan.js";

/** The arrays an image may be written to. */
export type ImageElements = Float32Array | Uint16Array | Uint8Array | Int8Array;

/** Writes every element of `target` once from `source`. Both have been checked. */
export function image(plan: ImagePlan, source: Uint8Array, target: ImageElements): void {
  const words = plan.words;
  const floats = new Float32Array(words.buffer, words.byteOffset, words.length);
  const [width, height] = [words[HEAD.width]!, words[HEAD.height]!];
  const [left, top] = [words[HEAD.left]!, words[HEAD.top]!];
  const contentHeight = words[HEAD.contentHeight]!;
  const isArea = words[HEAD.filter] === 1;
  const sampleRow = isArea ? areaRow : bilinearRow;
  const rows = [0, 1, 2].map((channel) =>
    plan.scratch.subarray(channel * width, (channel + 1) * width),
  ) as RowOf3;
  const content = rows.map((row) => row.subarray(left, left + words[HEAD.contentWidth]!)) as RowOf3;
  for (let y = 0; y < height; y++) {
    for (let channel = 0; channel < 3; channel++) rows[channel]!.fill(floats[HEAD.pad + channel]!);
    const v = y - top;
    if (v >= 0 && v < contentHeight) {
      if (words[HEAD.isPlanes] === 1) {
        sampleRow({ words, floats, axis: 0, row: v, byte: 0 }, source, content[0]);
        sampleRow({ words, floats, axis: 2, row: v, byte: words[HEAD.cbOffset]! }, source, content[1]);
        sampleRow({ words, floats, axis: 2, row: v, byte: words[HEAD.crOffset]! }, source, content[2]);
        toRgb(floats, content);
      } else {
        for (let channel = 0; channel < 3; channel++) {
          const byte = words[HEAD.byteOf + channel]!;
          sampleRow({ words, floats, axis: 0, row: v, byte }, source, content[channel]!);
        }
      }
      normalise(floats, content);
    }
    storeRow({ words, y }, rows, target);
  }
}

type RowOf3 = [Float32Array, Float32Array, Float32Array];

/** One component of one output row: its column axis (the row axis follows it), and the byte it has within a pixel. */
interface Component {
  readonly words: Int32Array;
  readonly floats: Float32Array;
  readonly axis: 0 | 2;
  readonly row: number;
  readonly byte: number;
}

function bilinearRow({ words, floats, axis, row, byte }: Component, source: Uint8Array, into: Float32Array) {
  const count = words[HEAD.contentWidth]!;
  const countDown = words[HEAD.contentHeight]!;
  const columns = HEAD.axes + 3 * axis;
  const offsets = words[columns + 1]!;
  const weights = words[columns + 2]!;
  const down = floats[words[columns + 5]! + row]!;
  const top = words[words[columns + 4]! + row]! + byte;
  const bottom = words[words[columns + 4]! + countDown + row]! + byte;
  for (let x = 0; x < count; x++) {
    const first = words[offsets + x]!;
    const second = words[offsets + count + x]!;
    const across = floats[weights + x]!;
    const upper = lerp(source[top + first]!, source[top + second]!, across);
    const lower = lerp(source[bottom + first]!, source[bottom + second]!, across);
    into[x] = lerp(upper, lower, down);
  }
}

function areaRow({ words, floats, axis, row, byte }: Component, source: Uint8Array, into: Float32Array) {
  const count = words[HEAD.contentWidth]!;
  const countDown = words[HEAD.contentHeight]!;
  const columns = HEAD.axes + 3 * axis;
  const [tapsAcross, offsets, weights] = [words[columns]!, words[columns + 1]!, words[columns + 2]!];
  const [tapsDown, rowOffsets, rowWeights] = [words[columns + 3]!, words[columns + 4]!, words[columns + 5]!];
  for (let x = 0; x < count; x++) {
    let sum = 0;
    for (let j = 0; j < tapsDown; j++) {
      const line = words[rowOffsets + j * countDown + row]! + byte;
      let across = 0;
      for (let i = 0; i < tapsAcross; i++) {
        const weighted = fround(
          floats[weights + i * count + x]! * source[line + words[offsets + i * count + x]!]!,
        );
        across = fround(across + weighted);
      }
      sum = fround(sum + fround(floats[rowWeights + j * countDown + row]! * across));
    }
    into[x] = sum;
  }
}

/** Luma, Cb and Cr rows become the three output channels, held within a byte's range. */
function toRgb(floats: Float32Array, [first, second, third]: RowOf3): void {
  const [bias, gain] = [floats[HEAD.lumaBias]!, floats[HEAD.lumaGain]!];
  for (let x = 0; x < first.length; x++) {
    const luma = fround(fround(first[x]! - bias) * gain);
    const cb = fround(second[x]! - 128);
    const cr = fround(third[x]! - 128);
    first[x] = channelOf(floats, 0, { luma, cb, cr });
    second[x] = channelOf(floats, 1, { luma, cb, cr });
    third[x] = channelOf(floats, 2, { luma, cb, cr });
  }
}

function channelOf(
  floats: Float32Array,
  channel: number,
  { luma, cb, cr }: { luma: number; cb: number; cr: number },
): number {
  const blue = fround(luma + fround(cb * floats[HEAD.cbWeight + channel]!));
  const value = fround(blue + fround(cr * floats[HEAD.crWeight + channel]!));
  // Written so that -0 becomes 0, as in vector code.
  const raised = value > 0 ? value : 0;
  return raised < 255 ? raised : 255;
}

function normalise(floats: Float32Array, rows: RowOf3): void {
  for (let channel = 0; channel < 3; channel++) {
    const row = rows[channel]!;
    const gain = floats[HEAD.gain + channel]!;
    const bias = floats[HEAD.bias + channel]!;
    for (let x = 0; x < row.length; x++) row[x] = fround(fround(row[x]! * gain) + bias);
  }
}

function storeRow(at: { words: Int32Array; y: number }, rows: RowOf3, target: ImageElements): void {
  const { words, y } = at;
  const [width, height] = [words[HEAD.width]!, words[HEAD.height]!];
  const isPlanar = words[HEAD.isPlanar] === 1;
  const element = IMAGE_ELEMENTS[words[HEAD.element]!]!;
  for (let channel = 0; channel < 3; channel++) {
    const row = rows[channel]!;
    const start = isPlanar ? (channel * height + y) * width : y * width * 3 + channel;
    const step = isPlanar ? 1 : 3;
    if (element === "float32") {
      for (let x = 0, to = start; x < width; x++, to += step) target[to] = row[x]!;
    } else if (element === "float16") {
      for (let x = 0, to = start; x < width; x++, to += step) target[to] = numberToHalf(row[x]!);
    } else {
      const [least, most] = element === "uint8" ? [0, 255] : [-128, 127];
      for (let x = 0, to = start; x < width; x++, to += step)
        target[to] = roundToWhole(Math.min(Math.max(row[x]!, least), most));
    }
  }
}
