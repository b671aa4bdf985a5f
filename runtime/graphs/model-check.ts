// Owns the check every model passes before ONNX Runtime sees it: size, shape of the file, limits, external data.
// Knows no provider. Invariant: it opens the model's file and no other; data beside it is found, never read.

import { open } from "node:fs/promises";
import path from "node:path";
import { RedlineError } from "../core/errors.js";
import { LIMITS } from "../core/limits.js";
import { type ExternalFile, findExternalData } from "./external-data.js";
import { type GraphFacts, inspectModel } from "./model-facts.js";
import { readModel } from "./read-model.js";

/** What is known of a model that passed. */
export interface ModelFacts {
  /** `ort` is ONNX Runtime's own format, which is only measured: its graph is unknown here. */
  readonly format: "onnx" | "ort";
  /** Bytes of the model's own file. */
  readonly bytes: number;
  readonly graph: GraphFacts | null;
  readonly externalFiles: readonly ExternalFile[];
}

/**
 * Checks a model by path or from its bytes, without running any of it.
 *
 * @throws RedlineError `MODEL_FILE_MISSING`, `MODEL_LOAD_FAILED` (empty), `MODEL_INVALID`, `MODEL_LIMIT` or
 * `MODEL_EXTERNAL_PATH`
 */
export async function checkModel(model: string | Uint8Array): Promise<ModelFacts> {
  const isPath = typeof model === "string";
  const what = isPath ? model : "a model from bytes";
  const bytes = isPath ? await readModelFile(model) : model;
  requireSize(what, bytes.length);
  if (isRuntimeFormat(model, bytes)) {
    return Object.freeze({ format: "ort", bytes: bytes.length, graph: null, externalFiles: [] });
  }
  try {
    const { facts, external } = inspectModel(readModel(bytes));
    const externalFiles = await findExternalData(external, isPath ? path.resolve(model) : null);
    return Object.freeze({ format: "onnx", bytes: bytes.length, graph: facts, externalFiles });
  } catch (error) {
    throw error instanceof RedlineError ? naming(what, error) : error;
  }
}

/** As ONNX Runtime decides it: by the name of a file, by the mark in bytes. */
function isRuntimeFormat(model: string | Uint8Array, bytes: Uint8Array): boolean {
  if (typeof model === "string") return /\.ort$/i.test(model);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1", 4, 8) === "ORTM";
}

async function readModelFile(at: string): Promise<Uint8Array> {
  try {
    const handle = await open(at, "r");
    try {
      const entry = await handle.stat();
      if (!entry.isFile()) throw new Error("not a plain file");
      requireSize(at, entry.size);
      return await handle.readFile();
    } finally {
      await handle.close();
    }
  } catch (cause) {
    if (cause instanceof RedlineError) throw cause;
    const received = cause instanceof Error ? cause.message : String(cause);
    throw new RedlineError("MODEL_FILE_MISSING", { what: at, received, cause });
  }
}

function requireSize(what: string, bytes: number): void {
  if (bytes === 0) throw new RedlineError("MODEL_LOAD_FAILED", { what, received: "an empty file" });
  if (bytes <= LIMITS.modelBytes) return;
  throw new RedlineError("MODEL_LIMIT", {
    what,
    expected: `at most ${LIMITS.modelBytes} bytes`,
    received: String(bytes),
    hint: "keep large weights beside the model, as external data",
  });
}

/** The same error with the model's name in front. */
function naming(what: string, error: RedlineError): RedlineError {
  const { code, expected, received, hint, cause } = error;
  return new RedlineError(code, {
    what: error.what === undefined ? what : `${what}: ${error.what}`,
    ...(expected === undefined ? {} : { expected }),
    ...(received === undefined ? {} : { received }),
    ...(hint === undefined ? {} : { hint }),
    ...(cause === undefined ? {} : { cause }),
  });
}
