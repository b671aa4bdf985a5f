// Owns the port through which the store touches files, and the few ways it reads and writes them. Knows no model.
// Invariant: every step on the store's own folder, and on exports, goes through a `Disk` handed in: a test can fail any.

import { randomUUID } from "node:crypto";
import * as files from "node:fs/promises";
import path from "node:path";
import { RedlineError } from "../core/errors.js";

/** What the store needs of a file system: the promise form of Node's own. */
export type Disk = Pick<
  typeof files,
  "mkdir" | "open" | "readdir" | "realpath" | "rename" | "rm" | "rmdir" | "stat" | "utimes"
>;

/** The machine's own file system. */
export const nodeDisk: Disk = files;

/** What is read of a file at once: little at first, because most files of a store are small, then four times as much. */
const CHUNK_BYTES = { first: 1 << 16, most: 1 << 20 };

/** The code of a system error, for example ENOSPC. */
export function errorCode(error: unknown): string | undefined {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : undefined;
}

/** Whether an error says that there is no such file. */
export function isAbsence(error: unknown): boolean {
  return ["ENOENT", "ENOTDIR"].includes(errorCode(error) ?? "");
}

/** Whether an error says that the disk could not give back what was written to it. */
export function isBadSector(error: unknown): boolean {
  return errorCode(error) === "EIO";
}

/** What to do when a write fails, by the system's code. */
export interface WriteHints {
  readonly byCode: Readonly<Record<string, string>>;
  readonly otherwise: string;
}

/** Runs a step that writes; its failure is `STORE_WRITE_FAILED` naming the path and the way out. */
export async function onDisk<T>(at: string, act: () => Promise<T>, hints: WriteHints = IN_STORE): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (error instanceof RedlineError) throw error;
    const code = errorCode(error);
    throw new RedlineError("STORE_WRITE_FAILED", {
      what: at,
      received: code ?? String(error),
      hint: hints.byCode[code ?? ""] ?? hints.otherwise,
      cause: error,
    });
  }
}

/**
 * The error for a refusal of the system that nobody on its way gave a meaning: what writes does so itself, so this one
 * was met reading. Undefined for any other error.
 */
export function readFailure(error: unknown, root: string): RedlineError | undefined {
  const code = errorCode(error);
  if (error instanceof RedlineError || code === undefined || !/^E[A-Z0-9]+$/.test(code)) return undefined;
  return unreadable((error as NodeJS.ErrnoException).path ?? root, error);
}

/** The error for a file that is there and cannot be read. */
export function unreadable(at: string, error: unknown): RedlineError {
  return new RedlineError("STORE_READ_FAILED", {
    what: at,
    received: errorCode(error) ?? String(error),
    hint: "let this user read it, or check the disk; redline models verify names damaged files",
    cause: error,
  });
}

const FREE_SPACE = "free space: redline models gc --budget SIZE, or set REDLINE_HOME to a larger disk";
const ALLOW = "allow this user to write there, or set REDLINE_HOME to a folder that can be written";
const IN_STORE: WriteHints = {
  byCode: {
    ENOSPC: FREE_SPACE,
    EDQUOT: FREE_SPACE,
    EROFS: "the disk is mounted read-only: set REDLINE_HOME to a folder that can be written",
    EACCES: ALLOW,
    EPERM: ALLOW,
    ENOTDIR: "a part of that path is a file: set REDLINE_HOME to a folder",
    EEXIST: "there is a file of that name: set REDLINE_HOME to a folder",
  },
  otherwise: "free space or set REDLINE_HOME to a folder that can be written",
};

/** A stretch of a file, in pieces. A piece is only valid until the next one is asked for. */
export async function* readChunks(
  disk: Disk,
  at: string,
  options: {
    readonly from?: number;
    readonly bytes?: number;
    readonly signal?: AbortSignal | undefined;
  } = {},
): AsyncGenerator<Uint8Array> {
  const { from = 0, bytes = Number.POSITIVE_INFINITY, signal } = options;
  const handle = await disk.open(at, "r");
  try {
    let buffer = new Uint8Array(Math.min(CHUNK_BYTES.first, Math.max(1, bytes)));
    for (let position = 0; position < bytes; ) {
      signal?.throwIfAborted();
      const wanted = Math.min(buffer.length, bytes - position);
      const { bytesRead } = await handle.read(buffer, 0, wanted, from + position);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
      position += bytesRead;
      if (bytesRead === buffer.length && bytesRead < CHUNK_BYTES.most) buffer = new Uint8Array(bytesRead * 4);
    }
  } finally {
    await handle.close();
  }
}

/** A whole small file, or null when it does not exist. More than `maxBytes` of it are never held. */
export async function readSmall(disk: Disk, at: string, maxBytes: number): Promise<Buffer | null> {
  const parts: Buffer[] = [];
  try {
    for await (const chunk of readChunks(disk, at, { bytes: maxBytes + 1 })) parts.push(Buffer.from(chunk));
  } catch (error) {
    if (isAbsence(error)) return null;
    throw error;
  }
  return Buffer.concat(parts);
}

/**
 * What a temporary is: a `part` of a file to come, a `new` record, a `version`'s folder to come or to go, and the folder
 * `pip` downloads into.
 */
export type TemporaryKind = "part" | "new" | "version" | "pip" | "trial";

/** A name that no other writer uses: `<subject>.<process>.<uuid>.<kind>`. */
export function temporaryName(subject: string, kind: TemporaryKind): string {
  return `${subject}.${process.pid}.${randomUUID()}.${kind}`;
}

/** Writes a small file so that readers see the old content or the new one, whatever happens in between. */
export async function writeWhole(
  disk: Disk,
  at: string,
  file: { readonly content: Uint8Array; readonly temporaries: string },
): Promise<void> {
  const temporary = path.join(file.temporaries, temporaryName(path.basename(at), "new"));
  await onDisk(at, async () => {
    await makeFolder(disk, path.dirname(at));
    await makeFolder(disk, file.temporaries);
    try {
      await writeNew(disk, temporary, file.content);
      await disk.rename(temporary, at);
      await flushFolder(disk, path.dirname(at));
    } catch (error) {
      await disk.rm(temporary, { force: true }).catch(() => {});
      throw error;
    }
  });
}

/** Writes a file that does not exist yet and flushes it. */
export async function writeNew(disk: Disk, at: string, content: Uint8Array): Promise<void> {
  const handle = await disk.open(at, "wx");
  try {
    await writeAll(handle, { chunk: content, position: 0 });
    await handle.sync();
  } finally {
    await handle.close();
  }
}

export async function writeAll(
  handle: files.FileHandle,
  { chunk, position }: { chunk: Uint8Array; position: number },
): Promise<void> {
  let written = 0;
  while (written < chunk.length) {
    const rest = chunk.length - written;
    written += (await handle.write(chunk, written, rest, position + written)).bytesWritten;
  }
}

/** A rename is durable only once its folder is flushed. Windows has no such call and flushes with the file. */
export async function flushFolder(disk: Disk, folder: string): Promise<void> {
  if (process.platform === "win32") return;
  const handle = await disk.open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Makes a folder and those above it, and flushes each into the one above, so that what lies there later has a durable way
 * to it. Node's own recursion never ends where a folder that is there answers ENOENT for a new one in it, as in /proc.
 */
export async function makeFolder(disk: Disk, at: string): Promise<void> {
  const above = path.dirname(at);
  if (await isThere(disk, at)) return;
  if (above !== at) await makeFolder(disk, above);
  await disk.mkdir(at).catch(async (error: unknown) => {
    // Another process may have made it meanwhile.
    if (errorCode(error) !== "EEXIST" || !(await isThere(disk, at))) throw error;
  });
  await flushFolder(disk, above).catch((error: unknown) => {
    // The folder above a store may be another user's, to pass through and not to read.
    if (!["EACCES", "EPERM"].includes(errorCode(error) ?? "")) throw error;
  });
}

async function isThere(disk: Disk, folder: string): Promise<boolean> {
  try {
    return (await disk.stat(folder)).isDirectory();
  } catch (error) {
    if (errorCode(error) === "ENOENT") return false;
    throw error;
  }
}

/** The names in a folder; none when it does not exist. */
export async function namesIn(disk: Disk, folder: string): Promise<string[]> {
  try {
    return (await disk.readdir(folder)).sort();
  } catch (error) {
    if (isAbsence(error)) return [];
    throw error;
  }
}
