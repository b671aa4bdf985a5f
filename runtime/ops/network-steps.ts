// Owns the network ops as steps over one arena of floats: their fields, their words, and what each reads and writes.
// Knows no model and no instruction set. Invariant: the order of fields here is the order in which native/program reads them.

/** What is done to each sum before it is stored. NaN stays NaN; the numbers are those of the words. */
export const ACTIVATIONS = ["none", "relu", "sigmoid", "tanh", "bent"] as const;
export type Activation = (typeof ACTIVATIONS)[number];

/** What is done to two numbers. `maximum` and `minimum` answer the right one where either is NaN; `atLeast` answers 1 or 0. */
export const COMBINATIONS = [
  "add",
  "subtract",
  "multiply",
  "divide",
  "maximum",
  "minimum",
  "atLeast",
] as const;
export type Combination = (typeof COMBINATIONS)[number];

/** Functions of one number that few steps need. */
export const FUNCTIONS = ["logarithm", "root"] as const;

/** Sizes of windows over an image, in the order of their words. */
const WINDOWS = [
  "height",
  "width",
  "channels",
  "kernelHeight",
  "kernelWidth",
  "strideY",
  "strideX",
  "padTop",
  "padLeft",
  "outHeight",
  "outWidth",
] as const;
/** Windows over an image whose channels lie side by side. */
export type WindowSizes = Readonly<Record<(typeof WINDOWS)[number], number>>;
/** An activation and what `bent` takes, float32 as bits: its slope below 0, then the least and the most it answers. */
const CURVE = ["activation", "slope", "floor", "ceiling"] as const;

/** The words of an activation. */
export type Curve = Readonly<Record<(typeof CURVE)[number], number>>;
/** Nothing is done to the sums. */
export const PLAIN: Curve = { activation: 0, slope: 0, floor: 0, ceiling: 0 };

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
 * - `map`: an activation alone; in place if `output` is `input`. `bent` is LeakyRelu, Clip, and both: `slope` is above 0, at most 1.
 * - `combine`: two numbers to one; `right` starts over after `period`. In place if `output` is `left`.
 * - `magnitude`: the length of (real, imaginary), not guarded against overflow of the squares.
 * - `move`: a strided copy, for what is no plain view. Steps may be negative.
 * - `constant`: constants copied into the arena. `mean`: over rows, for each column.
 * - `gru`: one step of a cell whose reset comes after the product (linear_before_reset); gates update, reset, the input's and the
 *   state's share of the candidate. `hiddenOut` may be `hidden`.
 * - `conv2d`, `depthwise`, `pool`: windows of an image whose channels lie side by side (NHWC), zeros around it. The first takes each
 *   window times a matrix of `columns` x (kernel x channels) weights, tap by tap; the second has a kernel for each channel; the
 *   third takes the largest number of each channel, or the mean of those that are inside; no window lies outside altogether.
 * - `elementary`: a natural logarithm or a root of each number; what is no number stays none. A result is off by 2^-22 of itself.
 * - `select`: `yes` where `condition`, one number for all, is not 0, else `no`.
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
      "zeroBefore",
      "zeroAfter",
      ...CURVE,
    ],
  },
  lstm: {
    code: 2,
    reads: ["input", "hidden", "cell"],
    writes: ["hiddenOut", "cellOut"],
    scratch: ["scratch"],
    numbers: ["inputs", "units", "weights", "bias"],
  },
  map: { code: 3, reads: ["input"], writes: ["output"], scratch: [], numbers: ["count", ...CURVE] },
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
  conv2d: {
    code: 14,
    reads: ["input"],
    writes: ["output"],
    scratch: [],
    numbers: [...WINDOWS, "columns", "weights", "bias", ...CURVE],
  },
  depthwise: {
    code: 15,
    reads: ["input"],
    writes: ["output"],
    scratch: [],
    numbers: [...WINDOWS, "weights", "bias", ...CURVE],
  },
  pool: {
    code: 16,
    reads: ["input"],
    writes: ["output"],
    scratch: [],
    numbers: [...WINDOWS, "isMean"],
  },
  elementary: {
    code: 17,
    reads: ["input"],
    writes: ["output"],
    scratch: [],
    numbers: ["count", "function"],
  },
  select: {
    code: 18,
    reads: ["condition", "yes", "no"],
    writes: ["output"],
    scratch: [],
    numbers: ["count"],
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
