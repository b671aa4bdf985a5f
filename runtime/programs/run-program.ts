// Owns running a program over the reference ops: what native programs must equal. Knows no addon.
// Invariant: a run reads its inputs and writes its outputs; nothing is carried but what the caller hands in again.

import { RedlineError } from "../core/errors.js";
import { network } from "../ops/reference/network.js";
import { sizeOf } from "./layout.js";
import type { Program } from "./program.js";

/** Runs the steps of a program over an arena: `network` for the reference, or native ones. */
export type RunSteps = (program: Program, arena: Float32Array) => void;

/** One program with an arena of its own. */
export class ProgramRun {
  readonly #arena: Float32Array;

  constructor(
    private readonly program: Program,
    private readonly runSteps: RunSteps = ({ steps, weights }, arena) => network(steps, { weights, arena }),
  ) {
    this.#arena = new Float32Array(program.arenaFloats);
  }

  /** Runs once; outputs are copies. */
  run(inputs: Readonly<Record<string, Float32Array>>): Record<string, Float32Array> {
    for (const { name, place, shape } of this.program.inputs) {
      if (place < 0) continue;
      const data = inputs[name];
      if (data?.length !== sizeOf(shape))
        throw new RedlineError("INPUT_SHAPE", {
          what: name,
          expected: `[${shape.join(", ")}]`,
          received: `${data?.length ?? 0} elements`,
        });
      this.#arena.set(data, place);
    }
    this.runSteps(this.program, this.#arena);
    return Object.fromEntries(
      this.program.outputs.map(({ name, place, shape }) => [
        name,
        this.#arena.slice(place, place + sizeOf(shape)),
      ]),
    );
  }
}
