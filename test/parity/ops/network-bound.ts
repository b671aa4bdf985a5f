// Owns how far an implementation of a network op may be from the reference, element by element, and what else it must not
// do. Invariant: the bound comes from the number of roundings and the sizes of what is added, never from what was measured.

import { type Extent, extentsOf } from "../../../runtime/ops/network-extents.js";
import {
  ACTIVATIONS,
  type NetworkStep,
  STEP_FORMS,
  type StepOf,
} from "../../../runtime/ops/network-steps.js";
import { network, type StepMemory } from "../../../runtime/ops/reference/network.js";
import type { NetworkCase } from "./network-cases.js";

/** Half a unit in the last place of 1: what one rounding to float32 may move a number by, relative to it. */
const ROUNDING = 2 ** -24;
/** A sigmoid or tanh by a rational function: four roundings of numbers around 1, and its own error of 2^-22. */
const CURVE = 2 ** -20;
/** Below this a number may be flushed to 0, as lanes do. */
const DENORMAL = 2 ** -126;

/** Runs one step in place over an arena. */
export type RunNetwork = (step: NetworkStep, memory: StepMemory) => void;

/** What is wrong with an implementation's run of a case, or undefined. */
export function networkFaultOf(one: NetworkCase, run: RunNetwork): string | undefined {
  const { step, weights } = one;
  const wanted = one.arena.slice();
  const received = one.arena.slice();
  const constants = weights.slice();
  network([step], { weights, arena: wanted });
  run(step, { weights: constants, arena: received });
  const given = bitsOf(weights);
  if (!bitsOf(constants).every((bits, at) => bits === given[at])) return "writes to its constants";
  const touched = extentsOf(step).filter(({ place }) => isWritten(step, place));
  const scratch = extentsOf(step).filter(({ place }) => isScratch(step, place));
  const bounds = boundsOf(one);
  for (let at = 0; at < wanted.length; at++) {
    if (scratch.some((extent) => holds(extent, at))) continue;
    const place = touched.find((extent) => holds(extent, at));
    if (place === undefined) {
      if (!Object.is(received[at], wanted[at])) return `writes outside its places, at ${at}`;
      continue;
    }
    // Bytes lie in floats that mean nothing.
    if (step.op === "quantise" && !isSameBits({ wanted, received }, at))
      return `other bytes at ${at} in place of the wanted ones`;
    if (step.op === "quantise") continue;
    const bound = bounds(at, wanted[at]!);
    if (isNear(received[at]!, { wanted: wanted[at]!, bound })) continue;
    return `${place.place} at ${at - place.from}: ${received[at]} in place of ${wanted[at]} within ${bound}`;
  }
  return undefined;
}

function isSameBits(given: { wanted: Float32Array; received: Float32Array }, at: number): boolean {
  return new Uint32Array(given.wanted.buffer)[at] === new Uint32Array(given.received.buffer)[at];
}

function isWritten({ op }: NetworkStep, place: string): boolean {
  return (STEP_FORMS[op].writes as readonly string[]).includes(place);
}

function isScratch({ op }: NetworkStep, place: string): boolean {
  return (STEP_FORMS[op].scratch as readonly string[]).includes(place);
}

function holds({ from, to }: Extent, at: number): boolean {
  return at >= from && at < to;
}

function bitsOf(floats: Float32Array): Uint32Array {
  return new Uint32Array(floats.buffer, floats.byteOffset, floats.length);
}

function isNear(received: number, { wanted, bound }: { wanted: number; bound: number }): boolean {
  if (Number.isNaN(wanted)) return Number.isNaN(received);
  return received === wanted || Math.abs(received - wanted) <= bound;
}

/** The bound of each element written: by its place, and by the value wanted there. */
function boundsOf(one: NetworkCase): (at: number, wanted: number) => number {
  const { step } = one;
  switch (step.op) {
    case "affine": {
      const sizes = sizesOf(one, { ...step, activation: 0 });
      const curve = ["sigmoid", "tanh"].includes(ACTIVATIONS[step.activation]!) ? CURVE : 0;
      return (at) => (step.depth + 8) * ROUNDING * sizes[at]! + curve + DENORMAL;
    }
    case "lstm":
      return cellBounds(one, step);
    case "gru":
      return cellBounds(one, step);
    case "softmax":
      return (_, wanted) =>
        (step.columns + 16) * ROUNDING * Math.abs(wanted) * (1 + largestOf(one, step)) + DENORMAL;
    case "layerNorm":
      return (_, wanted) => 4 * ROUNDING * (1 + Math.abs(wanted)) * (1 + largestOf(one, step));
    case "affine8":
    case "map":
      return () => (["sigmoid", "tanh"].includes(ACTIVATIONS[step.activation]!) ? CURVE : 0);
    case "magnitude":
      return (_, wanted) => 4 * ROUNDING * Math.abs(wanted) + 2 ** -63;
    case "conv2d":
    case "depthwise": {
      const sizes = sizesOf(one, { ...step, activation: 0 });
      const curve = ["sigmoid", "tanh"].includes(ACTIVATIONS[step.activation]!) ? CURVE : 0;
      const depth = step.kernelHeight * step.kernelWidth * (step.op === "conv2d" ? step.channels : 1);
      return (at) => (depth + 8) * ROUNDING * sizes[at]! + curve + DENORMAL;
    }
    case "elementary":
      return (_, wanted) => 4 * ROUNDING * Math.abs(wanted);
    case "pool": {
      const sizes = sizesOf(one, { ...step, isMean: 1 });
      return (at) => (step.isMean === 1 ? 24 * ROUNDING * sizes[at]! : 0) + DENORMAL;
    }
    case "mean": {
      const sizes = sizesOf(one, step);
      return (at) => (step.rows + 8) * ROUNDING * sizes[at]! + DENORMAL;
    }
    default:
      return () => 0;
  }
}

/** What a step makes of the sizes of everything it adds up. */
function sizesOf({ weights, arena }: NetworkCase, step: NetworkStep): Float32Array {
  const sizes = arena.map(Math.abs);
  network([step], { weights: weights.map(Math.abs), arena: sizes });
  return sizes;
}

/** The largest finite number a step reads. */
function largestOf({ arena }: NetworkCase, step: NetworkStep): number {
  const { from, to } = extentsOf(step)[0]!;
  return Math.max(0, ...arena.subarray(from, to).map(Math.abs).filter(Number.isFinite));
}

/** A gate's error is that of its sum, passed on by curves of slope 1 at most; the cell adds two products of them. */
function cellBounds(one: NetworkCase, step: StepOf<"lstm"> | StepOf<"gru">): (at: number) => number {
  const { inputs, units } = step;
  const depth = inputs + units;
  const sizes = sizesOf(one, step);
  const gates = sizes.subarray(step.scratch + depth, step.scratch + depth + 4 * units);
  const before = step.op === "lstm" ? step.cell : step.hidden;
  return (at) => {
    const isCell = step.op === "lstm" && at >= step.cellOut && at < step.cellOut + units;
    const unit = at - (isCell ? step.cellOut : step.hiddenOut);
    // A sum that is infinite saturates its gate, and one that is NaN makes it NaN: neither has an error of its own.
    const used = isCell ? [0, 2, 3] : [0, 1, 2, 3];
    const finite = used
      .map((gate) => gates[gate * units + unit]!)
      .map((sum) => (Number.isFinite(sum) ? sum : 0));
    // A GRU's reset gate passes its error on by what it multiplies.
    const slope = step.op === "gru" ? 1 + Math.abs(finite[3]!) : 1;
    const gate = slope * ((depth + 8) * ROUNDING * Math.max(...finite) + CURVE);
    return (3 + Math.abs(one.arena[before + unit]!)) * gate + DENORMAL;
  };
}
