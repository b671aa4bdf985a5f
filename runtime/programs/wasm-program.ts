// Owns a program in WebAssembly: its inputs, outputs and carried state in the arena of one instance of the kernels.
// Knows no file and no session. Invariant: a run allocates nothing; a state that nobody hands in is that of the run before.

import type { Kernels } from "../bindings/kernels.js";
import { RedlineError } from "../core/errors.js";
import { WasmNetwork } from "../ops/wasm-network.js";
import { sizeOf } from "./layout.js";
import type { Program, ProgramTensor } from "./program.js";

/** Float inputs or outputs by name. */
export type ProgramTensors = Readonly<Record<string, Float32Array>>;

/**
 * A program laid out in an instance of the kernels, which is its own.
 *
 * @example
 * const program = new WasmProgram(kernels, lowered);
 * const { output } = program.run({ input: window });
 */
export class WasmProgram {
  readonly program: Program;
  /** Views of the arena: each run writes them anew. */
  readonly outputs: ProgramTensors;
  readonly #network: WasmNetwork;
  readonly #inputs: readonly { readonly tensor: ProgramTensor; readonly view: Float32Array }[];
  readonly #carried: ReadonlySet<string>;

  /** @throws RedlineError `MODEL_UNSUITABLE` naming the step that the kernels lack, or the memory that the engine does not give */
  constructor(kernels: Kernels, program: Program) {
    this.program = program;
    this.#network = new WasmNetwork(kernels, program);
    const viewOf = ({ place, shape }: ProgramTensor): Float32Array =>
      this.#network.arena.subarray(place, place + sizeOf(shape));
    this.#inputs = program.inputs
      .filter(({ place }) => place >= 0)
      .map((tensor) => ({ tensor, view: viewOf(tensor) }));
    this.outputs = Object.freeze(
      Object.fromEntries(program.outputs.map((tensor) => [tensor.name, viewOf(tensor)])),
    );
    this.#carried = new Set(Object.values(program.carried));
  }

  /**
   * Runs once and answers `outputs`. An input that the program carries may be left out: it is then what the run before made of it,
   * and zeros before the first. Inputs that nothing reads are not looked at.
   *
   * @throws RedlineError `INPUT_MISSING` or `INPUT_SHAPE`
   */
  run(inputs: ProgramTensors): ProgramTensors {
    for (const { tensor, view } of this.#inputs) {
      const data = inputs[tensor.name];
      if (data === undefined && this.#carried.has(tensor.name)) continue;
      if (data === undefined) throw new RedlineError("INPUT_MISSING", { what: tensor.name });
      if (data.length !== view.length)
        throw new RedlineError("INPUT_SHAPE", {
          what: tensor.name,
          expected: `[${tensor.shape.join(", ")}]`,
          received: `${data.length} elements`,
        });
      view.set(data);
    }
    this.#network.run();
    return this.outputs;
  }

  /** Forgets what was carried. */
  reset(): void {
    for (const { tensor, view } of this.#inputs) if (this.#carried.has(tensor.name)) view.fill(0);
  }
}
