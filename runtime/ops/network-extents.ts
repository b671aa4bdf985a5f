// Owns what each network step touches: stretches of the arena, constants, and whether they are there. Runs nothing.
// Invariant: a step that passes reads and writes inside its arena and its constants only.

import { type NetworkStep, STEP_FORMS } from "./network-steps.js";
import { refusal, requireWhole } from "./op-argument.js";

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
    case "conv2d":
    case "depthwise":
    case "pool": {
      const columns = step.op === "conv2d" ? step.columns : step.channels;
      return [
        span("input", step.input, step.height * step.width * step.channels),
        span("output", step.output, step.outHeight * step.outWidth * columns),
      ];
    }
    case "elementary":
      return [span("input", step.input, step.count), span("output", step.output, step.count)];
    case "select":
      return [
        span("condition", step.condition, 1),
        span("yes", step.yes, step.count),
        span("no", step.no, step.count),
        span("output", step.output, step.count),
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
    case "conv2d":
      return [
        weights(step, step.columns * step.kernelHeight * step.kernelWidth * step.channels),
        ...bias(step, step.columns),
      ];
    case "depthwise":
      return [
        weights(step, step.kernelHeight * step.kernelWidth * step.channels),
        ...bias(step, step.channels),
      ];
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

/** Steps go backwards, no bias is -1, and bits of a float may be those of a negative one. */
function leastOf(field: string, { arenaFloats }: { readonly arenaFloats: number }): number {
  if (field === "floor" || field === "ceiling") return -(2 ** 31);
  return field === "bias" || field.endsWith("Step") ? -arenaFloats - 1 : 0;
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
      requireWhole(label(field), value, { min: leastOf(field, room), max: 2 ** 31 - 1 });
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
