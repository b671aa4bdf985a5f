// Owns a program in words: what each step does and how much of it is weights. Knows no model file.

import { ACTIVATIONS, COMBINATIONS, type NetworkStep, weightsOf } from "../ops/network-steps.js";
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
