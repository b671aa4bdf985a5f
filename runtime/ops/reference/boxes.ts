// Owns the boxes op's definition. Knows no other implementation.
// Invariant: every arithmetic step is rounded to float32 in the order native/ops/boxes.h has, so that the bits agree.

import { BOX_FIELDS, type BoxesPlan, BOXES_HEAD as HEAD } from "../boxes-plan.js";
import { fround } from "../float-bits.js";
import { exponential } from "./exponential.js";
import { softMargin } from "./margins.js";

/** What a network proposes: two views, or one of both. */
export interface BoxTensors {
  readonly scores: Float32Array;
  readonly boxes: Float32Array;
}

/** The four corners of the box at hand. A store into it rounds to float32. */
const corners = new Float32Array(4);

/** Writes as many rows as `out` holds and answers how many there are. All views have been checked. */
export function boxes(plan: BoxesPlan, tensors: BoxTensors, out: Float32Array): number {
  const { words } = plan;
  const floats = new Float32Array(words.buffer, words.byteOffset, words.length);
  const capacity = Math.floor(out.length / BOX_FIELDS.count);
  let count = 0;
  for (let anchor = 0; anchor < words[HEAD.anchors]!; anchor++) {
    const kind = bestClass(words, tensors.scores, anchor);
    if (kind < 0) continue;
    const score = scoreOf(words, { scores: tensors.scores, anchor, kind });
    if (!(score > floats[HEAD.threshold]!) || score === Number.POSITIVE_INFINITY) continue;
    place({ words, floats }, tensors.boxes, anchor);
    if (!isBox()) continue;
    if (count < capacity) {
      const at = count * BOX_FIELDS.count;
      out.set(corners, at);
      out[at + BOX_FIELDS.score] = score;
      out[at + BOX_FIELDS.class] = kind;
    }
    count++;
  }
  return count;
}

/** The first class of the largest score above minus infinity, or -1. */
function bestClass(words: Int32Array, scores: Float32Array, anchor: number): number {
  const start = words[HEAD.classStart]! + anchor * words[HEAD.scoreAnchor]!;
  let best = Number.NEGATIVE_INFINITY;
  let found = -1;
  for (let kind = words[HEAD.firstClass]!; kind < words[HEAD.classes]!; kind++) {
    const value = scores[start + kind * words[HEAD.scoreField]!]!;
    if (!(value > best)) continue;
    best = value;
    found = kind;
  }
  return found;
}

function scoreOf(
  words: Int32Array,
  { scores, anchor, kind }: { scores: Float32Array; anchor: number; kind: number },
): number {
  const isLogits = words[HEAD.isLogits] === 1;
  const own = words[HEAD.classStart]! + kind * words[HEAD.scoreField]! + anchor * words[HEAD.scoreAnchor]!;
  const score = isLogits ? logistic(scores[own]!) : scores[own]!;
  if (words[HEAD.objectness]! < 0) return score;
  const objectness = scores[words[HEAD.objectness]! + anchor * words[HEAD.scoreAnchor]!]!;
  if (Number.isNaN(objectness)) return 0;
  return fround(score * (isLogits ? logistic(objectness) : objectness));
}

function logistic(value: number): number {
  return fround(fround(softMargin(value) * 0.5) + 0.5);
}

/** Fills the corners. */
function place(
  { words, floats }: { words: Int32Array; floats: Float32Array },
  boxes: Float32Array,
  anchor: number,
) {
  const field = words[HEAD.boxField]!;
  const start = anchor * words[HEAD.boxAnchor]!;
  const [first, second] = words[HEAD.isYx] === 1 ? [1, 0] : [0, 1];
  const across = { low: boxes[start + first * field]!, high: boxes[start + (first + 2) * field]! };
  const down = { low: boxes[start + second * field]!, high: boxes[start + (second + 2) * field]! };
  for (const [axis, { low, high }] of [across, down].entries()) {
    let [from, to] = [low, high];
    if (words[HEAD.form] === 2) {
      const prior = words[HEAD.priors]! + 4 * anchor + axis;
      const size = floats[prior + 2]!;
      from = fround(floats[prior]! + fround(fround(low * floats[HEAD.variances]!) * size));
      const growth = fround(high * floats[HEAD.variances + 1]!);
      to = fround(size * (words[HEAD.isLinear] === 1 ? growth : exponential(growth)));
    }
    if (words[HEAD.form] !== 0) {
      const half = fround(0.5 * to);
      to = fround(from + half);
      from = fround(from - half);
    }
    const [scale, offset] = [floats[HEAD.scaleX + axis]!, floats[HEAD.offsetX + axis]!];
    corners[axis] = cut(fround(fround(from * scale) + offset), { words, floats }, axis);
    corners[axis + 2] = cut(fround(fround(to * scale) + offset), { words, floats }, axis);
  }
}

/** Held within the image, if it is cut at all; NaN stays NaN. */
function cut(value: number, { words, floats }: { words: Int32Array; floats: Float32Array }, axis: number) {
  if (words[HEAD.isCut] !== 1) return value;
  const most = floats[HEAD.imageWidth + axis]!;
  if (value < 0) return 0;
  return value > most ? most : value;
}

function isBox(): boolean {
  const [left, top, right, bottom] = corners as unknown as [number, number, number, number];
  return right > left && bottom > top && corners.every(Number.isFinite);
}
