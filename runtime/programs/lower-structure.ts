// Owns the ops that move nothing: views of what is there, constants computed from constants, and shapes.
// Invariant: a constant is folded in float32 as a run would, whole numbers exactly.

import { CONVERSIONS, fold } from "./fold.js";
import { isRowMajor, rowMajor, sizeOf } from "./layout.js";
import type { NodeView } from "./node-view.js";
import {
  BOOL,
  type BufferView,
  type ConstantView,
  constant,
  constantOf,
  elementsOf,
  FLOAT,
  floatsOf,
  INT64,
  isConstant,
  ownBuffer,
  type View,
} from "./tensor-view.js";

/** Ops whose result is a view or a constant. */
export const STRUCTURE = {
  Constant: (node: NodeView) => [constantNode(node)],
  Identity: (node: NodeView) => [node.input(0)],
  Dropout: (node: NodeView) => [node.input(0)],
  Shape: (node: NodeView) => [whole([node.input(0).shape.length], node.input(0).shape)],
  Size: (node: NodeView) => [whole([], [sizeOf(node.input(0).shape)])],
  Cast: (node: NodeView) => [cast(node)],
  Squeeze: (node: NodeView) => [squeeze(node)],
  Unsqueeze: (node: NodeView) => [unsqueeze(node)],
  Reshape: (node: NodeView) => [reshape(node)],
  Flatten: (node: NodeView) => [flatten(node)],
  Transpose: (node: NodeView) => [transpose(node)],
  Slice: (node: NodeView) => [slice(node)],
  Gather: (node: NodeView) => [gather(node)],
  Concat: (node: NodeView) => [concat(node)],
  ConstantOfShape: (node: NodeView) => [constantOfShape(node)],
  Equal: fold,
  Greater: fold,
  Less: fold,
  Not: fold,
  And: fold,
  Or: fold,
} as const;

function whole(shape: readonly number[], data: readonly number[]): ConstantView {
  return constant(INT64, { shape, data });
}

function constantNode(node: NodeView): View {
  const value = node.attribute("value");
  if (value?.tensor) return constantOf(value.tensor);
  const int = node.attribute("value_int")?.int;
  if (int != null) return whole([], [Number(int)]);
  const float = node.attribute("value_float")?.float;
  if (float != null) return constant(FLOAT, { shape: [], data: [float] });
  const ints = node.attribute("value_ints")?.ints;
  if (ints !== undefined) return whole([ints.length], ints.map(Number));
  throw node.refuse("a tensor, a number or whole numbers");
}

function cast(node: NodeView): View {
  const view = node.input(0);
  const to = node.whole("to", 0);
  if (to === view.elementType) return view;
  // A truth value that a run decides is 0 or 1 already.
  if (view.elementType === BOOL && to === FLOAT && !isConstant(view)) return { ...view, elementType: FLOAT };
  if (!isConstant(view)) throw node.refuse("a cast of what is known, or to the same type");
  const convert = CONVERSIONS[to];
  if (convert === undefined) throw node.refuse("a cast to float32, int32, int64 or bool");
  return constant(to, { shape: view.shape, data: elementsOf(view).map(convert) });
}

function axisOf(node: NodeView, { axis, rank }: { axis: number; rank: number }): number {
  const found = axis < 0 ? axis + rank : axis;
  if (Number.isInteger(found) && found >= 0 && found < rank) return found;
  throw node.refuse(`an axis below ${rank}`);
}

function squeeze(node: NodeView): View {
  const view = node.input(0);
  const rank = view.shape.length;
  const axes = node.numbersOf(1, "axes")?.map((axis) => axisOf(node, { axis, rank }));
  const dropped = new Set(axes ?? [...view.shape.keys()].filter((axis) => view.shape[axis] === 1));
  if ([...dropped].some((axis) => view.shape[axis] !== 1)) throw node.refuse("dimensions of size 1");
  const kept = [...view.shape.keys()].filter((axis) => !dropped.has(axis));
  return withAxes(view, kept);
}

function withAxes(view: View, axes: readonly number[]): View {
  return {
    ...view,
    shape: axes.map((axis) => view.shape[axis]!),
    strides: axes.map((axis) => view.strides[axis]!),
  };
}

function unsqueeze(node: NodeView): View {
  const view = node.input(0);
  const given = node.numbersOf(1, "axes") ?? [];
  const rank = view.shape.length + given.length;
  const added = new Set(given.map((axis) => axisOf(node, { axis, rank })));
  const old = [...view.shape.keys()];
  const source = Array.from({ length: rank }, (_, axis) => (added.has(axis) ? -1 : old.shift()!));
  return {
    ...view,
    shape: source.map((axis) => (axis < 0 ? 1 : view.shape[axis]!)),
    strides: source.map((axis) => (axis < 0 ? 0 : view.strides[axis]!)),
  };
}

function reshape(node: NodeView): View {
  const view = node.input(0);
  const wanted = elementsOf(node.constant(1));
  const sizes = wanted.map((size, axis) => (size === 0 ? (view.shape[axis] ?? 0) : size));
  const known = sizeOf(sizes.filter((size) => size >= 0));
  const shape = sizes.map((size) => (size >= 0 ? size : sizeOf(view.shape) / known));
  return reshaped(node, { view, shape });
}

function flatten(node: NodeView): View {
  const view = node.input(0);
  const rank = view.shape.length;
  const axis = node.whole("axis", 1);
  const at = axis < 0 ? axis + rank : axis;
  const shape = [sizeOf(view.shape.slice(0, at)), sizeOf(view.shape.slice(at))];
  return reshaped(node, { view, shape });
}

function reshaped(node: NodeView, { view, shape }: { view: View; shape: readonly number[] }): View {
  if (sizeOf(shape) !== sizeOf(view.shape)) throw node.refuse(`${sizeOf(view.shape)} elements`);
  const strides = rowMajor(shape);
  if (isRowMajor(view)) return { ...view, shape, strides };
  if (isConstant(view)) return constant(view.elementType, { shape, data: elementsOf(view) });
  return { ...node.list.inOrder(view), shape, strides };
}

function transpose(node: NodeView): View {
  const view = node.input(0);
  const reversed = [...view.shape.keys()].reverse();
  return withAxes(view, node.wholes("perm", reversed));
}

function slice(node: NodeView): View {
  const view = node.input(0);
  const rank = view.shape.length;
  const starts = node.numbersOf(1, "starts");
  const ends = node.numbersOf(2, "ends");
  if (starts === undefined || ends === undefined) throw node.refuse("constant starts and ends");
  const axes = node.numbersOf(3, "axes") ?? starts.map((_, axis) => axis);
  const steps = node.numbersOf(4, "steps") ?? starts.map(() => 1);
  const shape = [...view.shape];
  const strides = [...view.strides];
  let { at } = view;
  for (const [index, given] of axes.entries()) {
    const axis = axisOf(node, { axis: given, rank });
    const size = view.shape[axis]!;
    const step = steps[index]!;
    const [from, to] = bounds({ size, step, start: starts[index]!, end: ends[index]! });
    shape[axis] = Math.max(0, Math.ceil((to - from) / step));
    at += from * view.strides[axis]!;
    strides[axis] = step * view.strides[axis]!;
  }
  if (sizeOf(shape) === 0) throw node.refuse("a slice that holds something");
  return { ...view, shape, strides, at };
}

/** Where a slice begins and ends, by the rules of ONNX: negative counts from the end, and beyond is cut off. */
function bounds(given: { size: number; step: number; start: number; end: number }): [number, number] {
  const { size, step } = given;
  const fromEnd = (place: number): number => (place < 0 ? place + size : place);
  const clamp = (place: number, { min, max }: { min: number; max: number }): number =>
    Math.min(max, Math.max(min, place));
  const start = fromEnd(given.start);
  const end = fromEnd(given.end);
  if (step > 0) return [clamp(start, { min: 0, max: size }), clamp(end, { min: 0, max: size })];
  return [clamp(start, { min: 0, max: size - 1 }), clamp(end, { min: -1, max: size - 1 })];
}

/** One index, or several of a constant. Of what a run computes only one index is taken, as a view. */
function gather(node: NodeView): View {
  const view = node.input(0);
  const indices = node.constant(1);
  const axis = axisOf(node, { axis: node.whole("axis", 0), rank: view.shape.length });
  const size = view.shape[axis]!;
  const places = elementsOf(indices).map((index) => (index < 0 ? index + size : index));
  if (places.some((place) => !(place >= 0 && place < size))) throw node.refuse(`indices below ${size}`);
  const [first = 0] = places;
  const shape = [...view.shape.slice(0, axis), ...indices.shape, ...view.shape.slice(axis + 1)];
  if (places.length === 1) {
    const inner = indices.shape.map(() => 0);
    const strides = [...view.strides.slice(0, axis), ...inner, ...view.strides.slice(axis + 1)];
    return { ...view, shape, strides, at: view.at + first * view.strides[axis]! };
  }
  if (!isConstant(view) || axis !== 0) throw node.refuse("one index");
  const row = elementsOf(view);
  const width = sizeOf(view.shape.slice(1));
  const data = places.flatMap((place) => row.slice(place * width, (place + 1) * width));
  return constant(view.elementType, { shape, data });
}

function concat(node: NodeView): View {
  const views = Array.from({ length: node.inputCount }, (_, index) => node.input(index));
  const [first] = views;
  if (first === undefined) throw node.refuse("an input");
  const axis = axisOf(node, { axis: node.whole("axis", 0), rank: first.shape.length });
  const shape = [...first.shape];
  shape[axis] = views.reduce((sum, view) => sum + view.shape[axis]!, 0);
  if (views.every(isConstant)) return concatConstants(views as ConstantView[], { axis, shape });
  const target = ownBuffer(`${node.node.name || "concat"}`, shape);
  let at = 0;
  for (const view of views) {
    const held = node.list.inArena(view);
    const part: BufferView = { ...target, shape: view.shape, at };
    if (!settleWithin(held, part)) node.list.copyInto(held, part);
    at += view.shape[axis]! * target.strides[axis]!;
  }
  return target;
}

/** Makes a whole buffer a part of another one in place of a copy, where its elements lie as they would there. */
function settleWithin(view: BufferView, part: BufferView): boolean {
  const { store } = view;
  const isWhole = view.at === 0 && sizeOf(view.shape) === store.floats && isRowMajor(view);
  const isFree = !store.isInput && store.within === null && store.before === 0 && store.after === 0;
  if (!isWhole || !isFree || !isRowMajor({ shape: part.shape, strides: part.strides })) return false;
  store.within = { buffer: part.store, at: part.at };
  return true;
}

function concatConstants(
  views: readonly ConstantView[],
  { axis, shape }: { axis: number; shape: readonly number[] },
): ConstantView {
  const [{ elementType }] = views as [ConstantView];
  const outer = sizeOf(shape.slice(0, axis));
  const parts = views.map((view) => ({
    elements: elementType === FLOAT ? floatsOf(view) : elementsOf(view),
    run: sizeOf(view.shape) / Math.max(1, outer),
  }));
  const count = sizeOf(shape);
  const data = elementType === FLOAT ? new Float32Array(count) : new Array<number>(count);
  let at = 0;
  for (let index = 0; index < outer; index++)
    for (const { elements, run } of parts) {
      for (let element = 0; element < run; element++) data[at + element] = elements[index * run + element]!;
      at += run;
    }
  return constant(elementType, { shape, data });
}

function constantOfShape(node: NodeView): View {
  const shape = elementsOf(node.constant(0));
  const tensor = node.attribute("value")?.tensor;
  const value = tensor ? constantOf(tensor) : constant(FLOAT, { shape: [1], data: [0] });
  const [element = 0] = elementsOf(value);
  const count = sizeOf(shape);
  if (count > 1 << 24) throw node.refuse("fewer elements");
  return constant(value.elementType, { shape, data: new Array<number>(count).fill(element) });
}
