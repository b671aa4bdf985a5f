// Owns the int8 product that the bench times: one matrix and vector, by a loop and by each flavour of the WASM kernels.
// Knows no clock. Invariant: every arm has computed what the loop computes before any is timed.

import { FLAVOURS, type Kernels, load } from "#kernels";
import { seededRng } from "../../runtime/core/rng.js";

const SIDE = 1024;

/** One way to compute it. */
export interface ProductArm {
  readonly name: string;
  /** Calls of one block. */
  readonly calls: number;
  /** How many times faster than the loop it has to be. */
  readonly leastTimes?: number;
  run(): void;
}

/** The arms there are on this engine, the loop first. */
export function int8Product(): { readonly arms: readonly ProductArm[]; readonly side: number } {
  const rng = seededRng(9);
  const weights = Int8Array.from({ length: SIDE * SIDE }, () => rng.below(256) - 128);
  const activations = Uint8Array.from({ length: SIDE }, () => rng.below(128));
  const wanted = new Float32Array(SIDE);
  const loop: ProductArm = {
    name: "JavaScript",
    calls: 2,
    run: () => {
      for (let row = 0, at = 0; row < SIDE; row++) {
        let sum = 0;
        for (let column = 0; column < SIDE; column++, at++) sum += weights[at]! * activations[column]!;
        wanted[row] = sum;
      }
    },
  };
  loop.run();
  const arms = FLAVOURS.flatMap((flavour): ProductArm[] => {
    const { kernels } = load({ flavours: [flavour] });
    if (kernels === null) return [];
    const { run, output } = placed(kernels, { weights, activations });
    run();
    if (output().some((value, row) => value !== wanted[row]))
      throw new Error(`wasm ${flavour} computes something else`);
    return [{ name: `wasm ${flavour}`, calls: 40, leastTimes: flavour === "relaxed" ? 45 : 25, run }];
  });
  return { arms: [loop, ...arms], side: SIDE };
}

/** Weights stay in linear memory, as a program's do; scales are 1 and biases 0. */
function placed(
  kernels: Kernels,
  { weights, activations }: { weights: Int8Array; activations: Uint8Array },
): { run: () => void; output: () => Float32Array } {
  const start = kernels.heap_start();
  const vector = start + weights.length;
  const scales = vector + SIDE;
  const [biases, output] = [scales + 4 * SIDE, scales + 8 * SIDE];
  kernels.memory.grow(Math.ceil((weights.length + 16 * SIDE) / 65_536));
  const { buffer } = kernels.memory;
  new Int8Array(buffer, start).set(weights);
  new Uint8Array(buffer, vector).set(activations);
  new Float32Array(buffer, scales, SIDE).fill(1);
  return {
    run: () => kernels.gemv_i8(start, vector, scales, biases, output, SIDE, SIDE, 0),
    output: () => new Float32Array(buffer, output, SIDE),
  };
}
