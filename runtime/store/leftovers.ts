// Owns the removal of what writers left that ended in the middle of their work. Knows no source and no model.
// Invariant: nothing goes that a living process may still be writing, on this machine or on another that shares the folder.

import path from "node:path";
import { listBlobs, type Place, temporariesIn } from "./blobs.js";
import { type Disk, namesIn, type TemporaryKind } from "./disk.js";
import { heldLocks } from "./lock.js";

const NAME = /^(.+)\.(\d+)\.[0-9a-f-]{36}\.(part|new|version|pip|trial)$/;
/** A writer that holds no lock for its temporary is done with it, or has written to it again, long before this. */
const QUIET_MS = 60_000;

/** A temporary, as its name tells it. */
interface Temporary {
  readonly subject: string;
  /** The number of the process that wrote it: it means something on this machine only. */
  readonly owner: number;
  readonly kind: TemporaryKind;
}

/**
 * Removes what dead processes left in a store. The part of a file stays until the file is installed, because the next pull
 * goes on with it. Of `ownSubject` the caller holds the lock, so that nobody else is at work on it.
 */
export async function removeLeftovers(place: Place, ownSubject?: string): Promise<void> {
  const held = await heldLocks(place).catch(() => null);
  if (held === null) return;
  const installed = new Set(await listBlobs(place).catch(() => []));
  await removeDead(place.disk, temporariesIn(place.root), ({ subject, kind }) => {
    if (kind === "part" && !installed.has(subject)) return "kept";
    if (subject === ownSubject) return "over";
    if (held.has(subject)) return "kept";
    // Whoever lets pip download holds the file's lock until the folder is removed: no lock, nobody.
    return kind === "pip" ? "over" : "over when quiet";
  });
}

/** Removes what dead exports left beside a file they were writing. */
export function removeLeftoversOf(disk: Disk, at: string): Promise<void> {
  const name = path.basename(at);
  return removeDead(disk, path.dirname(at), ({ subject, kind }) =>
    subject === name && kind === "part" ? "over when quiet" : "kept",
  );
}

async function removeDead(
  disk: Disk,
  folder: string,
  judge: (temporary: Temporary) => "kept" | "over" | "over when quiet",
): Promise<void> {
  for (const name of await namesIn(disk, folder).catch(() => [])) {
    const [, subject, owner, kind] = NAME.exec(name) ?? [];
    if (subject === undefined) continue;
    const temporary: Temporary = { subject, owner: Number(owner), kind: kind as TemporaryKind };
    const verdict = judge(temporary);
    if (verdict === "kept" || isAlive(temporary.owner)) continue;
    const at = path.join(folder, name);
    const found = await disk.stat(at).catch(() => null);
    const isQuiet = found !== null && Math.abs(Date.now() - found.mtimeMs) > QUIET_MS;
    if (verdict === "over" || isQuiet) await disk.rm(at, { recursive: true, force: true }).catch(() => {});
  }
}

function isAlive(owner: number): boolean {
  try {
    process.kill(owner, 0);
    return true;
  } catch (error) {
    // A process that may not be asked is there.
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}
