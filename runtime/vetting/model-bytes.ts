// Owns reading a model's file into memory and its sha256 in one pass, so that what is opened is what was hashed.
// Knows ONNX only as far as it names files of its own. Invariant: no step of it holds the event loop for long.

import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import path from "node:path";
import { RedlineError } from "../core/errors.js";
import { LIMITS } from "../core/limits.js";
import { leadsOut } from "../store/source.js";

/** A piece of which hashing takes about a millisecond. */
const PIECE_BYTES = 1 << 20;

export interface HashedBytes {
  readonly bytes: Uint8Array;
  readonly sha256: string;
}

/** Copies and hashes bytes that somebody else may go on to change. */
export async function hashBytes(bytes: Uint8Array): Promise<HashedBytes> {
  const copy = Uint8Array.from(bytes);
  const hash = createHash("sha256");
  for (let at = 0; at < copy.length; at += PIECE_BYTES) {
    hash.update(copy.subarray(at, at + PIECE_BYTES));
    if (at > 0) await new Promise(setImmediate);
  }
  return { bytes: copy, sha256: hash.digest("hex") };
}

/**
 * Reads and hashes a file.
 *
 * @throws RedlineError `MODEL_FILE_MISSING`, or `MODEL_LOAD_FAILED` for an empty or oversized file
 */
export async function readHashed(file: string): Promise<HashedBytes> {
  try {
    await using handle = await open(file, "r");
    const found = await handle.stat();
    if (!found.isFile()) throw missing(file, "something that is not a file");
    const { size } = found;
    if (size === 0 || size > LIMITS.modelBytes) throw oversized(file, size);
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

// One entry of TensorProto.external_data: field 1, "location"; then field 2, the path.
const LOCATION = Buffer.concat([Buffer.from([0x0a, 8]), Buffer.from("location"), Buffer.from([0x12])]);
// More files than that beside one graph are no model.
const MOST_FILES = 1024;

/**
 * The files a graph's weights lie in beside it, relative to its folder; paths that lead out are left out, for the
 * library refuses them. A graph with weights of its own has none. Found by their entries' bytes, without reading the
 * graph: an entry written in another order is missed, which costs the verdict's freshness and not its truth, because
 * the optimised graph that is opened holds those weights itself.
 */
export function externalFiles(model: Uint8Array): string[] {
  const bytes = Buffer.from(model.buffer, model.byteOffset, model.byteLength);
  const files = new Set<string>();
  for (let at = bytes.indexOf(LOCATION); at >= 0; at = bytes.indexOf(LOCATION, at + 1)) {
    const length = bytes[at + LOCATION.length] ?? 0;
    // Paths of 128 bytes or more have a length of two bytes.
    const isLong = length >= 128;
    const start = at + LOCATION.length + (isLong ? 2 : 1);
    const total = isLong ? (length & 127) + (bytes[start - 1] ?? 0) * 128 : length;
    const file = bytes.toString("utf8", start, start + total);
    if (!leadsOut(file)) files.add(file);
    if (files.size > MOST_FILES) break;
  }
  return [...files].sort();
}

/** The hash of every external file that is there, by name. */
export async function hashExternal(
  model: string,
  files: readonly string[],
): Promise<readonly (readonly [file: string, sha256: string])[]> {
  const hashes: [string, string][] = [];
  for (const file of files) {
    const hashed = await hashStream(path.join(path.dirname(model), file));
    hashes.push([file, hashed]);
  }
  return hashes;
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

function oversized(file: string, size: number): RedlineError {
  return new RedlineError("MODEL_LOAD_FAILED", {
    what: file,
    expected: `a model of 1 to ${LIMITS.modelBytes} bytes`,
    received: `${size} bytes`,
  });
}
