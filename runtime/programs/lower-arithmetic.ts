// Owns element-wise ops, reductions and padding: activations, the four operations, magnitudes, means.
// Invariant: an op on a dense tensor keeps its layout, whatever the order of its dimensions.

import { floatBits } from "../ops/float-bits.js";
import { ACTIVATIONS, type Activation, COMBINATIONS, type Combination } from "../ops/network-steps.js";
import { placeOf } from "./draft.js";
import { broadcast, fold, isKnown, stretched } from "./fold.js";
import { isDense, isSameLayout, loopsOf, rowMajor, sizeOf } from "./layout.js";
import type { NodeView } from "./node-view.js";
import {
  Buffer,
  type BufferView,
  constant,
  elementsOf,
  FLOAT,
  floatsOf,
  isBuffer,
  isConstant,
  ownBuffer,
  type View,
} from "./tensor-view.js";

/** Ops that compute element by element, and those that sum up or pad. */
export const ARITHMETIC = {
  Relu: (node: NodeView) => [mapped(node, "relu")],
  Sigmoid: (node: NodeView) => [mapped(node, "sigmoid")],
  Tanh: (node: NodeView) => [mapped(node, "tanh")],
  Add: (node: NodeView) => [combined(node, "add")],
  Sub: (node: NodeView) => [combined(node, "subtract")],
  Mul: (node: NodeView) => [combined(node, "multiply")],
  Div: (node: NodeView) => [combined(node, "divide")],
  Max: (node: NodeView) => [combined(node, "maximum")],
  Pow: (node: NodeView) => [power(node)],
  Sqrt: (node: NodeView) => [root(node)],
  BatchNormalization: (node: NodeView) => [normalised(node)],
  ReduceMean: (node: NodeView) => [mean(node)],
  Pad: (node: NodeView) => [padded(node)],
  Softmax: (node: NodeView) => [softmax(node)],
  LayerNormalization: (node: NodeView) => [layerNormalised(node)],
} as const;

/** Rows of the last dimension, each on its own. */
function rowsOf(node: NodeView): { input: BufferView; output: BufferView; rows: number; columns: number } {
  const input = node.list.inOrder(node.input(0));
  const rank = input.shape.length;
  const axis = node.whole("axis", -1);
  if (axis !== -1 && axis !== rank - 1) throw node.refuse("the last dimension");
  const columns = input.shape[rank - 1] ?? 1;
  return { input, output: likeness(node, input), rows: sizeOf(input.shape) / columns, columns };
}

function softmax(node: NodeView): View {
  const { input, output, rows, columns } = rowsOf(node);
  node.list.add("softmax", {
    places: { input: placeOf(input), output: placeOf(output) },
    numbers: { rows, columns },
  });
  return output;
}

function layerNormalised(node: NodeView): View {
  const { input, output, rows, columns } = rowsOf(node);
  const bias = node.optional(2) === undefined ? undefined : floatsOf(node.constant(2));
  node.list.add("layerNorm", {
    places: { input: placeOf(input), output: placeOf(output) },
    numbers: { rows, columns, epsilon: floatBits(node.number("epsilon", 1e-5)) },
    constants: { weights: floatsOf(node.constant(1)), ...(bias && { bias }) },
  });
  return output;
}

function mapped(node: NodeView, activation: Activation): View {
  const view = node.list.inArena(node.input(0));
  const input = isDense(view) ? view : node.list.inOrder(view);
  const output = likeness(node, input);
  node.list.add("map", {
    places: { input: placeOf(input), output: placeOf(output) },
    numbers: { count: sizeOf(input.shape), activation: ACTIVATIONS.indexOf(activation) },
  });
  return output;
}

/** A tensor of its own that lies as another one does. */
function likeness(node: NodeView, view: BufferView): BufferView {
  const name = node.node.name === "" ? node.node.op : node.node.name;
  return { ...view, at: 0, store: new Buffer(name, sizeOf(view.shape)) };
}

function combined(node: NodeView, combination: Combination): View {
  if (isKnown(node)) return fold(node)[0]!;
  if (node.inputCount !== 2) throw node.refuse("two inputs");
  const shape = broadcast(node.input(0).shape, node.input(1).shape);
  if (shape === undefined) throw node.refuse("shapes that fit");
  return pair(node, { left: node.input(0), right: node.input(1), shape, combination });
}

function pair(
  node: NodeView,
  given: { left: View; right: View; shape: readonly number[]; combination: Combination },
): View {
  const { shape, combination } = given;
  const isWhole = (view: View): boolean => sizeOf(view.shape) === sizeOf(shape);
  const canSwap = combination !== "subtract" && combination !== "divide";
  const [one, other] =
    !isWhole(given.left) && isWhole(given.right) && canSwap
      ? [given.right, given.left]
      : [given.left, given.right];
  const held = stretched(node.list.inArena(one), shape);
  const left = isDense(held) ? held : node.list.copied(held, rowMajor(shape));
  const right = stretched(other, shape);
  const period = isSameLayout(left, right) ? sizeOf(shape) : periodOf({ left, right });
  // What starts over lies without gaps; what fits in no other way is laid out as the left one is.
  const partner = node.list.inArena(other);
  const place = placeOf(
    period === null ? node.list.copied(stretched(partner, shape), left.strides) : partner,
  );
  const output = likeness(node, left);
  node.list.add("combine", {
    places: { left: placeOf(left), right: place, output: placeOf(output) },
    numbers: {
      count: sizeOf(shape),
      period: period ?? sizeOf(shape),
      combination: COMBINATIONS.indexOf(combination),
    },
  });
  return output;
}

/** After how many elements, in the order of the left one's memory, the right one starts over; null when it does not. */
function periodOf({ left, right }: { left: View; right: View }): number | null {
  const loops = loopsOf(left.shape, { strides: left.strides, outputStrides: right.strides });
  loops.sort((a, b) => a.step - b.step);
  const inner = loops.filter(({ outputStep }) => outputStep !== 0);
  const [first, ...others] = inner;
  if (first === undefined) return 1;
  const isPlain = others.length === 0 && first.outputStep === 1 && first.step === 1;
  return isPlain ? first.count : null;
}

/** Squares are all that models of this size raise to a power. */
function power(node: NodeView): View {
  const exponent = node.constant(1);
  if (elementsOf(exponent).some((value) => value !== 2)) throw node.refuse("the exponent 2");
  const view = node.input(0);
  return pair(node, { left: view, right: view, shape: view.shape, combination: "multiply" });
}

/** The root of the sum of two squares: a magnitude. The squares' own steps are dropped when nothing else reads them. */
function root(node: NodeView): View {
  const sum = node.maker(0);
  const squares = [sum?.maker(0), sum?.maker(1)].map((square) =>
    square === undefined ? undefined : squared(square),
  );
  const [real, imaginary] = squares;
  if (sum?.node.op !== "Add" || real === undefined || imaginary === undefined)
    throw node.refuse("the root of a sum of two squares");
  if (!isSameLayout(real, imaginary)) throw node.refuse("two squares that lie alike");
  const { shape } = real;
  // Rows of neighbours: the dimensions by their distance, the one without gaps innermost.
  const axes = [...shape.keys()].sort((a, b) => real.strides[b]! - real.strides[a]! || a - b);
  const large = axes.filter((axis) => shape[axis] !== 1);
  const [rowAxis, columnAxis] = large.length === 1 ? [undefined, large[0]] : large;
  if (large.length > 2 || columnAxis === undefined || real.strides[columnAxis] !== 1)
    throw node.refuse("rows of neighbours");
  const columns = shape[columnAxis]!;
  const strides = shape.map((_, axis) => (axis === columnAxis ? 1 : axis === rowAxis ? columns : 0));
  const output: BufferView = { ...ownBuffer(node.node.name, shape), strides };
  node.list.add("magnitude", {
    places: { real: placeOf(real), imaginary: placeOf(imaginary), output: placeOf(output) },
    numbers: {
      rows: rowAxis === undefined ? 1 : shape[rowAxis]!,
      columns,
      stride: rowAxis === undefined ? columns : real.strides[rowAxis]!,
      outputStride: columns,
    },
  });
  return output;
}

/** What a node squares, if it does. */
function squared(node: NodeView): BufferView | undefined {
  const { op, inputs } = node.node;
  const isSquare =
    (op === "Pow" && elementsOf(node.constant(1)).every((value) => value === 2)) ||
    (op === "Mul" && inputs[0] === inputs[1]);
  if (!isSquare) return undefined;
  const view = node.input(0);
  return isBuffer(view) ? view : undefined;
}

/** Scale and shift of each channel: what they follow takes them into its weights, see `fuse.ts`. */
function normalised(node: NodeView): View {
  const view = node.input(0);
  const [scale, shift, average, variance] = [1, 2, 3, 4].map((index) => elementsOf(node.constant(index)));
  const epsilon = node.number("epsilon", 1e-5);
  const factors = scale!.map((value, channel) =>
    Math.fround(value / Math.sqrt(variance![channel]! + epsilon)),
  );
  const offsets = shift!.map((value, channel) => Math.fround(value - average![channel]! * factors[channel]!));
  const shape = [factors.length, ...view.shape.slice(2).map(() => 1)];
  const perChannel = (data: readonly number[]): View => constant(FLOAT, { shape, data });
  const scaled = pair(node, {
    left: view,
    right: perChannel(factors),
    shape: view.shape,
    combination: "multiply",
  });
  return pair(node, { left: scaled, right: perChannel(offsets), shape: view.shape, combination: "add" });
}

function mean(node: NodeView): View {
  const view = node.list.inArena(node.input(0));
  const rank = view.shape.length;
  const given = node.numbersOf(1, "axes") ?? [...view.shape.keys()];
  const axes = new Set(given.map((axis) => (axis < 0 ? axis + rank : axis)));
  const hasAxis = node.whole("keepdims", 1) === 1;
  const reduced = [...axes].filter((axis) => view.shape[axis] !== 1);
  const summed = reduced.length === 0 ? view : meanOver(node, { view, axes: reduced });
  const kept = [...view.shape.keys()].filter((axis) => hasAxis || !axes.has(axis));
  return {
    ...summed,
    shape: kept.map((axis) => (axes.has(axis) ? 1 : view.shape[axis]!)),
    strides: kept.map((axis) => (axes.has(axis) ? 0 : summed.strides[axis]!)),
  };
}

/** Sums rows up for every column: the reduced dimensions are one loop, the others lie without gaps, or are laid out so. */
function meanOver(node: NodeView, { view, axes }: { view: BufferView; axes: readonly number[] }): BufferView {
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
    return meanOver(node, { view: node.list.copied(view, strides), axes });
  }
  const output: BufferView = { ...view, shape: kept, at: 0, store: new Buffer("mean", columns) };
  node.list.add("mean", {
    places: { input: placeOf(view), output: placeOf(output) },
    numbers: { rows: rows.count, columns, stride: rows.step },
  });
  return output;
}

/** Padding of the last dimension, reflected or with zeros. */
function padded(node: NodeView): View {
  const view = node.list.inOrder(node.input(0));
  const rank = view.shape.length;
  const pads = node.numbersOf(1, "pads") ?? [];
  const size = view.shape[rank - 1] ?? 0;
  const [left = 0, right = 0] = [pads[rank - 1], pads[2 * rank - 1]];
  const others = pads.filter((_, index) => index !== rank - 1 && index !== 2 * rank - 1);
  const mode = node.text("mode", "constant");
  const isPlain = others.every((pad) => pad === 0) && left >= 0 && right >= 0 && sizeOf(view.shape) === size;
  const fill = node.optional(2);
  const isZero = fill === undefined || (isConstant(fill) && elementsOf(fill).every((value) => value === 0));
  const isReflected = mode === "reflect" && left < size && right < size;
  if (!isPlain || !(isReflected || (mode === "constant" && isZero)))
    throw node.refuse("one row, reflected or padded with zeros");
  const output = ownBuffer(node.node.name, [...view.shape.slice(0, -1), left + size + right]);
  const copy = (from: number, to: { at: number; count: number; step: number }): void => {
    if (to.count === 0) return;
    node.list.add("move", {
      places: {
        input: { buffer: view.store, at: view.at + from },
        output: { buffer: output.store, at: to.at },
      },
      numbers: {
        rows: 1,
        columns: to.count,
        rowStep: 0,
        columnStep: to.step,
        outputRowStep: 0,
        outputColumnStep: 1,
      },
    });
  };
  copy(0, { at: left, count: size, step: 1 });
  if (mode === "reflect") {
    copy(left, { at: 0, count: left, step: -1 });
    copy(size - 2, { at: left + size, count: right, step: -1 });
    return output;
  }
  for (const { at, count } of [
    { at: 0, count: left },
    { at: left + size, count: right },
  ]) {
    if (count === 0) continue;
    node.list.add("constant", {
      places: { output: { buffer: output.store, at } },
      numbers: { count },
      constants: { weights: new Float32Array(count) },
    });
  }
  return output;
}
