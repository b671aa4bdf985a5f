// Owns the form in which WebAssembly takes a list of network steps: their words, and their constants packed for its lanes.
// Knows no model. Invariant: a step means what it meant before; its constants alone are laid out anew.

import { RedlineError } from "../core/errors.js";
import { weightsOf } from "./network-extents.js";
import { type NetworkStep, type StepName, wordsOf } from "./network-steps.js";

/** Columns of a packed matrix that lie together: PACKED_COLUMNS of kernels/src/network.rs. */
const COLUMNS = 16;

/** The steps there are in WebAssembly. */
export const WASM_STEPS: readonly StepName[] = Object.freeze([
  "affine",
  "lstm",
  "map",
  "combine",
  "magnitude",
  "move",
  "constant",
  "mean",
  "gru",
  "softmax",
  "layerNorm",
  "quantise",
  "affine8",
  "conv2d",
  "depthwise",
  "pool",
  "elementary",
  "select",
]);

/** Steps as the kernels take them. */
export interface PackedNetwork {
  readonly words: Int32Array;
  readonly constants: Float32Array;
}

/**
 * Packs steps that were held against their constants (`requireSteps`). Matrices lie in blocks of 16 columns, filled up with zeros,
 * of bytes four to a column; a missing bias becomes zeros; behind bytes lies what their zero point adds to each column.
 *
 * @throws RedlineError `MODEL_UNSUITABLE` naming a step that the kernels lack
 */
export function packNetwork(steps: readonly NetworkStep[], weights: Float32Array): PackedNetwork {
  const packer = new Packer(weights);
  const packed = steps.map((step, index) => {
    if (!WASM_STEPS.includes(step.op))
      throw new RedlineError("MODEL_UNSUITABLE", {
        what: `a program in WebAssembly: step ${index}`,
        expected: `one of ${WASM_STEPS.join(", ")}`,
        received: step.op,
      });
    return packer.pack(step);
  });
  return { words: wordsOf(packed), constants: packer.constants() };
}

class Packer {
  readonly #weights: Float32Array;
  readonly #chunks: Float32Array[] = [];
  #floats = 0;

  constructor(weights: Float32Array) {
    this.#weights = weights;
  }

  /** The same step with places in the packed constants. */
  pack(step: NetworkStep): NetworkStep {
    switch (step.op) {
      case "affine":
        return { ...step, ...this.#matrix(step, { columns: step.columns, depth: step.depth }) };
      case "lstm":
      case "gru":
        return {
          ...step,
          ...this.#matrix(step, { columns: 4 * step.units, depth: step.inputs + step.units }),
        };
      case "conv2d": {
        const depth = step.kernelHeight * step.kernelWidth * step.channels;
        return { ...step, ...this.#matrix(step, { columns: step.columns, depth }) };
      }
      case "depthwise":
        return {
          ...step,
          weights: this.#row(step.weights, step.kernelHeight * step.kernelWidth * step.channels),
          bias: this.#row(step.bias, step.channels),
        };
      case "affine8":
        return {
          ...step,
          weights: this.#add(this.#packedBytes(step)),
          scales: this.#row(step.scales, step.columns),
          bias: this.#row(step.bias, step.columns),
        };
      case "layerNorm":
        return {
          ...step,
          weights: this.#row(step.weights, step.columns),
          bias: this.#row(step.bias, step.columns),
        };
      case "constant":
        return { ...step, weights: this.#row(step.weights, step.count) };
      default:
        if (weightsOf(step).length > 0)
          throw new RedlineError("INTERNAL", { what: `the constants of ${step.op} are not packed` });
        return step;
    }
  }

  constants(): Float32Array {
    const all = new Float32Array(this.#floats);
    let at = 0;
    for (const chunk of this.#chunks) {
      all.set(chunk, at);
      at += chunk.length;
    }
    return all;
  }

  #add(chunk: Float32Array): number {
    this.#chunks.push(chunk);
    this.#floats += chunk.length;
    return this.#floats - chunk.length;
  }

  /** A row filled up to whole blocks; all zeros where there is none. */
  #row(at: number, count: number): number {
    const row = new Float32Array(padded(count));
    if (at >= 0) row.set(this.#weights.subarray(at, at + count));
    return this.#add(row);
  }

  #matrix(
    { weights, bias }: { readonly weights: number; readonly bias: number },
    { columns, depth }: { readonly columns: number; readonly depth: number },
  ): { weights: number; bias: number } {
    const packed = new Float32Array(padded(columns) * depth);
    for (let column = 0; column < columns; column++) {
      const block = Math.floor(column / COLUMNS) * COLUMNS * depth + (column % COLUMNS);
      for (let k = 0; k < depth; k++)
        packed[block + k * COLUMNS] = this.#weights[weights + column * depth + k]!;
    }
    return { weights: this.#add(packed), bias: this.#row(bias, columns) };
  }

  #packedBytes(step: Extract<NetworkStep, { op: "affine8" }>): Float32Array {
    const { columns, depth, zeroPoint } = step;
    const groups = Math.ceil(depth / 4);
    const { buffer, byteOffset } = this.#weights;
    const given = new Int8Array(buffer, byteOffset + 4 * step.weights, columns * depth);
    const packed = new Float32Array(padded(columns) * (groups + 1));
    const bytes = new Int8Array(packed.buffer);
    const offsets = new Int32Array(packed.buffer, 4 * padded(columns) * groups);
    for (let column = 0; column < columns; column++) {
      const block = Math.floor(column / COLUMNS) * groups;
      for (let k = 0; k < depth; k++) {
        const weight = given[column * depth + k]!;
        bytes[((block + Math.floor(k / 4)) * COLUMNS + (column % COLUMNS)) * 4 + (k % 4)] = weight;
        offsets[column] = offsets[column]! + zeroPoint * weight;
      }
    }
    return packed;
  }
}

function padded(columns: number): number {
  return Math.ceil(columns / COLUMNS) * COLUMNS;
}
