// Owns the folders models are tried in: one per trial, removed after it, or by a later trial when its process was killed.
// Invariant: a folder goes only when its maker is gone, or when it is older than any trial and nobody holds its lock.

import { randomUUID } from "node:crypto";
import { mkdir, mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";

/** Where the store cannot be written its folders lie in the system's, under this name. */
const SYSTEM_PREFIX = "redline-vet-";
/** Longer than the opens and golden cases of one trial can take, each at its limit. */
const ABANDONED_MS = 2 * 3_600_000;
/** A lock is refreshed every few seconds; one this old was left by a process that was killed. */
const LAPSED_MS = 60_000;

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
  const folder = path.join(temporaries(root), `${trialSubject(key)}.${process.pid}.${randomUUID()}`);
  try {
    await mkdir(folder, { recursive: true });
    return folder;
  } catch {
    return mkdtemp(path.join(tmpdir(), SYSTEM_PREFIX));
  }
}

/**
 * Removes what killed processes left: folders of `heldKey`, whose lock the caller holds, when their maker is gone, and
 * old ones of anybody whose lock has lapsed. What cannot be removed stays for another time.
 */
export async function sweepTrialFolders({
  root,
  heldKey,
}: {
  readonly root: string;
  readonly heldKey: string;
}): Promise<void> {
  const held = trialSubject(heldKey);
  for (const name of await namesIn(temporaries(root), "vet-")) {
    const [subject = "", pid = ""] = name.split(".");
    const at = path.join(temporaries(root), name);
    const isMine = subject === held && !isAlive(Number(pid));
    if (isMine || (await isAbandoned(at, { root, subject }))) await remove(at);
  }
  for (const name of await namesIn(tmpdir(), SYSTEM_PREFIX)) {
    const at = path.join(tmpdir(), name);
    if ((await ageMs(at)) > ABANDONED_MS) await remove(at);
  }
}

async function isAbandoned(
  at: string,
  { root, subject }: { root: string; subject: string },
): Promise<boolean> {
  if ((await ageMs(at)) <= ABANDONED_MS) return false;
  // No lock at all is as old as can be.
  return (await ageMs(path.join(root, "locks", `${subject}.lock`), Number.POSITIVE_INFINITY)) > LAPSED_MS;
}

function temporaries(root: string): string {
  return path.join(root, "tmp");
}

async function namesIn(folder: string, prefix: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  return names.filter((name) => name.startsWith(prefix));
}

/** Of a file's last change; by the wall clock, so that a clock set back only makes things wait. */
async function ageMs(at: string, otherwise = 0): Promise<number> {
  const found = await stat(at).catch(() => null);
  return found === null ? otherwise : Date.now() - found.mtimeMs;
}

async function remove(at: string): Promise<void> {
  await rm(at, { recursive: true, force: true }).catch(() => {});
}

function isAlive(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Somebody else's process lives too.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
