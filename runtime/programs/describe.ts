// Owns a program in words: what each step does and how much of it is weights. Knows no model file.

import { weightsOf } from "../ops/network-extents.js";
import {
  ACTIVATIONS,
  COMBINATIONS,
  FUNCTIONS,
  type NetworkStep,
  type WindowSizes,
} from "../ops/network-steps.js";
import type { Program } from "./program.js";

/** One op of a program. */
export interface ProgramOp {
  readonly op: string;
  /** Its sizes, and what is fused into it. */
  readonly detail: string;
  readonly weightBytes: number;
}

const FLOAT_BYTES = 4;

/** Every op, in the order in which they run. */
export function describeOps({ steps }: Program): readonly ProgramOp[] {
  return steps.map((step) => ({
    op: step.op,
    detail: detailOf(step),
    weightBytes: FLOAT_BYTES * weightsOf(step).reduce((sum, { count }) => sum + count, 0),
  }));
}

function detailOf(step: NetworkStep): string {
  switch (step.op) {
    case "affine": {
      const { rows, depth, columns, bias, activation, zeroBefore, zeroAfter } = step;
      const fused = [
        ...(bias < 0 ? [] : ["bias"]),
        ...(activation === 0 ? [] : [ACTIVATIONS[activation]!]),
        ...(zeroBefore + zeroAfter === 0 ? [] : ["padding"]),
      ];
      return [`${rows} x ${depth} to ${rows} x ${columns}`, ...fused].join(", ");
    }
    case "lstm":
      return `${step.inputs} inputs, ${step.units} units${step.hidden === step.hiddenOut ? ", state in place" : ""}`;
    case "map":
      return `${ACTIVATIONS[step.activation]} of ${step.count}`;
    case "combine":
      return `${COMBINATIONS[step.combination]}, ${step.count} with ${Math.min(step.count, step.period)}`;
    case "conv2d":
      return `${windowsOf(step)} x ${step.columns}${bendOf(step)}`;
    case "elementary":
      return `${FUNCTIONS[step.function]} of ${step.count}`;
    case "select":
      return `one of two, ${step.count} numbers`;
    case "depthwise":
      return `${windowsOf(step)}${bendOf(step)}`;
    case "pool":
      return windowsOf(step);
    case "gru":
      return `${step.inputs} inputs, ${step.units} units`;
    case "affine8":
      return `${step.rows} x ${step.depth} bytes to ${step.rows} x ${step.columns}`;
    case "magnitude":
    case "mean":
    case "move":
    case "softmax":
    case "layerNorm":
      return `${step.rows} x ${step.columns}`;
    case "quantise":
    case "constant":
      return `${step.count} numbers`;
  }
}

function windowsOf(step: WindowSizes): string {
  const { height, width, channels, kernelHeight, kernelWidth, outHeight, outWidth } = step;
  return `${height} x ${width} x ${channels} by ${kernelHeight} x ${kernelWidth} to ${outHeight} x ${outWidth}`;
}

function bendOf({ activation }: { readonly activation: number }): string {
  return activation === 0 ? "" : `, ${ACTIVATIONS[activation]}`;
}
