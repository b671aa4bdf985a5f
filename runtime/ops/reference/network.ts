// Owns the definition of the network ops: each step of a program over its arena. Knows no instruction set.
// Invariant: sums run in float64 from the first to the last, and are rounded to float32 once, when they are stored.

import { floatOf, roundToWhole } from "../float-bits.js";
import {
  ACTIVATIONS,
  type Activation,
  COMBINATIONS,
  type NetworkStep,
  type StepName,
  type StepOf,
} from "../network-steps.js";

/** What a step reads and writes. */
export interface StepMemory {
  readonly weights: Float32Array;
  readonly arena: Float32Array;
}

/** Runs the steps in order. The caller has held them against arena and weights (`requireSteps`). */
export function network(steps: readonly NetworkStep[], memory: StepMemory): void {
  for (const step of steps) RUNS[step.op](step as never, memory);
}

const RUNS: { readonly [Name in StepName]: (step: StepOf<Name>, memory: StepMemory) => void } = {
  affine,
  lstm,
  map,
  combine,
  magnitude,
  move,
  constant,
  mean,
  gru,
  softmax,
  layerNorm,
  quantise,
  affine8,
};

/** What an activation makes of a number. */
export function activated(value: number, activation: Activation): number {
  switch (activation) {
    case "none":
      return value;
    case "relu":
      return 0 > value ? 0 : value;
    case "sigmoid":
      return 1 / (1 + Math.exp(-value));
    case "tanh":
      return Math.tanh(value);
  }
}

function affine(step: StepOf<"affine">, { weights, arena }: StepMemory): void {
  const { rows, stride, depth, columns, bias, zeroBefore, zeroAfter } = step;
  const activation = ACTIVATIONS[step.activation]!;
  const first = step.input - zeroBefore;
  const end = first + (rows - 1) * stride + depth;
  arena.fill(0, first, step.input);
  arena.fill(0, end - zeroAfter, end);
  for (let row = 0; row < rows; row++) {
    const input = first + row * stride;
    const output = step.output + row * step.outputStride;
    for (let column = 0; column < columns; column++) {
      const at = step.weights + column * depth;
      let sum = bias < 0 ? 0 : weights[bias + column]!;
      for (let k = 0; k < depth; k++) sum += arena[input + k]! * weights[at + k]!;
      arena[output + column] = activated(sum, activation);
    }
  }
}

/** Input and state side by side times one matrix, in scratch memory; answers where the four gates lie. */
function gatesOf(step: StepOf<"lstm"> | StepOf<"gru">, { weights, arena }: StepMemory): number {
  const { inputs, units, scratch } = step;
  const depth = inputs + units;
  const gates = scratch + depth;
  arena.copyWithin(scratch, step.input, step.input + inputs);
  arena.copyWithin(scratch + inputs, step.hidden, step.hidden + units);
  for (let gate = 0; gate < 4 * units; gate++) {
    const at = step.weights + gate * depth;
    let sum = step.bias < 0 ? 0 : weights[step.bias + gate]!;
    for (let k = 0; k < depth; k++) sum += arena[scratch + k]! * weights[at + k]!;
    arena[gates + gate] = sum;
  }
  return gates;
}

function lstm(step: StepOf<"lstm">, memory: StepMemory): void {
  const { units } = step;
  const { arena } = memory;
  const gates = gatesOf(step, memory);
  for (let unit = 0; unit < units; unit++) {
    const gateOf = (gate: number): number => arena[gates + gate * units + unit]!;
    const input = activated(gateOf(0), "sigmoid");
    const output = activated(gateOf(1), "sigmoid");
    const forget = activated(gateOf(2), "sigmoid");
    const cell = forget * arena[step.cell + unit]! + input * Math.tanh(gateOf(3));
    arena[step.cellOut + unit] = cell;
    arena[step.hiddenOut + unit] = output * Math.tanh(cell);
  }
}

function map(step: StepOf<"map">, { arena }: StepMemory): void {
  const activation = ACTIVATIONS[step.activation]!;
  for (let at = 0; at < step.count; at++)
    arena[step.output + at] = activated(arena[step.input + at]!, activation);
}

function combine(step: StepOf<"combine">, { arena }: StepMemory): void {
  const combination = COMBINATIONS[step.combination]!;
  for (let at = 0; at < step.count; at++) {
    const left = arena[step.left + at]!;
    const right = arena[step.right + (at % step.period)]!;
    arena[step.output + at] = combined({ left, right }, combination);
  }
}

function combined(
  { left, right }: { left: number; right: number },
  combination: (typeof COMBINATIONS)[number],
): number {
  switch (combination) {
    case "add":
      return left + right;
    case "subtract":
      return left - right;
    case "multiply":
      return left * right;
    case "divide":
      return left / right;
    case "maximum":
      return left > right ? left : right;
  }
}

function magnitude(step: StepOf<"magnitude">, { arena }: StepMemory): void {
  for (let row = 0; row < step.rows; row++) {
    for (let column = 0; column < step.columns; column++) {
      const at = row * step.stride + column;
      const real = arena[step.real + at]!;
      const imaginary = arena[step.imaginary + at]!;
      // Squares too large or too small for float32 are infinite or nothing here as they are there.
      const square = Math.fround(real * real + imaginary * imaginary);
      arena[step.output + row * step.outputStride + column] = Math.sqrt(square);
    }
  }
}

function move(step: StepOf<"move">, { arena }: StepMemory): void {
  for (let row = 0; row < step.rows; row++) {
    const from = step.input + row * step.rowStep;
    const to = step.output + row * step.outputRowStep;
    for (let column = 0; column < step.columns; column++)
      arena[to + column * step.outputColumnStep] = arena[from + column * step.columnStep]!;
  }
}

function constant(step: StepOf<"constant">, { weights, arena }: StepMemory): void {
  arena.set(weights.subarray(step.weights, step.weights + step.count), step.output);
}

function mean(step: StepOf<"mean">, { arena }: StepMemory): void {
  for (let column = 0; column < step.columns; column++) {
    let sum = 0;
    for (let row = 0; row < step.rows; row++) sum += arena[step.input + row * step.stride + column]!;
    arena[step.output + column] = sum / step.rows;
  }
}

function gru(step: StepOf<"gru">, memory: StepMemory): void {
  const { units } = step;
  const { arena } = memory;
  const gates = gatesOf(step, memory);
  for (let unit = 0; unit < units; unit++) {
    const gateOf = (gate: number): number => arena[gates + gate * units + unit]!;
    const update = activated(gateOf(0), "sigmoid");
    const reset = activated(gateOf(1), "sigmoid");
    const candidate = Math.tanh(gateOf(2) + reset * gateOf(3));
    arena[step.hiddenOut + unit] = candidate + update * (arena[step.hidden + unit]! - candidate);
  }
}

function softmax(step: StepOf<"softmax">, { arena }: StepMemory): void {
  const { rows, columns } = step;
  for (let row = 0; row < rows; row++) {
    const from = step.input + row * columns;
    const to = step.output + row * columns;
    const largest = arena
      .subarray(from, from + columns)
      .reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
    let sum = 0;
    for (let column = 0; column < columns; column++) sum += Math.exp(arena[from + column]! - largest);
    for (let column = 0; column < columns; column++)
      arena[to + column] = Math.exp(arena[from + column]! - largest) / sum;
  }
}

function layerNorm(step: StepOf<"layerNorm">, { weights, arena }: StepMemory): void {
  const { rows, columns, bias } = step;
  const epsilon = floatOf(step.epsilon);
  for (let row = 0; row < rows; row++) {
    const from = step.input + row * columns;
    let sum = 0;
    for (let column = 0; column < columns; column++) sum += arena[from + column]!;
    const average = sum / columns;
    let squares = 0;
    for (let column = 0; column < columns; column++) squares += (arena[from + column]! - average) ** 2;
    const factor = 1 / Math.sqrt(squares / columns + epsilon);
    for (let column = 0; column < columns; column++) {
      const shift = bias < 0 ? 0 : weights[bias + column]!;
      const scaled = (arena[from + column]! - average) * factor * weights[step.weights + column]!;
      arena[step.output + row * columns + column] = scaled + shift;
    }
  }
}

function quantise(step: StepOf<"quantise">, { arena }: StepMemory): void {
  const inverse = floatOf(step.inverse);
  const bytes = bytesAt(arena, step.output);
  for (let at = 0; at < step.count; at++) {
    const scaled = Math.fround(Math.fround(arena[step.input + at]! * inverse) + step.zeroPoint);
    bytes[at] = roundToWhole(Number.isNaN(scaled) ? 255 : Math.min(255, Math.max(0, scaled)));
  }
}

function affine8(step: StepOf<"affine8">, { weights, arena }: StepMemory): void {
  const { rows, depth, columns, zeroPoint } = step;
  const matrix = new Int8Array(weights.buffer, weights.byteOffset + 4 * step.weights, columns * depth);
  const activation = ACTIVATIONS[step.activation]!;
  for (let row = 0; row < rows; row++) {
    const bytes = bytesAt(arena, step.input + row * step.stride);
    for (let column = 0; column < columns; column++) {
      let sum = 0;
      for (let k = 0; k < depth; k++) sum += (bytes[k]! - zeroPoint) * matrix[column * depth + k]!;
      const scaled = Math.fround(Math.fround(sum) * weights[step.scales + column]!);
      const shift = step.bias < 0 ? 0 : weights[step.bias + column]!;
      arena[step.output + row * step.outputStride + column] = activated(
        Math.fround(scaled + shift),
        activation,
      );
    }
  }
}

function bytesAt(arena: Float32Array, place: number): Uint8Array {
  return new Uint8Array(arena.buffer, arena.byteOffset + 4 * place);
}
