// Owns files by content: <root>/blobs/sha256/<hash>, how they are checked, written and set aside. Knows no model.
// Invariant: a file under blobs/ got its name by an atomic rename after its bytes were hashed and flushed to disk.

import { createHash, randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { type FileHandle, mkdir, open, readdir, rename, rm } from "node:fs/promises";
import path from "node:path";
import { RedlineError } from "../core/errors.js";

/** What a file must be. */
export interface Want {
  /** Name for people. */
  readonly file: string;
  readonly sha256: string;
  readonly bytes: number;
}

/** What a file is: `damaged` when it exists with other bytes than wanted. */
export interface FileState {
  readonly state: "ok" | "damaged" | "missing";
  readonly path: string;
  /** Null when missing. */
  readonly sha256: string | null;
  readonly bytes: number;
}

/** Takes a file's bytes; a second call starts the file over. */
export type Deliver = (stream: AsyncIterable<Uint8Array>) => Promise<void>;

export function blobPath(root: string, sha256: string): string {
  return path.join(root, "blobs", "sha256", sha256);
}

/** Hashes the file at `at` and compares. A truncated or empty file is `damaged`. */
export async function inspectFile(at: string, want: Want, signal?: AbortSignal): Promise<FileState> {
  const hash = createHash("sha256");
  let bytes = 0;
  try {
    for await (const chunk of createReadStream(at, { highWaterMark: 1 << 20, signal })) {
      const data = chunk as Buffer;
      bytes += data.length;
      hash.update(data);
    }
  } catch (error) {
    const code = errorCode(error);
    if (code === "ENOENT" || code === "ENOTDIR")
      return { state: "missing", path: at, sha256: null, bytes: 0 };
    signal?.throwIfAborted();
    throw new RedlineError("MODEL_FILE_MISSING", {
      what: at,
      expected: "a readable file",
      received: String(code ?? error),
      cause: error,
    });
  }
  const sha256 = hash.digest("hex");
  const state = sha256 === want.sha256 && bytes === want.bytes ? "ok" : "damaged";
  return { state, path: at, sha256, bytes };
}

/** The error for a file that is not what its manifest says. */
export function mismatch(want: Want, got: { sha256: string; bytes: number; from: string; hint?: string }) {
  return new RedlineError("STORE_HASH_MISMATCH", {
    what: `${want.file} from ${got.from}`,
    expected: `sha256 ${want.sha256}, ${want.bytes} bytes`,
    received: `sha256 ${got.sha256}, ${got.bytes} bytes`,
    ...(got.hint === undefined ? {} : { hint: got.hint }),
  });
}

/**
 * Fills a temporary file, checks it, and gives it its name. A failure at any point leaves no file and harms no other.
 *
 * @param options.fill reads the source and hands its bytes to `deliver`
 * @throws RedlineError `STORE_HASH_MISMATCH`, `STORE_WRITE_FAILED`, or what `fill` throws.
 */
export async function receiveBlob(options: {
  readonly root: string;
  readonly want: Want;
  readonly from: string;
  readonly fill: (deliver: Deliver) => Promise<void>;
  readonly onBytes: (receivedBytes: number) => void;
}): Promise<string> {
  const { root, want } = options;
  const target = blobPath(root, want.sha256);
  const temporary = path.join(root, "tmp", `${want.sha256}.${process.pid}.${randomUUID()}.part`);
  const handle = await onDisk(temporary, async () => {
    await mkdir(path.dirname(target), { recursive: true });
    await mkdir(path.dirname(temporary), { recursive: true });
    return open(temporary, "wx");
  });
  try {
    const got = await fillFile(handle, temporary, options);
    if (got.sha256 !== want.sha256 || got.bytes !== want.bytes) {
      throw mismatch(want, { ...got, from: options.from });
    }
    await onDisk(target, async () => {
      await handle.sync();
      await handle.close();
      await rename(temporary, target);
      await flushFolder(path.dirname(target));
    });
    return target;
  } finally {
    await handle.close().catch(() => {});
    await rm(temporary, { force: true }).catch(() => {});
  }
}

/** Moves a damaged blob to <root>/quarantine, where it can be studied and no longer be loaded. Answers its new path. */
export async function quarantineBlob(root: string, sha256: string): Promise<string> {
  const aside = path.join(root, "quarantine", sha256);
  await onDisk(aside, async () => {
    await mkdir(path.dirname(aside), { recursive: true });
    await rename(blobPath(root, sha256), aside);
  });
  return aside;
}

/** Removes what writers of this blob left when they were killed. Call it under the blob's lock: no writer is alive then. */
export async function sweepTemporaries(root: string, sha256: string): Promise<void> {
  const folder = path.join(root, "tmp");
  const names = await readdir(folder).catch(() => []);
  const left = names.filter((name) => name.startsWith(`${sha256}.`));
  await Promise.all(left.map((name) => rm(path.join(folder, name), { force: true }).catch(() => {})));
}

/** The hashes of every installed blob. */
export async function listBlobs(root: string): Promise<string[]> {
  const names = await readdir(path.join(root, "blobs", "sha256")).catch(() => []);
  return names.filter((name) => /^[0-9a-f]{64}$/.test(name)).sort();
}

/** The code of a system error, for example ENOSPC. */
export function errorCode(error: unknown): string | undefined {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : undefined;
}

async function fillFile(
  handle: FileHandle,
  at: string,
  { want, from, fill, onBytes }: Parameters<typeof receiveBlob>[0],
): Promise<{ sha256: string; bytes: number }> {
  let hash = createHash("sha256");
  let bytes = 0;
  await fill(async (stream) => {
    await onDisk(at, () => handle.truncate(0));
    hash = createHash("sha256");
    bytes = 0;
    for await (const chunk of stream) {
      if (bytes + chunk.length > want.bytes) {
        throw new RedlineError("STORE_HASH_MISMATCH", {
          what: `${want.file} from ${from}`,
          expected: `${want.bytes} bytes`,
          received: "more",
        });
      }
      await onDisk(at, () => writeAll(handle, { chunk, position: bytes }));
      hash.update(chunk);
      bytes += chunk.length;
      onBytes(bytes);
    }
  });
  return { sha256: hash.digest("hex"), bytes };
}

async function writeAll(handle: FileHandle, { chunk, position }: { chunk: Uint8Array; position: number }) {
  let written = 0;
  while (written < chunk.length) {
    const rest = chunk.length - written;
    written += (await handle.write(chunk, written, rest, position + written)).bytesWritten;
  }
}

/** A rename is durable only once its folder is flushed. Windows has no such call and flushes with the file. */
async function flushFolder(folder: string): Promise<void> {
  if (process.platform === "win32") return;
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function onDisk<T>(at: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw new RedlineError("STORE_WRITE_FAILED", {
      what: at,
      received: errorCode(error) ?? String(error),
      hint: "free space or set REDLINE_HOME to a folder that can be written",
      cause: error,
    });
  }
}
