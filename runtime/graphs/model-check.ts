// Owns the check every model passes before ONNX Runtime sees it: size, shape of the file, limits, external data.
// Knows no provider. Invariant: it opens the model's file and no other; data beside it is found, never read.

import { open } from "node:fs/promises";
import path from "node:path";
import { RedlineError } from "../core/errors.js";
import { type ExternalFile, findExternalData } from "./external-data.js";
import { type GraphFacts, inspectModel } from "./model-facts.js";
import { isRuntimeFormat, requireModelSize } from "./model-file.js";
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
  return typeof model === "string" ? checkBytes(await readModelFile(model), model) : checkBytes(model, null);
}

/**
 * The same for bytes that were read already: what is opened afterwards are then the bytes that were checked. `file` is
 * where they came from, or null.
 *
 * @throws RedlineError as `checkModel`, but for `MODEL_FILE_MISSING`
 */
export async function checkBytes(bytes: Uint8Array, file: string | null): Promise<ModelFacts> {
  const what = file ?? "a model from bytes";
  requireModelSize(what, bytes.length);
  if (isRuntimeFormat(bytes)) {
    return Object.freeze({ format: "ort", bytes: bytes.length, graph: null, externalFiles: [] });
  }
  try {
    const { facts, external } = inspectModel(readModel(bytes));
    const externalFiles = await findExternalData(external, file === null ? null : path.resolve(file));
    return Object.freeze({ format: "onnx", bytes: bytes.length, graph: facts, externalFiles });
  } catch (error) {
    throw error instanceof RedlineError ? naming(what, error) : error;
  }
}

async function readModelFile(at: string): Promise<Uint8Array> {
  try {
    const handle = await open(at, "r");
    try {
      const entry = await handle.stat();
      if (!entry.isFile()) throw new Error("not a plain file");
      requireModelSize(at, entry.size);
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
