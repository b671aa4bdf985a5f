// Owns reductions: means and largest numbers over some dimensions. Knows no product.
// Invariant: what is reduced is rows of one distance, and what is kept lies without gaps, or both are laid out so first.

import { placeOf } from "./draft.js";
import { isDense, loopsOf, rowMajor, sizeOf } from "./layout.js";
import type { NodeView } from "./node-view.js";
import { Buffer, type BufferView, type View } from "./tensor-view.js";

/** Ops that reduce dimensions. */
export const REDUCTION = {
  ReduceMean: (node: NodeView) => [reduced(node, meanOf)],
  ReduceMax: (node: NodeView) => [reduced(node, largestOf)],
  GlobalAveragePool: (node: NodeView) => [globalMean(node)],
} as const;

/** Rows that become one. */
interface Rows {
  readonly input: BufferView;
  readonly output: BufferView;
  readonly rows: number;
  readonly columns: number;
  readonly stride: number;
}

type Reduce = (node: NodeView, rows: Rows) => void;

function meanOf(node: NodeView, { input, output, ...numbers }: Rows): void {
  node.list.add("mean", { places: { input: placeOf(input), output: placeOf(output) }, numbers });
}

/** The largest of each column: one window over an image of one column of pixels. */
function largestOf(node: NodeView, { input, output, rows, columns, stride }: Rows): void {
  if (stride !== columns) throw node.refuse("rows without gaps");
  const image = { height: rows, width: 1, channels: columns, kernelHeight: rows, kernelWidth: 1 };
  const once = { strideY: 1, strideX: 1, padTop: 0, padLeft: 0, outHeight: 1, outWidth: 1 };
  node.list.add("pool", {
    places: { input: placeOf(input), output: placeOf(output) },
    numbers: { ...image, ...once, isMean: 0 },
  });
}

function reduced(node: NodeView, reduce: Reduce): View {
  const view = node.list.inArena(node.input(0));
  const rank = view.shape.length;
  const given = node.numbersOf(1, "axes") ?? [...view.shape.keys()];
  const axes = new Set(given.map((axis) => (axis < 0 ? axis + rank : axis)));
  const hasAxis = node.whole("keepdims", 1) === 1;
  const dropped = [...axes].filter((axis) => view.shape[axis] !== 1);
  const summed = dropped.length === 0 ? view : over(node, { view, axes: dropped, reduce });
  const kept = [...view.shape.keys()].filter((axis) => hasAxis || !axes.has(axis));
  return {
    ...summed,
    shape: kept.map((axis) => (axes.has(axis) ? 1 : view.shape[axis]!)),
    strides: kept.map((axis) => (axes.has(axis) ? 0 : summed.strides[axis]!)),
  };
}

/** The mean of each channel over the whole image. */
function globalMean(node: NodeView): View {
  const view = node.list.inArena(node.input(0));
  return over(node, { view, axes: [...view.shape.keys()].slice(2), reduce: meanOf });
}

/** Reduces rows for every column: the reduced dimensions are one loop, the others lie without gaps, or are laid out so. */
function over(
  node: NodeView,
  given: { view: BufferView; axes: readonly number[]; reduce: Reduce },
): BufferView {
  const { view, axes, reduce } = given;
  const kept = view.shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
  const columns = sizeOf(kept);
  const loops = loopsOf(
    axes.map((axis) => view.shape[axis]!),
    {
      strides: axes.map((axis) => view.strides[axis]!),
      outputStrides: axes.map((axis) => view.strides[axis]!),
    },
  );
  const [rows] = loops;
  if (loops.length !== 1 || rows === undefined || !isDense({ shape: kept, strides: view.strides })) {
    const inner = rowMajor(kept);
    const outer = rowMajor(axes.map((axis) => view.shape[axis]!));
    const strides = inner.map((stride, axis) =>
      axes.includes(axis) ? columns * outer[axes.indexOf(axis)]! : stride,
    );
    return over(node, { ...given, view: node.list.copied(view, strides) });
  }
  const output: BufferView = { ...view, shape: kept, at: 0, store: new Buffer(node.node.op, columns) };
  reduce(node, { input: view, output, rows: rows.count, columns, stride: rows.step });
  return output;
}
