// Owns conv1d, GEMM and matrix products with constant matrices: windows of time-major rows times one matrix.
// Invariant: taps that only ever meet padding are no part of the matrix.

import { PLAIN } from "../ops/network-steps.js";
import { type DraftList, placeOf } from "./draft.js";
import { sizeOf } from "./layout.js";
import { convolvedImage, pooled } from "./lower-image.js";
import type { NodeView } from "./node-view.js";
import {
  Buffer,
  type BufferView,
  elementsOf,
  FLOAT,
  floatsOf,
  isConstant,
  type View,
} from "./tensor-view.js";

/** Ops that multiply with a constant matrix. */
export const CONVOLUTION = {
  Conv: (node: NodeView) => [node.input(0).shape.length === 4 ? convolvedImage(node) : convolved(node)],
  MaxPool: (node: NodeView) => [pooled(node)],
  AveragePool: (node: NodeView) => [pooled(node)],
  Gemm: (node: NodeView) => [product(node)],
  MatMul: (node: NodeView) => [product(node)],
} as const;

/** Sizes of a conv1d: channels in and out, taps, steps, padding. */
interface Windows {
  readonly channels: number;
  readonly columns: number;
  readonly taps: number;
  readonly stride: number;
  readonly before: number;
  readonly inputRows: number;
  readonly rows: number;
}

function convolved(node: NodeView): View {
  const view = node.input(0);
  const weights = node.constant(1);
  const [batch, channels = 0, inputRows = 0] = view.shape;
  const [columns = 0, depth = 0, taps = 0] = weights.shape;
  const isPlain = view.shape.length === 3 && weights.shape.length === 3 && batch === 1 && depth === channels;
  if (!isPlain || node.whole("group", 1) !== 1 || node.wholes("dilations", [1])[0] !== 1)
    throw node.refuse("one dimension, one group, no dilation");
  const pad = node.text("auto_pad", "NOTSET");
  if (pad !== "NOTSET" && pad !== "VALID") throw node.refuse("padding by numbers");
  const [before = 0, after = 0] = node.wholes("pads", [0, 0]);
  const [stride = 1] = node.wholes("strides", [1]);
  const rows = Math.floor((inputRows + before + after - taps) / stride) + 1;
  if (rows < 1) throw node.refuse("a kernel no longer than its input");
  const given = { channels, columns, taps, stride, before, inputRows, rows };
  const bias = node.optional(2);
  if (bias !== undefined && !isConstant(bias)) throw node.refuse("a constant bias");
  return emit(node, { view, weights: floatsOf(weights), windows: given, ...(bias && { bias }) });
}

function emit(
  node: NodeView,
  given: { view: View; weights: Float32Array; windows: Windows; bias?: View },
): BufferView {
  const { bias, view } = given;
  const { windows, first } = withoutIdleTaps(given.windows);
  const { channels, columns, taps, stride, before, inputRows, rows } = windows;
  const reach = (rows - 1) * stride + taps;
  const after = Math.max(0, reach - before - inputRows);
  const input = withRoom(node.list, {
    view: timeMajor(node.list, view),
    before: Math.max(0, before) * channels,
    after: after * channels,
  });
  const store = new Buffer(node.node.name, rows * columns);
  node.list.add("affine", {
    places: {
      input: { buffer: input.store, at: input.at + Math.max(0, -before) * channels },
      output: { buffer: store, at: 0 },
    },
    numbers: {
      rows,
      stride: stride * channels,
      depth: taps * channels,
      columns,
      outputStride: columns,
      ...PLAIN,
      zeroBefore: Math.max(0, before) * channels,
      zeroAfter: after * channels,
    },
    constants: {
      weights: byTaps(given.weights, { ...windows, allTaps: given.windows.taps, first }),
      ...(bias !== undefined && isConstant(bias) ? { bias: Float32Array.from(elementsOf(bias)) } : {}),
    },
  });
  return { elementType: FLOAT, store, at: 0, shape: [1, columns, rows], strides: [0, 1, columns] };
}

/** Drops taps that meet padding in every window: short inputs have many. */
function withoutIdleTaps(windows: Windows): { windows: Windows; first: number } {
  const { taps, stride, before, inputRows, rows } = windows;
  const meets = (tap: number): boolean =>
    Array.from({ length: rows }, (_, row) => row * stride - before + tap).some(
      (place) => place >= 0 && place < inputRows,
    );
  const used = Array.from({ length: taps }, (_, tap) => tap).filter(meets);
  const first = used[0] ?? 0;
  const last = used.at(-1) ?? 0;
  return { windows: { ...windows, taps: last - first + 1, before: before - first }, first };
}

/** Weights of each column in the order of a time-major window: tap by tap, channel by channel. */
function byTaps(
  weights: Float32Array,
  given: { columns: number; channels: number; taps: number; allTaps: number; first: number },
): Float32Array {
  const { columns, channels, taps, allTaps, first } = given;
  const ordered = new Float32Array(columns * taps * channels);
  let at = 0;
  for (let column = 0; column < columns; column++)
    for (let tap = first; tap < first + taps; tap++)
      for (let channel = 0; channel < channels; channel++)
        ordered[at++] = weights[(column * channels + channel) * allTaps + tap]!;
  return ordered;
}

/** [1, channels, rows] with the channels of a row side by side. */
function timeMajor(list: DraftList, view: View): BufferView {
  const held = list.inArena(view);
  const [, channels = 1, rows = 1] = held.shape;
  const [, channelStride, rowStride] = held.strides;
  const isMajor = (channels === 1 || channelStride === 1) && (rows === 1 || rowStride === channels);
  return isMajor ? held : list.copied(held, [0, 1, channels]);
}

/** A tensor with room for padding around it: a buffer of its own, unless it has one already. */
function withRoom(list: DraftList, given: { view: BufferView; before: number; after: number }): BufferView {
  const { view, before, after } = given;
  if (before === 0 && after === 0) return view;
  const { store } = view;
  const isWhole = view.at === 0 && sizeOf(view.shape) === store.floats && store.within === null;
  const [, channels = 1] = view.shape;
  const held = isWhole ? view : list.copied(view, [0, 1, channels]);
  held.store.before = Math.max(held.store.before, before);
  held.store.after = Math.max(held.store.after, after);
  return held;
}

/** Rows times a constant matrix, given as columns x depth or turned. */
function product(node: NodeView): View {
  const isGemm = node.node.op === "Gemm";
  const matrix = node.constant(1);
  if (matrix.shape.length !== 2) throw node.refuse("a matrix of two dimensions");
  const isTurned = isGemm && node.whole("transB", 0) === 1;
  if (
    isGemm &&
    (node.whole("transA", 0) !== 0 || node.number("alpha", 1) !== 1 || node.number("beta", 1) !== 1)
  )
    throw node.refuse("alpha and beta of 1, and rows as they are");
  const [rowsOf = 0, columnsOf = 0] = matrix.shape;
  const [depth, columns] = isTurned ? [columnsOf, rowsOf] : [rowsOf, columnsOf];
  const view = node.list.inOrder(node.input(0));
  if (view.shape.at(-1) !== depth) throw node.refuse(`rows of ${depth}`);
  const rows = sizeOf(view.shape) / depth;
  const bias = isGemm ? node.optional(2) : undefined;
  const isRow = bias === undefined || (isConstant(bias) && sizeOf(bias.shape) === columns);
  if (!isRow) throw node.refuse("a constant bias of one row");
  const [rowStride = 0, columnStride = 0] = matrix.strides;
  const turned = isTurned
    ? matrix
    : { ...matrix, shape: [columns, depth], strides: [columnStride, rowStride] };
  const shape = [...view.shape.slice(0, -1), columns];
  const store = new Buffer(node.node.name, rows * columns);
  node.list.add("affine", {
    places: { input: placeOf(view), output: { buffer: store, at: 0 } },
    numbers: {
      rows,
      stride: depth,
      depth,
      columns,
      outputStride: columns,
      ...PLAIN,
      zeroBefore: 0,
      zeroAfter: 0,
    },
    constants: {
      weights: floatsOf(turned),
      ...(bias !== undefined && isConstant(bias) ? { bias: Float32Array.from(elementsOf(bias)) } : {}),
    },
  });
  const strides = shape.map((_, axis) => sizeOf(shape.slice(axis + 1)));
  return { elementType: FLOAT, store, at: 0, shape, strides };
}
