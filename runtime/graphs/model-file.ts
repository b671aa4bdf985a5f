// Owns what a model's file tells before its graph is read: whether its size can be one, and whose format it is. Reads no graph.

import { RedlineError } from "../core/errors.js";
import { LIMITS } from "../core/limits.js";

/** @throws RedlineError `MODEL_LOAD_FAILED` for an empty model, `MODEL_LIMIT` for one beyond protobuf's own bound */
export function requireModelSize(what: string, bytes: number): void {
  if (bytes === 0) throw new RedlineError("MODEL_LOAD_FAILED", { what, received: "an empty file" });
  if (bytes <= LIMITS.modelBytes) return;
  throw new RedlineError("MODEL_LIMIT", {
    what,
    expected: `at most ${LIMITS.modelBytes} bytes`,
    received: String(bytes),
    hint: "keep large weights beside the model, as external data",
  });
}

/**
 * Whether a model is in ONNX Runtime's own format. By the mark in its bytes, whatever the file is called: bytes are what is
 * opened, and then ONNX Runtime goes by the mark too.
 */
export function isRuntimeFormat(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1", 4, 8) === "ORTM";
}
