// Owns a model as it is about to be opened: its bytes read once, hashed, checked, with the files beside it. Knows no verdict.
// Invariant: the bytes that are checked and handed on are the ones that were hashed.

import { RedlineError } from "../core/errors.js";
import { type ExternalFile, mentionsFiles } from "../graphs/external-data.js";
import type { OpenRequest } from "../providers/provider.js";
import { type ExternalHashes, type HashedBytes, hashBytes, hashExternal, readHashed } from "./model-bytes.js";

export interface HashedModel extends HashedBytes {
  /** The file, when it needs others beside it; null when its bytes are all of it. */
  readonly file: string | null;
  /** Where the bytes came from, for messages; null for a model from bytes. */
  readonly from: string | null;
  readonly external: ExternalHashes;
  readonly externalFiles: readonly ExternalFile[];
  /** Whether the graph was read whole and within limits already. */
  readonly isChecked: boolean;
}

/**
 * The model's bytes with their hash. The graph is read only where it may refer to other files.
 *
 * @throws RedlineError `MODEL_FILE_MISSING`, `MODEL_LOAD_FAILED`, `MODEL_LIMIT`, `MODEL_INVALID`, `MODEL_EXTERNAL_PATH`,
 * or `STORE_HASH_MISMATCH` when a file that was right when the store looked is another now
 */
export async function hashedModel({ graph, origin }: OpenRequest): Promise<HashedModel> {
  if (graph === null) throw new RedlineError("INTERNAL", { what: "a null graph is not hashed" });
  const from = typeof graph === "string" ? graph : null;
  const hashed = typeof graph === "string" ? await readHashed(graph) : await hashBytes(graph);
  if (from !== null && origin?.sha256 !== undefined && origin.sha256 !== hashed.sha256) {
    throw new RedlineError("STORE_HASH_MISMATCH", {
      what: from,
      expected: `sha256 ${origin.sha256}`,
      received: `sha256 ${hashed.sha256}`,
      hint: "the file was changed just now: redline models verify",
    });
  }
  const isChecked = await mentionsFiles(hashed.bytes);
  const externalFiles = isChecked ? await check(hashed.bytes, from) : [];
  const external = await hashExternal(externalFiles);
  return { ...hashed, file: external.length > 0 ? from : null, from, external, externalFiles, isChecked };
}

/**
 * Reads the graph within limits, where that has not been done.
 *
 * @throws RedlineError `MODEL_INVALID`, `MODEL_LIMIT`, `MODEL_LOAD_FAILED`
 */
export async function requireChecked({ isChecked, bytes, from }: HashedModel): Promise<void> {
  if (!isChecked) await check(bytes, from);
}

/**
 * Files beside a model are read by the library itself, after they were hashed: they must be the same afterwards.
 *
 * @throws RedlineError `MODEL_LOAD_FAILED`, or what `hashedModel` throws for a file
 */
export async function requireUnchanged(model: HashedModel): Promise<void> {
  if (model.file === null) return;
  const { sha256 } = await readHashed(model.file);
  const now = await hashExternal(model.externalFiles);
  if (sha256 === model.sha256 && JSON.stringify(now) === JSON.stringify(model.external)) return;
  throw new RedlineError("MODEL_LOAD_FAILED", {
    what: model.file,
    expected: "files that stay the same while they are tried",
    received: "a change",
    hint: "try again when nobody writes to them",
  });
}

// Loaded here and not at import: a model with a verdict needs no reader of graphs.
async function check(bytes: Uint8Array, from: string | null): Promise<readonly ExternalFile[]> {
  const { checkBytes } = await import("../graphs/model-check.js");
  return (await checkBytes(bytes, from)).externalFiles;
}
