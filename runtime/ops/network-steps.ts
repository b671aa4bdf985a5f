// Owns the network ops as steps over one arena of floats: their fields, their words, and what each reads and writes.
// Knows no model and no instruction set. Invariant: the order of fields here is the order in which native/program reads them.

import { refusal, requireWhole } from "./op-argument.js";

/** What is done to each sum before it is stored. NaN stays NaN; the numbers are those of the words. */
export const ACTIVATIONS = ["none", "relu", "sigmoid", "tanh"] as const;
export type Activation = (typeof ACTIVATIONS)[number];

/** What is done to two numbers. `maximum` answers the right one where either is NaN. */
export const COMBINATIONS = ["add", "subtract", "multiply", "divide", "maximum"] as const;
export type Combination = (typeof COMBINATIONS)[number];

interface StepForm {
  readonly code: number;
  readonly reads: readonly string[];
  readonly writes: readonly string[];
  /** Places that are written and then read within the step. */
  readonly scratch: readonly string[];
  readonly numbers: readonly string[];
}

/**
 * Every step: its code, then its fields in the order of its words. `reads`, `writes` and `scratch` are offsets in the arena, in
 * floats; `weights` and `bias` are offsets in the program's constants, -1 for no bias. Everything is float32. Sums of floats
 * may run in any order and fuse product and sum, so that implementations agree within a bound: for a sum of n products
 * (n + 8) / 2^24 of the sum of their sizes, bias included, plus 2^-20 where a sigmoid or tanh is in it (see `network-bound.ts`
 * of test/parity). A place may not overlap one that the step writes, except where it is said.
 *
 * - `affine`: conv1d over time-major data, GEMM, GEMV and pointwise conv2d alike. `rows` windows of `depth` floats, each `stride`
 *   after the one before, times a matrix of `columns` x `depth` weights. The windows begin `zeroBefore` floats before `input`;
 *   these and the last `zeroAfter` floats they reach are padding, and set to 0 by the step.
 * - `lstm`: one step of a cell; gates input, output, forget, candidate. `hiddenOut` and `cellOut` may be `hidden` and `cell`.
 *   What a cell makes of an infinite sum or state is not promised: it may be NaN, for a gate may be nearly 0 or 0.
 * - `map`: an activation alone; in place if `output` is `input`.
 * - `combine`: two numbers to one; `right` starts over after `period`. In place if `output` is `left`.
 * - `magnitude`: the length of (real, imaginary), not guarded against overflow of the squares.
 * - `move`: a strided copy, for what is no plain view. Steps may be negative.
 * - `constant`: constants copied into the arena. `mean`: over rows, for each column.
 * - `gru`: one step of a cell whose reset comes after the product (linear_before_reset); gates update, reset, the input's and the
 *   state's share of the candidate. `hiddenOut` may be `hidden`.
 * - `softmax`: of each row, the largest taken off first; a row that holds NaN becomes NaN. `layerNorm`: each row to mean 0 and
 *   variance 1, times `weights`, plus `bias`; `epsilon` is float32 as bits.
 * - `quantise`: to bytes, `inverse` (float32 as bits) times the number plus `zeroPoint`, rounded to even, cut off at 0 and 255; NaN
 *   becomes 255. Four bytes lie in one float of the arena.
 * - `affine8`: as `affine`, of such bytes with a matrix of signed bytes; `stride` is in floats. Products and sums are whole numbers
 *   and exact; the sum is rounded to float32, times the column's scale, plus bias, each rounded: equal but for a sigmoid or tanh.
 */
export const STEP_FORMS = {
  affine: {
    code: 1,
    reads: ["input"],
    writes: ["output"],
    scratch: [],
    numbers: [
      "rows",
      "stride",
      "depth",
      "columns",
      "outputStride",
      "weights",
      "bias",
      "activation",
      "zeroBefore",
      "zeroAfter",
    ],
  },
  lstm: {
    code: 2,
    reads: ["input", "hidden", "cell"],
    writes: ["hiddenOut", "cellOut"],
    scratch: ["scratch"],
    numbers: ["inputs", "units", "weights", "bias"],
  },
  map: { code: 3, reads: ["input"], writes: ["output"], scratch: [], numbers: ["count", "activation"] },
  combine: {
    code: 4,
    reads: ["left", "right"],
    writes: ["output"],
    scratch: [],
    numbers: ["count", "period", "combination"],
  },
  magnitude: {
    code: 5,
    reads: ["real", "imaginary"],
    writes: ["output"],
    scratch: [],
    numbers: ["rows", "columns", "stride", "outputStride"],
  },
  move: {
    code: 6,
    reads: ["input"],
    writes: ["output"],
    scratch: [],
    numbers: ["rows", "columns", "rowStep", "columnStep", "outputRowStep", "outputColumnStep"],
  },
  constant: { code: 7, reads: [], writes: ["output"], scratch: [], numbers: ["weights", "count"] },
  mean: {
    code: 8,
    reads: ["input"],
    writes: ["output"],
    scratch: [],
    numbers: ["rows", "columns", "stride"],
  },
  gru: {
    code: 9,
    reads: ["input", "hidden"],
    writes: ["hiddenOut"],
    scratch: ["scratch"],
    numbers: ["inputs", "units", "weights", "bias"],
  },
  softmax: { code: 10, reads: ["input"], writes: ["output"], scratch: [], numbers: ["rows", "columns"] },
  layerNorm: {
    code: 11,
    reads: ["input"],
    writes: ["output"],
    scratch: [],
    numbers: ["rows", "columns", "weights", "bias", "epsilon"],
  },
  quantise: {
    code: 12,
    reads: ["input"],
    writes: ["output"],
    scratch: [],
    numbers: ["count", "inverse", "zeroPoint"],
  },
  affine8: {
    code: 13,
    reads: ["input"],
    writes: ["output"],
    scratch: [],
    numbers: [
      "rows",
      "stride",
      "depth",
      "columns",
      "outputStride",
      "weights",
      "scales",
      "bias",
      "zeroPoint",
      "activation",
    ],
  },
} as const satisfies Record<string, StepForm>;

export type StepName = keyof typeof STEP_FORMS;

/** The places of a step. */
export type PlaceName<Name extends StepName> =
  | (typeof STEP_FORMS)[Name]["reads"][number]
  | (typeof STEP_FORMS)[Name]["writes"][number]
  | (typeof STEP_FORMS)[Name]["scratch"][number];
/** The numbers of a step. */
export type NumberName<Name extends StepName> = (typeof STEP_FORMS)[Name]["numbers"][number];

/** One step with its fields. */
export type StepOf<Name extends StepName> = { readonly op: Name } & Readonly<
  Record<PlaceName<Name> | NumberName<Name>, number>
>;
/** Any step. */
export type NetworkStep = { [Name in StepName]: StepOf<Name> }[StepName];

/** Every field of a step in the order of its words. */
export function fieldNames(name: StepName): readonly string[] {
  const { reads, writes, scratch, numbers } = STEP_FORMS[name];
  return [...reads, ...writes, ...scratch, ...numbers];
}

/** The words of a list of steps, as native/program takes them. */
export function wordsOf(steps: readonly NetworkStep[]): Int32Array {
  return Int32Array.from(
    steps.flatMap((step) => [
      STEP_FORMS[step.op].code,
      ...fieldNames(step.op).map((field) => (step as Readonly<Record<string, number>>)[field]!),
    ]),
  );
}

/** A stretch of the arena. */
export interface Extent {
  readonly place: string;
  readonly from: number;
  readonly to: number;
}

/** What a step touches of the arena, place by place. */
export function extentsOf(step: NetworkStep): readonly Extent[] {
  switch (step.op) {
    case "affine": {
      const from = step.input - step.zeroBefore;
      return [
        { place: "input", from, to: from + (step.rows - 1) * step.stride + step.depth },
        span("output", step.output, (step.rows - 1) * step.outputStride + step.columns),
      ];
    }
    case "lstm":
      return [
        span("input", step.input, step.inputs),
        span("hidden", step.hidden, step.units),
        span("cell", step.cell, step.units),
        span("hiddenOut", step.hiddenOut, step.units),
        span("cellOut", step.cellOut, step.units),
        span("scratch", step.scratch, step.inputs + 5 * step.units),
      ];
    case "map":
      return [span("input", step.input, step.count), span("output", step.output, step.count)];
    case "combine":
      return [
        span("left", step.left, step.count),
        span("right", step.right, Math.min(step.count, step.period)),
        span("output", step.output, step.count),
      ];
    case "magnitude": {
      const reach = (step.rows - 1) * step.stride + step.columns;
      const written = (step.rows - 1) * step.outputStride + step.columns;
      return [
        span("real", step.real, reach),
        span("imaginary", step.imaginary, reach),
        span("output", step.output, written),
      ];
    }
    case "move":
      return [
        strided("input", { from: step.input, ...step }),
        strided("output", {
          ...step,
          from: step.output,
          rowStep: step.outputRowStep,
          columnStep: step.outputColumnStep,
        }),
      ];
    case "constant":
      return [span("output", step.output, step.count)];
    case "mean":
      return [
        span("input", step.input, (step.rows - 1) * step.stride + step.columns),
        span("output", step.output, step.columns),
      ];
    case "gru":
      return [
        span("input", step.input, step.inputs),
        span("hidden", step.hidden, step.units),
        span("hiddenOut", step.hiddenOut, step.units),
        span("scratch", step.scratch, step.inputs + 5 * step.units),
      ];
    case "softmax":
    case "layerNorm":
      return [
        span("input", step.input, step.rows * step.columns),
        span("output", step.output, step.rows * step.columns),
      ];
    case "quantise":
      return [span("input", step.input, step.count), span("output", step.output, Math.ceil(step.count / 4))];
    case "affine8":
      return [
        span("input", step.input, (step.rows - 1) * step.stride + Math.ceil(step.depth / 4)),
        span("output", step.output, (step.rows - 1) * step.outputStride + step.columns),
      ];
  }
}

function span(place: string, from: number, length: number): Extent {
  return { place, from, to: from + length };
}

function strided(
  place: string,
  walk: { from: number; rows: number; columns: number; rowStep: number; columnStep: number },
): Extent {
  const down = (walk.rows - 1) * walk.rowStep;
  const across = (walk.columns - 1) * walk.columnStep;
  return {
    place,
    from: walk.from + Math.min(0, down) + Math.min(0, across),
    to: walk.from + Math.max(0, down) + Math.max(0, across) + 1,
  };
}

/** Constants a step reads: which, where from, and how many floats. */
export interface StepConstants {
  readonly name: "weights" | "scales" | "bias";
  readonly at: number;
  readonly count: number;
}

/** What a step reads of the constants. */
export function weightsOf(step: NetworkStep): readonly StepConstants[] {
  switch (step.op) {
    case "affine":
      return [weights(step, step.columns * step.depth), ...bias(step, step.columns)];
    case "lstm":
    case "gru":
      return [weights(step, 4 * step.units * (step.inputs + step.units)), ...bias(step, 4 * step.units)];
    case "constant":
      return [weights(step, step.count)];
    case "layerNorm":
      return [weights(step, step.columns), ...bias(step, step.columns)];
    case "affine8":
      return [
        weights(step, Math.ceil((step.columns * step.depth) / 4)),
        { name: "scales", at: step.scales, count: step.columns },
        ...bias(step, step.columns),
      ];
    default:
      return [];
  }
}

function weights(step: { readonly weights: number }, count: number): StepConstants {
  return { name: "weights", at: step.weights, count };
}

function bias(step: { readonly bias: number }, count: number): readonly StepConstants[] {
  return step.bias < 0 ? [] : [{ name: "bias", at: step.bias, count }];
}

/**
 * Holds every place and weight of a list of steps against what there is.
 *
 * @throws RedlineError `OP_ARGUMENT` naming step and place
 */
export function requireSteps(
  steps: readonly NetworkStep[],
  room: { readonly arenaFloats: number; readonly weights: number },
): void {
  for (const [index, step] of steps.entries()) {
    const label = (field: string): string => `step ${index} ${step.op}, ${field}`;
    for (const field of STEP_FORMS[step.op].numbers) {
      const value = (step as Readonly<Record<string, number>>)[field]!;
      const isSigned = field === "bias" || field.endsWith("Step");
      requireWhole(label(field), value, { min: isSigned ? -room.arenaFloats - 1 : 0, max: 2 ** 31 - 1 });
    }
    for (const { place, from, to } of extentsOf(step)) {
      if (from < 0 || to > room.arenaFloats || from >= to)
        throw refusal(label(place), `within ${room.arenaFloats} floats`, `${from} to ${to}`);
    }
    for (const { name, at, count } of weightsOf(step)) {
      if (at < 0 || at + count > room.weights)
        throw refusal(label(name), `within ${room.weights} weights`, `${at} to ${at + count}`);
    }
  }
}
