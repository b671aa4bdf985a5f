// Owns what a model is made of, as `redline models inspect` shows it: its program, or why it is none. Runs nothing.

import { RedlineError } from "../core/errors.js";
import type { ProgramOp } from "../programs/describe.js";
import { constantInputs, fedInputs } from "../store/manifest.js";
import type { ResolvedModel } from "../store/store.js";
import { readHashed } from "./model-bytes.js";

/** A model and the program it is lowered to. */
export interface ModelDescription {
  readonly model: string;
  readonly variant: string;
  readonly path: string;
  readonly bytes: number;
  /** Null for a model that stays with ONNX Runtime; `obstacle` then says why. */
  readonly program: {
    readonly ops: readonly ProgramOp[];
    readonly arenaBytes: number;
    readonly weightBytes: number;
    /** States carried in place: output by input. */
    readonly carried: Readonly<Record<string, string>>;
  } | null;
  readonly obstacle: string | null;
}

/**
 * Describes a model that the store has resolved.
 *
 * @example
 * const store = openStore();
 * const { program, obstacle } = await describeModel(await store.resolve("silero-vad"));
 * console.log(program?.ops.length, program?.arenaBytes, obstacle);
 *
 * @throws RedlineError `MODEL_FILE_MISSING`, `MODEL_INVALID` or `MODEL_LIMIT`
 */
export async function describeModel(resolved: ResolvedModel): Promise<ModelDescription> {
  const { model, variantId, path, manifest } = resolved;
  const { bytes } = await readHashed(path);
  const about = { model, variant: variantId, path, bytes: bytes.length };
  const { lowerProgram } = await import("../programs/program.js");
  const { describeOps } = await import("../programs/describe.js");
  const tensors = manifest === null ? [] : [...manifest.inputs, ...manifest.outputs];
  try {
    const program = await lowerProgram(bytes, {
      constants: constantInputs(manifest),
      shapes: Object.fromEntries(tensors.map(({ name, shape }) => [name, shape])),
      feeds: fedInputs(manifest),
    });
    const { arenaFloats, weights, carried } = program;
    const sizes = { arenaBytes: 4 * arenaFloats, weightBytes: weights.byteLength };
    return { ...about, program: { ops: describeOps(program), ...sizes, carried }, obstacle: null };
  } catch (error) {
    if (!(error instanceof RedlineError) || error.code !== "MODEL_UNSUITABLE") throw error;
    const { what = "a program", expected = "", received = "" } = error;
    return { ...about, program: null, obstacle: `${what}: expected ${expected}, received ${received}` };
  }
}
