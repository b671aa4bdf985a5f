// Owns arithmetic on constants: comparisons, truth values and the four operations, with ONNX's broadcasting.
// Invariant: floats round to float32 after each step; whole numbers stay exact.

import type { NodeView } from "./node-view.js";
import {
  BOOL,
  type ConstantView,
  constant,
  elementsOf,
  FLOAT,
  INT32,
  INT64,
  isConstant,
  type View,
} from "./tensor-view.js";

/** What a number becomes as another element type. */
export const CONVERSIONS: Readonly<Record<number, (value: number) => number>> = {
  [FLOAT]: Math.fround,
  [INT32]: Math.trunc,
  [INT64]: Math.trunc,
  [BOOL]: (value) => (value !== 0 ? 1 : 0),
};

const COMPARED: Readonly<Record<string, (left: number, right: number) => boolean>> = {
  Equal: (left, right) => left === right,
  Greater: (left, right) => left > right,
  Less: (left, right) => left < right,
  GreaterOrEqual: (left, right) => left >= right,
  LessOrEqual: (left, right) => left <= right,
  And: (left, right) => left !== 0 && right !== 0,
  Or: (left, right) => left !== 0 || right !== 0,
};

const COMPUTED: Readonly<Record<string, (left: number, right: number) => number>> = {
  Add: (left, right) => left + right,
  Sub: (left, right) => left - right,
  Mul: (left, right) => left * right,
  Div: (left, right) => left / right,
  Max: (left, right) => Math.max(left, right),
  Min: (left, right) => Math.min(left, right),
};

/** A node of nothing but constants. Refuses one whose inputs a run decides. */
export function fold(node: NodeView): readonly View[] {
  const { op } = node.node;
  const left = node.constant(0);
  if (op === "Not")
    return [
      constant(BOOL, { shape: left.shape, data: elementsOf(left).map((value) => (value === 0 ? 1 : 0)) }),
    ];
  const right = node.constant(1);
  const compare = COMPARED[op];
  if (compare !== undefined)
    return [paired({ left, right, elementType: BOOL }, (a, b) => (compare(a, b) ? 1 : 0))];
  const compute = COMPUTED[op];
  const { elementType } = left;
  if (compute === undefined) throw node.refuse("an operation on constants");
  const convert = CONVERSIONS[elementType]!;
  return [paired({ left, right, elementType }, (a, b) => convert(compute(a, b)))];
}

/** Whether every input of a node is known. */
export function isKnown(node: NodeView): boolean {
  return Array.from({ length: node.inputCount }, (_, index) => node.optional(index)).every(
    (view) => view === undefined || isConstant(view),
  );
}

/** The shape two shapes broadcast to, or undefined. */
export function broadcast(a: readonly number[], b: readonly number[]): number[] | undefined {
  const rank = Math.max(a.length, b.length);
  const shape: number[] = [];
  for (let axis = 0; axis < rank; axis++) {
    const one = a[a.length - rank + axis] ?? 1;
    const other = b[b.length - rank + axis] ?? 1;
    if (one !== other && one !== 1 && other !== 1) return undefined;
    shape.push(Math.max(one, other));
  }
  return shape;
}

/** A view repeated to a larger shape: dimensions it lacks, or has once, take no step. */
export function stretched<Of extends View>(view: Of, shape: readonly number[]): Of {
  const missing = shape.length - view.shape.length;
  const strides = shape.map((_, axis) =>
    axis < missing || view.shape[axis - missing] === 1 ? 0 : view.strides[axis - missing]!,
  );
  return { ...view, shape, strides };
}

function paired(
  given: { left: ConstantView; right: ConstantView; elementType: number },
  compute: (left: number, right: number) => number,
): ConstantView {
  const shape = broadcast(given.left.shape, given.right.shape) ?? given.left.shape;
  const lefts = elementsOf(stretched(given.left, shape));
  const rights = elementsOf(stretched(given.right, shape));
  return constant(given.elementType, {
    shape,
    data: lefts.map((left, index) => compute(left, rights[index]!)),
  });
}
