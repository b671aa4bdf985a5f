// Owns ops of two tensors, element by element, and what is done to rows: the four operations, comparisons, normalisation, padding.
// Invariant: an op on a dense tensor keeps its layout, whatever the order of its dimensions.

import { floatBits } from "../ops/float-bits.js";
import { COMBINATIONS, type Combination } from "../ops/network-steps.js";
import { placeOf } from "./draft.js";
import { broadcast, fold, isKnown, stretched } from "./fold.js";
import { isDense, isSameLayout, loopsOf, rowMajor, sizeOf } from "./layout.js";
import type { NodeView } from "./node-view.js";
import {
  BOOL,
  Buffer,
  type BufferView,
  constant,
  elementsOf,
  FLOAT,
  floatsOf,
  isConstant,
  ownBuffer,
  type View,
} from "./tensor-view.js";

/** Ops that combine two tensors, and those that work on rows. */
export const ARITHMETIC = {
  Add: (node: NodeView) => [combined(node, "add")],
  Sub: (node: NodeView) => [combined(node, "subtract")],
  Mul: (node: NodeView) => [combined(node, "multiply")],
  Div: (node: NodeView) => [combined(node, "divide")],
  GreaterOrEqual: (node: NodeView) => [compared(node, { left: 0, right: 1 })],
  LessOrEqual: (node: NodeView) => [compared(node, { left: 1, right: 0 })],
  Pow: (node: NodeView) => [power(node)],
  BatchNormalization: (node: NodeView) => [normalised(node)],
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

/** A tensor of its own that lies as another one does. */
export function likeness(node: NodeView, view: BufferView): BufferView {
  const name = node.node.name === "" ? node.node.op : node.node.name;
  return { ...view, at: 0, store: new Buffer(name, sizeOf(view.shape)) };
}

/** Two tensors, those of the node where no others are given. */
export function combined(node: NodeView, combination: Combination, given?: readonly [View, View]): View {
  if (given === undefined && isKnown(node)) return fold(node)[0]!;
  if (given === undefined && node.inputCount !== 2) throw node.refuse("two inputs");
  const [left, right] = given ?? [node.input(0), node.input(1)];
  const shape = broadcast(left.shape, right.shape);
  if (shape === undefined) throw node.refuse("shapes that fit");
  return pair(node, { left, right, shape, combination });
}

/** 1 where the left one is at least the right one, else 0: a truth value that a branch may ask for. */
function compared(node: NodeView, { left, right }: { left: number; right: number }): View {
  if (isKnown(node)) return fold(node)[0]!;
  const [one, other] = [node.input(left), node.input(right)];
  const shape = broadcast(one.shape, other.shape);
  if (shape === undefined) throw node.refuse("shapes that fit");
  return {
    ...pair(node, { left: one, right: other, shape, combination: "atLeast" }),
    elementType: BOOL,
  };
}

function pair(
  node: NodeView,
  given: { left: View; right: View; shape: readonly number[]; combination: Combination },
): View {
  const { shape, combination } = given;
  const isWhole = (view: View): boolean => sizeOf(view.shape) === sizeOf(shape);
  const canSwap = !["subtract", "divide", "atLeast"].includes(combination);
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
