// Owns an .onnx file given by its path: it has no manifest, so only its size can be judged. Knows no catalogue.

import path from "node:path";
import { RedlineError } from "../core/errors.js";
import { LIMITS } from "../core/limits.js";
import { type Disk, errorCode } from "./disk.js";
import type { ResolvedModel } from "./store.js";

/** @throws RedlineError `MODEL_FILE_MISSING` or `MODEL_LOAD_FAILED` (an empty or oversized file) */
export async function plainFile({ disk }: { readonly disk: Disk }, name: string): Promise<ResolvedModel> {
  const file = path.resolve(name);
  const size = await sizeOf(disk, file);
  if (size === 0 || size > LIMITS.modelBytes) {
    throw new RedlineError("MODEL_LOAD_FAILED", {
      what: file,
      expected: `an ONNX file of 1 to ${LIMITS.modelBytes} bytes`,
      received: `${size} bytes`,
    });
  }
  const { name: model } = path.parse(file);
  return { manifest: null, variant: null, path: file, model, variantId: "file", goldenPath: null };
}

async function sizeOf(disk: Disk, file: string): Promise<number> {
  let reason: unknown;
  try {
    const found = await disk.stat(file);
    if (found.isFile()) return found.size;
    reason = "something that is not a file";
  } catch (error) {
    reason = errorCode(error) ?? error;
  }
  throw new RedlineError("MODEL_FILE_MISSING", { what: file, expected: "a file", received: String(reason) });
}
