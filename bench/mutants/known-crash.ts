// Owns the model that is known to crash ONNX Runtime 1.30 while it is loaded. Runs nothing.

import { fixInput, fixShape, int64Scalar } from "../../runtime/graphs/fix-input.js";
import { readModel } from "../../runtime/graphs/read-model.js";
import { writeModel } from "../../runtime/graphs/write-model.js";

/** As Silero v5 and v6 are run: 64 samples of context and 512 of sound, and two vectors of state. */
export const SILERO_SHAPES = { input: [1, 576], state: [2, 1, 128] } as const;

/** Silero v5 with its sample rate made an initializer and the sizes of its inputs closed; either alone loads. */
export function knownCrash(silero: Uint8Array): Uint8Array {
  const constant = fixInput(readModel(silero), int64Scalar("sr", 16_000n));
  const shapes = Object.entries(SILERO_SHAPES);
  return writeModel(shapes.reduce((model, [name, dims]) => fixShape(model, name, dims), constant));
}
