// Owns seeded random cases of every network op: one step over an arena full of sentinels. Knows no implementation.
// Invariant: the same seed makes the same case; sizes lie around the lanes' widths and the packed columns.

import type { Rng } from "../../../runtime/core/rng.js";
import { floatBits } from "../../../runtime/ops/float-bits.js";
import { extentsOf, weightsOf } from "../../../runtime/ops/network-extents.js";
import {
  ACTIVATIONS,
  COMBINATIONS,
  type Curve,
  FUNCTIONS,
  fieldNames,
  type NetworkStep,
  type StepName,
} from "../../../runtime/ops/network-steps.js";

/** One step, the constants it reads and an arena as it is before the step. */
export interface NetworkCase {
  readonly step: NetworkStep;
  readonly weights: Float32Array;
  readonly arena: Float32Array;
}

const SIZES = [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 23, 31, 32, 33, 47, 64, 65];
const DEPTHS = [...SIZES, 127, 129, 387];
/** Floats between places, so that a write too far is seen. */
const GUARD = 4;

function oneOf<Value>(rng: Rng, values: readonly Value[]): Value {
  return values[rng.below(values.length)]!;
}

const size = (rng: Rng): number => oneOf(rng, SIZES);
/** An activation, and what the one that bends takes. */
const curve = (rng: Rng): Curve => ({
  activation: rng.below(ACTIVATIONS.length),
  slope: floatBits(oneOf(rng, [0.01, 0.2, 1])),
  floor: floatBits(oneOf(rng, [Number.NEGATIVE_INFINITY, -0.4, 0])),
  ceiling: floatBits(oneOf(rng, [Number.POSITIVE_INFINITY, 6, 0.5])),
});

/** Windows over a small image, some of them reaching out of it. */
function geometry(rng: Rng): Record<string, number> {
  const [height, width] = [1 + rng.below(7), 1 + rng.below(7)];
  const [kernelHeight, kernelWidth] = [1 + rng.below(3), 1 + rng.below(3)];
  const [strideY, strideX] = [1 + rng.below(2), 1 + rng.below(2)];
  const [padTop, padLeft] = [rng.below(kernelHeight), rng.below(kernelWidth)];
  const windows = (given: { size: number; pad: number; stride: number }): number =>
    Math.floor((given.size - 1 + given.pad) / given.stride) + 1;
  return {
    height,
    width,
    channels: oneOf(rng, SIZES.slice(0, 15)),
    kernelHeight,
    kernelWidth,
    strideY,
    strideX,
    padTop,
    padLeft,
    outHeight: windows({ size: height, pad: padTop, stride: strideY }),
    outWidth: windows({ size: width, pad: padLeft, stride: strideX }),
  };
}

/** The numbers of a random step. Places are laid out afterwards. */
const NUMBERS: Readonly<Record<StepName, (rng: Rng) => Record<string, number>>> = {
  affine: (rng) => {
    const depth = oneOf(rng, DEPTHS);
    const columns = size(rng);
    const rows = 1 + rng.below(9);
    const stride = oneOf(rng, [0, 1, Math.ceil(depth / 2), depth, depth + 3]);
    const isPadded = rng.below(2) === 0;
    return {
      rows,
      stride,
      depth,
      columns,
      outputStride: columns + oneOf(rng, [0, 0, 3]),
      bias: rng.below(3) === 0 ? -1 : 0,
      ...curve(rng),
      zeroBefore: isPadded ? rng.below(Math.ceil(depth / 2)) : 0,
      zeroAfter: isPadded ? rng.below(Math.ceil(depth / 2)) : 0,
    };
  },
  lstm: (rng) => ({
    inputs: size(rng),
    units: oneOf(rng, SIZES.slice(0, 15)),
    bias: rng.below(3) === 0 ? -1 : 0,
  }),
  map: (rng) => ({ count: size(rng), ...curve(rng) }),
  combine: (rng) => ({
    count: size(rng),
    period: size(rng),
    combination: rng.below(COMBINATIONS.length),
  }),
  magnitude: (rng) => {
    const columns = size(rng);
    return { rows: 1 + rng.below(5), columns, stride: 2 * columns + rng.below(3), outputStride: columns };
  },
  move: (rng) => ({
    rows: 1 + rng.below(5),
    columns: size(rng),
    rowStep: rng.below(100) - 50,
    columnStep: rng.below(7) - 3,
    outputRowStep: 70,
    outputColumnStep: oneOf(rng, [1, -1]),
  }),
  constant: (rng) => ({ count: size(rng) }),
  mean: (rng) => {
    const columns = size(rng);
    return { rows: 1 + rng.below(9), columns, stride: columns + rng.below(3) };
  },
  gru: (rng) => ({
    inputs: size(rng),
    units: oneOf(rng, SIZES.slice(0, 15)),
    bias: rng.below(3) === 0 ? -1 : 0,
  }),
  conv2d: (rng) => ({
    ...geometry(rng),
    columns: size(rng),
    bias: rng.below(3) === 0 ? -1 : 0,
    ...curve(rng),
  }),
  depthwise: (rng) => ({ ...geometry(rng), bias: rng.below(3) === 0 ? -1 : 0, ...curve(rng) }),
  pool: (rng) => ({ ...geometry(rng), isMean: rng.below(2) }),
  elementary: (rng) => ({ count: size(rng), function: rng.below(FUNCTIONS.length) }),
  select: (rng) => ({ count: size(rng) }),
  softmax: (rng) => ({ rows: 1 + rng.below(4), columns: size(rng) }),
  layerNorm: (rng) => ({
    rows: 1 + rng.below(4),
    columns: size(rng),
    bias: rng.below(3) === 0 ? -1 : 0,
    epsilon: floatBits(1e-5),
  }),
  quantise: (rng) => ({
    count: size(rng),
    inverse: floatBits(oneOf(rng, [0.5, 3, 31.875, 1e-3, 1e30])),
    zeroPoint: rng.below(256),
  }),
  affine8: (rng) => {
    const columns = size(rng);
    const depth = oneOf(rng, DEPTHS);
    return {
      rows: 1 + rng.below(4),
      stride: Math.ceil(depth / 4) + rng.below(2),
      depth,
      columns,
      outputStride: columns + rng.below(3),
      bias: rng.below(3) === 0 ? -1 : 0,
      zeroPoint: oneOf(rng, [0, 128, 255, rng.below(256)]),
      // All but the one that bends.
      activation: rng.below(ACTIVATIONS.length - 1),
    };
  },
};

/** A random case of an op. */
export function networkCase(op: StepName, rng: Rng): NetworkCase {
  const numbers = NUMBERS[op](rng);
  const isInPlace = rng.below(3) === 0;
  const blank = Object.fromEntries(fieldNames(op).map((field) => [field, 0]));
  const first = { ...blank, op, ...numbers } as unknown as NetworkStep;
  let at = GUARD;
  const places: Record<string, number> = {};
  for (const { place, from, to } of extentsOf(first)) {
    // An extent from 0: what lies in front of the place itself is its padding, or a walk backwards.
    places[place] = at - from;
    at += to - from + GUARD;
  }
  if (isInPlace && op === "map") places.output = places.input!;
  if (isInPlace && op === "combine") places.output = places.left!;
  if (isInPlace && op === "lstm") Object.assign(places, { hiddenOut: places.hidden, cellOut: places.cell });
  if (isInPlace && op === "gru") places.hiddenOut = places.hidden!;
  let floats = 0;
  const constants: Record<string, number> = {};
  for (const { name, count } of weightsOf(first)) {
    constants[name] = floats;
    floats += count;
  }
  const step = { ...first, ...places, ...constants } as NetworkStep;
  const isOdd = rng.below(4) === 0;
  const isCell = op === "lstm" || op === "gru";
  const infinities = isCell ? [] : [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  const number = (): number => {
    if (isOdd && rng.below(50) === 0) return oneOf(rng, [Number.NaN, 0, -0, 1e-40, ...infinities]);
    return (rng.next() - 0.5) * 2 ** (rng.below(8) - 3);
  };
  const weights = Float32Array.from({ length: floats }, number);
  const arena = Float32Array.from({ length: at }, number);
  // Numbers that are equal, for what compares them.
  if (step.op === "combine" && rng.below(4) === 0)
    arena.copyWithin(step.right, step.left, step.left + Math.min(step.count, step.period));
  if (step.op === "select" && rng.below(2) === 0) arena[step.condition] = 0;
  if (step.op === "affine8") {
    // Bytes of all values, the ends above all.
    const byte = (): number => oneOf(rng, [0, 127, 128, 255, rng.below(256)]);
    const input = extentsOf(step)[0]!;
    new Uint8Array(arena.buffer)
      .fill(0, 4 * input.from, 4 * input.to)
      .set(Array.from({ length: 4 * (input.to - input.from) }, byte), 4 * input.from);
    new Uint8Array(weights.buffer).set(
      Array.from({ length: step.columns * step.depth }, byte),
      4 * step.weights,
    );
  }
  return { step, weights, arena };
}
