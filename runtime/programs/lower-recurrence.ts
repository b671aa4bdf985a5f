// Owns LSTM and GRU: one step of the list for each step of the sequence, its weights joined into one matrix.
// Invariant: only the plain form (forward, sigmoid and tanh, no clipping, no peepholes) is taken.

import { placeOf, scratch } from "./draft.js";
import type { NodeView } from "./node-view.js";
import {
  Buffer,
  type BufferView,
  type ConstantView,
  constant,
  FLOAT,
  floatsOf,
  isConstant,
  type Place,
  type View,
} from "./tensor-view.js";

/** Ops that carry a state from step to step. */
export const RECURRENCE = {
  LSTM: (node: NodeView) => longShortTerm(node),
  GRU: (node: NodeView) => gated(node),
} as const;

/** A GRU whose reset gate comes after the product, as PyTorch has it. */
function gated(node: NodeView): readonly View[] {
  const input = node.input(0);
  const [steps = 0, batch, inputs = 0] = input.shape;
  const units = node.whole("hidden_size", 0);
  requirePlain(node, { batch: batch ?? 0, units });
  if (node.whole("linear_before_reset", 0) !== 1) throw node.refuse("linear_before_reset");
  const depth = inputs + units;
  const own = floatsOf(node.constant(1));
  const recurrent = floatsOf(node.constant(2));
  const given = node.optional(3);
  if (given !== undefined && !isConstant(given)) throw node.refuse("a constant bias");
  const biases = given === undefined ? new Float32Array(6 * units) : floatsOf(given as ConstantView);
  const weights = new Float32Array(4 * units * depth);
  const bias = new Float32Array(4 * units);
  // Update and reset see input and state; the candidate's two shares see one of them each.
  for (let row = 0; row < 4 * units; row++) {
    const gate = Math.floor(row / units);
    const [mine, theirs] = [gate < 3 ? row : -1, gate === 2 ? -1 : gate === 3 ? row - units : row];
    if (mine >= 0) weights.set(own.subarray(mine * inputs, (mine + 1) * inputs), row * depth);
    if (theirs >= 0)
      weights.set(recurrent.subarray(theirs * units, (theirs + 1) * units), row * depth + inputs);
    bias[row] = (mine < 0 ? 0 : biases[mine]!) + (theirs < 0 ? 0 : biases[3 * units + theirs]!);
  }
  const sequence = node.list.inOrder(input);
  const rows = new Buffer(`${node.node.name} hidden`, steps * units);
  let hidden = initial(node, { index: 5, units });
  for (let step = 0; step < steps; step++) {
    const hiddenOut: Place = { buffer: rows, at: step * units };
    node.list.add("gru", {
      places: {
        input: { buffer: sequence.store, at: sequence.at + step * inputs },
        hidden,
        hiddenOut,
        scratch: scratch("gates", inputs + 5 * units),
      },
      numbers: { inputs, units },
      constants: { weights, bias },
    });
    hidden = hiddenOut;
  }
  return [
    stateView(rows, { units, at: 0, shape: [steps, 1, 1, units] }),
    stateView(rows, { units, at: (steps - 1) * units, shape: [1, 1, units] }),
  ];
}

function longShortTerm(node: NodeView): readonly View[] {
  const input = node.input(0);
  const [steps = 0, batch, inputs = 0] = input.shape;
  const units = node.whole("hidden_size", 0);
  requirePlain(node, { batch: batch ?? 0, units });
  const weights = joined(floatsOf(node.constant(1)), {
    other: floatsOf(node.constant(2)),
    rows: 4 * units,
    widths: [inputs, units],
  });
  const bias = node.optional(3);
  if (bias !== undefined && !isConstant(bias)) throw node.refuse("a constant bias");
  const sequence = node.list.inOrder(input);
  const rows = new Buffer(`${node.node.name} hidden`, steps * units);
  const lastCell = new Buffer(`${node.node.name} cell`, units);
  let hidden = initial(node, { index: 5, units });
  let cell = initial(node, { index: 6, units });
  for (let step = 0; step < steps; step++) {
    const hiddenOut: Place = { buffer: rows, at: step * units };
    const cellOut: Place = { buffer: lastCell, at: 0 };
    node.list.add("lstm", {
      places: {
        input: { buffer: sequence.store, at: sequence.at + step * inputs },
        hidden,
        cell,
        hiddenOut,
        cellOut,
        scratch: scratch("gates", inputs + 5 * units),
      },
      numbers: { inputs, units },
      constants: { weights, ...(bias && isConstant(bias) ? { bias: halvesAdded(floatsOf(bias)) } : {}) },
    });
    hidden = hiddenOut;
    cell = cellOut;
  }
  return [
    stateView(rows, { units, at: 0, shape: [steps, 1, 1, units] }),
    stateView(rows, { units, at: (steps - 1) * units, shape: [1, 1, units] }),
    stateView(lastCell, { units, at: 0, shape: [1, 1, units] }),
  ];
}

/** States row by row, as ONNX shapes them. */
function stateView(
  store: Buffer,
  { units, at, shape }: { units: number; at: number; shape: readonly number[] },
): BufferView {
  const strides = shape.map((_, axis) => (axis === shape.length - 1 ? 1 : axis === 0 ? units : 0));
  return { elementType: FLOAT, store, at, shape, strides };
}

function requirePlain(node: NodeView, { batch, units }: { batch: number; units: number }): void {
  const isPlain =
    batch === 1 &&
    units > 0 &&
    node.text("direction", "forward") === "forward" &&
    node.whole("layout", 0) === 0 &&
    node.whole("input_forget", 0) === 0 &&
    !["activations", "clip", "activation_alpha", "activation_beta"].some((name) => node.has(name)) &&
    node.optional(4) === undefined &&
    node.optional(7) === undefined;
  if (!isPlain) throw node.refuse("the plain form: forward, one sequence, no peepholes, no clipping");
}

/** The state before the first step: zeros where none is given. */
function initial(node: NodeView, { index, units }: { index: number; units: number }): Place {
  const given = node.optional(index) ?? constant(FLOAT, { shape: [units], data: new Float32Array(units) });
  return placeOf(node.list.inOrder(given));
}

/** Two matrices of as many rows side by side. */
function joined(
  left: Float32Array,
  given: { other: Float32Array; rows: number; widths: readonly [number, number] },
): Float32Array {
  const [first, second] = given.widths;
  const width = first + second;
  const both = new Float32Array(given.rows * width);
  for (let row = 0; row < given.rows; row++) {
    both.set(left.subarray(row * first, (row + 1) * first), row * width);
    both.set(given.other.subarray(row * second, (row + 1) * second), row * width + first);
  }
  return both;
}

/** The biases of input and state are only ever added to each other. */
function halvesAdded(bias: Float32Array): Float32Array {
  const half = bias.length / 2;
  return Float32Array.from({ length: half }, (_, at) => bias[at]! + bias[half + at]!);
}
