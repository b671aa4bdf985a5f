// Owns files by content: <root>/blobs/sha256/<hash>, how they are checked, listed and set aside. Knows no model.
// Invariant: a file under blobs/ got its name by an atomic rename after its bytes were hashed and flushed to disk.

import { createHash } from "node:crypto";
import path from "node:path";
import { RedlineError } from "../core/errors.js";
import {
  type Disk,
  isAbsence,
  isBadSector,
  makeFolder,
  namesIn,
  onDisk,
  readChunks,
  temporaryName,
  unreadable,
} from "./disk.js";

/** What a file must be. */
export interface Want {
  /** Name for people. */
  readonly file: string;
  readonly sha256: string;
  readonly bytes: number;
}

/** What a file is: `damaged` when it exists with other bytes than wanted, or on sectors that cannot be read. */
export interface FileState {
  readonly state: "ok" | "damaged" | "missing";
  readonly path: string;
  /** Null when missing or unreadable. */
  readonly sha256: string | null;
  readonly bytes: number;
}

/** Where a store lies and the port it touches files through. */
export interface Place {
  readonly root: string;
  readonly disk: Disk;
}

export const HASH = /^[0-9a-f]{64}$/;

export function blobPath(root: string, sha256: string): string {
  return path.join(root, "blobs", "sha256", sha256);
}

/** Where files are written before they get their name. On the same disk, so that a rename is atomic. */
export function temporariesIn(root: string): string {
  return path.join(root, "tmp");
}

/** Hashes the file at `at` and compares. A truncated or empty file is `damaged`. */
export async function inspectFile(
  at: string,
  want: Want,
  { disk, signal }: { readonly disk: Disk; readonly signal?: AbortSignal | undefined },
): Promise<FileState> {
  const hash = createHash("sha256");
  let bytes = 0;
  try {
    for await (const chunk of readChunks(disk, at, { signal })) {
      bytes += chunk.length;
      hash.update(chunk);
    }
  } catch (error) {
    if (isAbsence(error)) return { state: "missing", path: at, sha256: null, bytes: 0 };
    signal?.throwIfAborted();
    if (isBadSector(error)) return { state: "damaged", path: at, sha256: null, bytes };
    throw unreadable(at, error);
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

/** Moves a damaged blob to <root>/quarantine, where it can be studied and no longer be loaded. Answers its new path. */
export function quarantineBlob(place: Place, sha256: string): Promise<string> {
  return quarantine(place, blobPath(place.root, sha256), sha256);
}

/** Moves a damaged file or folder of the store to <root>/quarantine/<name>; an older one there makes room. */
export async function quarantine({ root, disk }: Place, at: string, name: string): Promise<string> {
  const aside = path.join(root, "quarantine", name);
  await onDisk(aside, async () => {
    await makeFolder(disk, path.dirname(aside));
    await disk.rm(aside, { recursive: true, force: true });
    await disk.rename(at, aside);
  });
  return aside;
}

/** Records that a blob is used now, by its time of change: its content never changes, so that time is free. */
export async function touchBlob({ root, disk }: Place, sha256: string): Promise<void> {
  const now = new Date();
  // A store that can only be read keeps no order of use and loses nothing else.
  await disk.utimes(blobPath(root, sha256), now, now).catch(() => {});
}

/** Unfinished files of one blob, from writers that were stopped. */
export async function leftParts({ root, disk }: Place, sha256: string): Promise<string[]> {
  const folder = temporariesIn(root);
  const names = await namesIn(disk, folder).catch(() => []);
  return names
    .filter((name) => name.startsWith(`${sha256}.`) && name.endsWith(".part"))
    .map((name) => path.join(folder, name));
}

export function newPart(root: string, sha256: string): string {
  return path.join(temporariesIn(root), temporaryName(sha256, "part"));
}

/** The hashes of every installed blob. */
export async function listBlobs({ root, disk }: Place): Promise<string[]> {
  const names = await namesIn(disk, path.join(root, "blobs", "sha256"));
  return names.filter((name) => HASH.test(name));
}
