// Owns the definition of the network ops: each step of a program over its arena. Knows no instruction set.
// Invariant: sums run in float64 from the first to the last, and are rounded to float32 once, when they are stored.

import { floatOf, roundToWhole } from "../float-bits.js";
import {
  ACTIVATIONS,
  COMBINATIONS,
  type Curve,
  FUNCTIONS,
  type NetworkStep,
  PLAIN,
  type StepName,
  type StepOf,
  type WindowSizes,
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
  conv2d,
  depthwise,
  pool,
  elementary,
  select,
  softmax,
  layerNorm,
  quantise,
  affine8,
};

/** What an activation makes of a number. */
function curveOf({ activation, slope, floor, ceiling }: Curve): (value: number) => number {
  switch (ACTIVATIONS[activation]!) {
    case "none":
      return (value) => value;
    case "relu":
      return (value) => (0 > value ? 0 : value);
    case "sigmoid":
      return sigmoid;
    case "tanh":
      return Math.tanh;
    case "bent": {
      const [lean, least, most] = [floatOf(slope), floatOf(floor), floatOf(ceiling)];
      return (value) => {
        const leaning = 0 > value ? lean * value : value;
        return least > leaning ? least : leaning > most ? most : leaning;
      };
    }
  }
}

function sigmoid(value: number): number {
  return 1 / (1 + Math.exp(-value));
}

function affine(step: StepOf<"affine">, { weights, arena }: StepMemory): void {
  const { rows, stride, depth, columns, bias, zeroBefore, zeroAfter } = step;
  const curve = curveOf(step);
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
      arena[output + column] = curve(sum);
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
    const input = sigmoid(gateOf(0));
    const output = sigmoid(gateOf(1));
    const forget = sigmoid(gateOf(2));
    const cell = forget * arena[step.cell + unit]! + input * Math.tanh(gateOf(3));
    arena[step.cellOut + unit] = cell;
    arena[step.hiddenOut + unit] = output * Math.tanh(cell);
  }
}

function map(step: StepOf<"map">, { arena }: StepMemory): void {
  const curve = curveOf(step);
  for (let at = 0; at < step.count; at++) arena[step.output + at] = curve(arena[step.input + at]!);
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
    case "minimum":
      return left < right ? left : right;
    case "atLeast":
      return left >= right ? 1 : 0;
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
    const update = sigmoid(gateOf(0));
    const reset = sigmoid(gateOf(1));
    const candidate = Math.tanh(gateOf(2) + reset * gateOf(3));
    arena[step.hiddenOut + unit] = candidate + update * (arena[step.hidden + unit]! - candidate);
  }
}

/** Calls `visit` for every place of every window: the window, the tap, and where the pixel lies; -1 for padding. */
function eachTap(step: WindowSizes, visit: (window: number, tap: number, pixel: number) => void): void {
  for (let y = 0; y < step.outHeight; y++)
    for (let x = 0; x < step.outWidth; x++)
      for (let ky = 0; ky < step.kernelHeight; ky++)
        for (let kx = 0; kx < step.kernelWidth; kx++) {
          const row = y * step.strideY + ky - step.padTop;
          const column = x * step.strideX + kx - step.padLeft;
          const isInside = row >= 0 && row < step.height && column >= 0 && column < step.width;
          const pixel = isInside ? (row * step.width + column) * step.channels : -1;
          visit(y * step.outWidth + x, ky * step.kernelWidth + kx, pixel);
        }
}

function conv2d(step: StepOf<"conv2d">, { weights, arena }: StepMemory): void {
  const { channels, columns, bias } = step;
  const taps = step.kernelHeight * step.kernelWidth;
  const curve = curveOf(step);
  const sums = new Float64Array(step.outHeight * step.outWidth * columns);
  for (let at = 0; at < sums.length; at++) sums[at] = bias < 0 ? 0 : weights[bias + (at % columns)]!;
  eachTap(step, (window, tap, pixel) => {
    for (let column = 0; column < columns; column++) {
      const at = step.weights + (column * taps + tap) * channels;
      let sum = sums[window * columns + column]!;
      for (let k = 0; k < channels; k++)
        sum += (pixel < 0 ? 0 : arena[step.input + pixel + k]!) * weights[at + k]!;
      sums[window * columns + column] = sum;
    }
  });
  for (let at = 0; at < sums.length; at++) arena[step.output + at] = curve(sums[at]!);
}

function depthwise(step: StepOf<"depthwise">, { weights, arena }: StepMemory): void {
  const { channels } = step;
  const curve = curveOf(step);
  const sums = new Float64Array(step.outHeight * step.outWidth * channels);
  for (let at = 0; at < sums.length; at++)
    sums[at] = step.bias < 0 ? 0 : weights[step.bias + (at % channels)]!;
  eachTap(step, (window, tap, pixel) => {
    if (pixel < 0) return;
    for (let channel = 0; channel < channels; channel++)
      sums[window * channels + channel]! +=
        arena[step.input + pixel + channel]! * weights[step.weights + tap * channels + channel]!;
  });
  for (let at = 0; at < sums.length; at++) arena[step.output + at] = curve(sums[at]!);
}

function pool(step: StepOf<"pool">, { arena }: StepMemory): void {
  const { channels, isMean } = step;
  const windows = step.outHeight * step.outWidth;
  const found = new Float64Array(windows * channels).fill(isMean === 1 ? 0 : Number.NEGATIVE_INFINITY);
  const counts = new Float64Array(windows);
  eachTap(step, (window, _, pixel) => {
    if (pixel < 0) return;
    counts[window]! += 1;
    for (let channel = 0; channel < channels; channel++) {
      const at = window * channels + channel;
      const value = arena[step.input + pixel + channel]!;
      found[at] = isMean === 1 ? found[at]! + value : combined({ left: found[at]!, right: value }, "maximum");
    }
  });
  for (let at = 0; at < found.length; at++)
    arena[step.output + at] = isMean === 1 ? found[at]! / counts[Math.floor(at / channels)]! : found[at]!;
}

function elementary(step: StepOf<"elementary">, { arena }: StepMemory): void {
  const compute = FUNCTIONS[step.function] === "root" ? Math.sqrt : Math.log;
  for (let at = 0; at < step.count; at++) arena[step.output + at] = compute(arena[step.input + at]!);
}

function select(step: StepOf<"select">, { arena }: StepMemory): void {
  const from = arena[step.condition] !== 0 ? step.yes : step.no;
  arena.copyWithin(step.output, from, from + step.count);
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
  const curve = curveOf({ ...PLAIN, activation: step.activation });
  for (let row = 0; row < rows; row++) {
    const bytes = bytesAt(arena, step.input + row * step.stride);
    for (let column = 0; column < columns; column++) {
      let sum = 0;
      for (let k = 0; k < depth; k++) sum += (bytes[k]! - zeroPoint) * matrix[column * depth + k]!;
      const scaled = Math.fround(Math.fround(sum) * weights[step.scales + column]!);
      const shift = step.bias < 0 ? 0 : weights[step.bias + column]!;
      arena[step.output + row * step.outputStride + column] = curve(Math.fround(scaled + shift));
    }
  }
}

function bytesAt(arena: Float32Array, place: number): Uint8Array {
  return new Uint8Array(arena.buffer, arena.byteOffset + 4 * place);
}
