// Owns ops of one tensor, element by element: activations, limits, logarithms, roots and magnitudes.
// Invariant: an op on a dense tensor keeps its layout, whatever the order of its dimensions.

import { floatBits } from "../ops/float-bits.js";
import { ACTIVATIONS, type Curve, FUNCTIONS, PLAIN } from "../ops/network-steps.js";
import { placeOf } from "./draft.js";
import { isDense, isSameLayout, sizeOf } from "./layout.js";
import { combined, likeness } from "./lower-arithmetic.js";
import type { NodeView } from "./node-view.js";
import { type BufferView, elementsOf, isBuffer, isConstant, ownBuffer, type View } from "./tensor-view.js";

/** Ops that compute each element of one tensor. */
export const CURVES = {
  Relu: (node: NodeView) => [mapped(node, plain("relu"))],
  Sigmoid: (node: NodeView) => [mapped(node, plain("sigmoid"))],
  Tanh: (node: NodeView) => [mapped(node, plain("tanh"))],
  LeakyRelu: (node: NodeView) => [leaking(node)],
  Clip: (node: NodeView) => [clipped(node)],
  Max: (node: NodeView) => [bounded(node, "maximum")],
  Min: (node: NodeView) => [bounded(node, "minimum")],
  Log: (node: NodeView) => [elementary(node, "logarithm")],
  Sqrt: (node: NodeView) => [root(node)],
} as const;

function plain(name: (typeof ACTIVATIONS)[number]): Curve {
  return { ...PLAIN, activation: ACTIVATIONS.indexOf(name) };
}

/** Where a line bends: below 0, and at its ends. */
function bent(given: { slope?: number; floor?: number; ceiling?: number }): Curve {
  const { slope = 1, floor = Number.NEGATIVE_INFINITY, ceiling = Number.POSITIVE_INFINITY } = given;
  return {
    ...plain("bent"),
    slope: floatBits(slope),
    floor: floatBits(floor),
    ceiling: floatBits(ceiling),
  };
}

function mapped(node: NodeView, curve: Curve, view: View = node.input(0)): View {
  const { input, output } = elements(node, view);
  node.list.add("map", {
    places: { input: placeOf(input), output: placeOf(output) },
    numbers: { count: sizeOf(input.shape), ...curve },
  });
  return output;
}

/** A tensor without gaps, and one that lies alike. */
function elements(node: NodeView, view: View): { input: BufferView; output: BufferView } {
  const held = node.list.inArena(view);
  const input = isDense(held) ? held : node.list.inOrder(held);
  return { input, output: likeness(node, input) };
}

function leaking(node: NodeView): View {
  const slope = node.number("alpha", 0.01);
  if (!(slope > 0 && slope <= 1)) throw node.refuse("a slope above 0, at most 1");
  return mapped(node, bent({ slope }));
}

/** Between two limits. Those that are known bend a line; those that a run decides are one more step each. */
function clipped(node: NodeView): View {
  const known = (index: number, attribute: string, absent: number): number | undefined => {
    const view = node.optional(index);
    if (view === undefined) return node.number(attribute, absent);
    return isConstant(view) ? elementsOf(view)[0] : undefined;
  };
  const floor = known(1, "min", Number.NEGATIVE_INFINITY);
  const ceiling = known(2, "max", Number.POSITIVE_INFINITY);
  const limits = { ...(floor !== undefined && { floor }), ...(ceiling !== undefined && { ceiling }) };
  if (floor !== undefined && ceiling !== undefined && floor > ceiling) throw node.refuse("limits in order");
  const isBent = Object.values(limits).some(Number.isFinite);
  const limited = isBent ? mapped(node, bent(limits)) : node.input(0);
  const atLeast = floor === undefined ? combined(node, "maximum", [limited, node.input(1)]) : limited;
  return ceiling === undefined ? combined(node, "minimum", [atLeast, node.input(2)]) : atLeast;
}

/** The larger or the smaller of two; beside one known number it is a limit, which a product can take in. */
function bounded(node: NodeView, combination: "maximum" | "minimum"): View {
  const views = Array.from({ length: node.inputCount }, (_, index) => node.input(index));
  const limit = views.find((view) => isConstant(view) && sizeOf(view.shape) === 1);
  const other = views.find((view) => view !== limit);
  const isLimit = limit !== undefined && isConstant(limit) && other !== undefined && isBuffer(other);
  if (views.length !== 2 || !isLimit || limit.shape.length > other.shape.length)
    return combined(node, combination);
  const [value = 0] = elementsOf(limit);
  return mapped(node, bent(combination === "maximum" ? { floor: value } : { ceiling: value }), other);
}

function elementary(node: NodeView, name: (typeof FUNCTIONS)[number]): View {
  const { input, output } = elements(node, node.input(0));
  node.list.add("elementary", {
    places: { input: placeOf(input), output: placeOf(output) },
    numbers: { count: sizeOf(input.shape), function: FUNCTIONS.indexOf(name) },
  });
  return output;
}

/** A magnitude where it is the root of a sum of two squares, whose own steps are dropped when nothing else reads them. */
function root(node: NodeView): View {
  const sum = node.maker(0);
  if (sum?.node.op !== "Add") return elementary(node, "root");
  const [real, imaginary] = [sum.maker(0), sum.maker(1)].map((square) =>
    square === undefined ? undefined : squared(square),
  );
  if (real === undefined || imaginary === undefined || !isSameLayout(real, imaginary))
    return elementary(node, "root");
  return magnitude(node, { real, imaginary }) ?? elementary(node, "root");
}

/** Undefined where the parts are no rows of neighbours: the dimensions by their distance, the one without gaps innermost. */
function magnitude(
  node: NodeView,
  { real, imaginary }: { real: BufferView; imaginary: BufferView },
): View | undefined {
  const { shape } = real;
  const axes = [...shape.keys()].sort((a, b) => real.strides[b]! - real.strides[a]! || a - b);
  const large = axes.filter((axis) => shape[axis] !== 1);
  const [rowAxis, columnAxis] = large.length === 1 ? [undefined, large[0]] : large;
  if (large.length > 2 || columnAxis === undefined || real.strides[columnAxis] !== 1) return undefined;
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
