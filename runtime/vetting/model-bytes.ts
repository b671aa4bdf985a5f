// Owns reading a model's file into memory and its sha256 in one pass, so that what is opened is what was hashed.
// Knows no format. Invariant: no step of it holds the event loop for long.

import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { RedlineError } from "../core/errors.js";
import type { ExternalFile } from "../graphs/external-data.js";
import { requireModelSize } from "../graphs/model-file.js";

/** A piece of which hashing takes about a millisecond. */
const PIECE_BYTES = 1 << 20;

/** Files beside a model, each with its hash. */
export type ExternalHashes = readonly (readonly [location: string, sha256: string])[];

export interface HashedBytes {
  readonly bytes: Uint8Array;
  readonly sha256: string;
}

/** Copies and hashes bytes that somebody else may go on to change. */
export async function hashBytes(bytes: Uint8Array): Promise<HashedBytes> {
  const copy = new Uint8Array(bytes.length);
  const hash = createHash("sha256");
  for (let at = 0; at < copy.length; at += PIECE_BYTES) {
    copy.set(bytes.subarray(at, at + PIECE_BYTES), at);
    hash.update(copy.subarray(at, at + PIECE_BYTES));
    if (at > 0) await new Promise(setImmediate);
  }
  return { bytes: copy, sha256: hash.digest("hex") };
}

/**
 * Reads and hashes a file.
 *
 * @throws RedlineError `MODEL_FILE_MISSING`, `MODEL_LOAD_FAILED` for an empty file, `MODEL_LIMIT` for an oversized one
 */
export async function readHashed(file: string): Promise<HashedBytes> {
  try {
    await using handle = await open(file, "r");
    const found = await handle.stat();
    if (!found.isFile()) throw missing(file, "something that is not a file");
    const { size } = found;
    requireModelSize(file, size);
    const bytes = Buffer.allocUnsafeSlow(size);
    const hash = createHash("sha256");
    let at = 0;
    while (at < size) {
      const { bytesRead } = await handle.read(bytes, at, Math.min(PIECE_BYTES, size - at), at);
      if (bytesRead === 0) throw missing(file, `${at} of ${size} bytes: it shrank while it was read`);
      hash.update(bytes.subarray(at, at + bytesRead));
      at += bytesRead;
    }
    return { bytes, sha256: hash.digest("hex") };
  } catch (error) {
    if (error instanceof RedlineError) throw error;
    throw missing(file, String((error as NodeJS.ErrnoException).code ?? error), error);
  }
}

/** The hash of every file beside a model, under the name the model has for it. */
export async function hashExternal(files: readonly ExternalFile[]): Promise<ExternalHashes> {
  const hashes: [string, string][] = [];
  for (const { location, path } of files) hashes.push([location, await hashStream(path)]);
  return hashes.sort(([a], [b]) => (a < b ? -1 : 1));
}

async function hashStream(file: string): Promise<string> {
  const hash = createHash("sha256");
  try {
    await using handle = await open(file, "r");
    for await (const piece of handle.createReadStream({ highWaterMark: PIECE_BYTES, autoClose: false })) {
      hash.update(piece as Buffer);
    }
  } catch {
    // The library will say what is wrong with it.
    return "unreadable";
  }
  return hash.digest("hex");
}

function missing(file: string, received: string, cause?: unknown): RedlineError {
  const why = cause === undefined ? {} : { cause };
  return new RedlineError("MODEL_FILE_MISSING", {
    what: file,
    expected: "a readable file",
    received,
    ...why,
  });
}
