// Owns a list of network steps in one instance of the kernels: words, packed constants and one arena in its linear memory.
// Knows no model and no file. Invariant: a run allocates nothing, and writes to the arena only.

import type { Kernels } from "../bindings/kernels.js";
import { RedlineError } from "../core/errors.js";
import { LIMITS } from "../core/limits.js";
import type { NetworkStep } from "./network-steps.js";
import { refusal } from "./op-argument.js";
import { packNetwork } from "./pack-network.js";

const PAGE_BYTES = 65_536;
const CACHE_LINE_BYTES = 64;

/** A list of steps, their constants and the size of their arena. */
export interface NetworkImage {
  readonly steps: readonly NetworkStep[];
  readonly weights: Float32Array;
  readonly arenaFloats: number;
}

/**
 * Steps that are laid out once and run many times; the instance is theirs alone as long as they run. The caller has held them
 * against arena and constants (`requireSteps`), and the kernels hold every word against both again.
 */
export class WasmNetwork {
  readonly #kernels: Kernels;
  readonly #words: { readonly at: number; readonly count: number };
  readonly #constants: { readonly at: number; readonly count: number };
  /** The arena, in the instance's own memory. */
  readonly arena: Float32Array;

  /**
   * @throws RedlineError `MODEL_UNSUITABLE` for a step that the kernels lack, and for what linear memory cannot hold
   */
  constructor(kernels: Kernels, image: NetworkImage) {
    const { steps, weights, arenaFloats } = image;
    const { words, constants } = packNetwork(steps, weights);
    this.#kernels = kernels;
    this.#words = { at: onLine(kernels.heap_start()), count: words.length };
    this.#constants = { at: onLine(this.#words.at + words.byteLength), count: constants.length };
    const arenaAt = onLine(this.#constants.at + constants.byteLength);
    reserve(kernels, arenaAt + 4 * arenaFloats);
    const { buffer } = kernels.memory;
    new Int32Array(buffer, this.#words.at, words.length).set(words);
    new Float32Array(buffer, this.#constants.at, constants.length).set(constants);
    this.arena = new Float32Array(buffer, arenaAt, arenaFloats).fill(0);
  }

  /** Runs every step; refuses with `OP_ARGUMENT`, before the first one, steps that lead out of arena or constants. */
  run(): void {
    const { at, count } = this.#words;
    const { byteOffset, length } = this.arena;
    const status = this.#kernels.network(
      at,
      count,
      this.#constants.at,
      this.#constants.count,
      byteOffset,
      length,
    );
    if (status !== 0) throw refusal("steps", "words that stay inside their arena", "others");
  }
}

function onLine(address: number): number {
  return Math.ceil(address / CACHE_LINE_BYTES) * CACHE_LINE_BYTES;
}

function reserve({ memory }: Kernels, end: number): void {
  const missing = end - memory.buffer.byteLength;
  if (missing <= 0) return;
  try {
    if (end > LIMITS.kernelBytes) throw new RangeError(`${end} bytes`);
    memory.grow(Math.ceil(missing / PAGE_BYTES));
  } catch (cause) {
    throw new RedlineError("MODEL_UNSUITABLE", {
      what: "a program in WebAssembly",
      expected: `at most ${LIMITS.kernelBytes} bytes that the engine gives`,
      received: `${end} bytes`,
      cause,
    });
  }
}
