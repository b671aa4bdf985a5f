// Owns the folders models are tried in: one per trial, removed after it, or by a later trial when its process was killed.
// Invariant: in a store they are temporaries like any other, and go by the store's own rule for what dead writers left.

import { mkdir, mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { temporariesIn } from "../store/blobs.js";
import { nodeDisk, temporaryName } from "../store/disk.js";
import { removeLeftovers } from "../store/leftovers.js";

/** Where the store cannot be written its folders lie in the system's, under this name. */
const SYSTEM_PREFIX = "redline-vet-";
/** Longer than the opens and golden cases of one trial can take, each at its limit. */
const ABANDONED_MS = 2 * 3_600_000;

/** The lock under which one key is tried; the folder carries the same name, so that its lock can be looked up. */
export function trialSubject(key: string): string {
  return `vet-${key}`;
}

/** Makes a folder in the store, whose disk has room for models; in the system's folder where the store cannot be written. */
export async function makeTrialFolder({
  root,
  key,
}: {
  readonly root: string;
  readonly key: string;
}): Promise<string> {
  const folder = path.join(temporariesIn(root), temporaryName(trialSubject(key), "trial"));
  try {
    await mkdir(folder, { recursive: true });
    return folder;
  } catch {
    return mkdtemp(path.join(tmpdir(), SYSTEM_PREFIX));
  }
}

/** Removes what killed processes left; the caller holds the lock of `heldKey`. What cannot be removed stays for another time. */
export async function sweepTrialFolders({
  root,
  heldKey,
}: {
  readonly root: string;
  readonly heldKey: string;
}): Promise<void> {
  await removeLeftovers({ root, disk: nodeDisk }, trialSubject(heldKey));
  for (const name of await readdir(tmpdir()).catch(() => [])) {
    if (name.startsWith(SYSTEM_PREFIX)) await removeAbandoned(path.join(tmpdir(), name));
  }
}

async function removeAbandoned(at: string): Promise<void> {
  const found = await stat(at).catch(() => null);
  // By the wall clock: one that was set back only makes things wait.
  if (found === null || Date.now() - found.mtimeMs <= ABANDONED_MS) return;
  await rm(at, { recursive: true, force: true }).catch(() => {});
}
