// Owns giving space back: what nobody can use any more, and with a budget the least recently used blobs.
// Knows no source. Invariant: no blob of a version in use goes unless forced, and none while a process holds its lock.

import path from "node:path";
import { RedlineError } from "../core/errors.js";
import { blobPath, listBlobs, type Place, temporariesIn } from "./blobs.js";
import { isName } from "./catalogue.js";
import { namesIn, onDisk } from "./disk.js";
import { everyVersion, type Shelf, versionInUse } from "./in-use.js";
import { heldLocks, withLock } from "./lock.js";

/** How much may stay and what may go. */
export interface CollectOptions {
  /** Most bytes the store may hold afterwards. Default: no bound; only what is of no use goes. */
  readonly budgetBytes?: number;
  /** Lets blobs of versions in use go too, when the budget asks for it. */
  readonly force?: boolean;
  /** Reports what would go and removes nothing. */
  readonly dryRun?: boolean;
}

/** One thing that went, or would go. */
export interface CollectedFile {
  readonly path: string;
  readonly bytes: number;
  readonly reason: "unfinished" | "quarantined" | "vetted" | "unnamed" | "previous" | "in-use";
}

/** What a collection freed. */
export interface Collected {
  readonly removed: readonly CollectedFile[];
  readonly freedBytes: number;
  readonly heldBytes: number;
  /** Null without a budget. */
  readonly budgetBytes: number | null;
  readonly isWithinBudget: boolean;
  /** Blobs that were passed over because another process is working on them. */
  readonly busy: readonly string[];
}

/** The folder of files named `<key>...`, the key 64 characters long, that vetting made from models and can make again. */
const VETTED = "vetted";
/** A vetted entry that nobody used for a season belongs to a model, a machine or a library that is gone. */
const UNUSED_MS = 90 * 24 * 3_600_000;
/** An unfinished file older than this has no writer: a transfer touches its file far more often. */
const UNFINISHED_MS = 24 * 3_600_000;

interface Candidate extends CollectedFile {
  /** Milliseconds since the epoch of its last use. */
  readonly usedMs: number;
  /** The blob's hash, when removing it takes its lock. */
  readonly sha256?: string;
  /** Every file that goes, when there are several. */
  readonly files?: readonly string[];
}

export async function collect(
  shelf: Shelf,
  options: CollectOptions & { readonly signal: AbortSignal },
): Promise<Collected> {
  const { budgetBytes, force = false, dryRun = false, signal } = options;
  const blobs = await blobCandidates(shelf);
  const entries = await vetted(shelf);
  const useless = [
    ...(await unfinished(shelf)),
    ...(await within(shelf, "quarantine", "quarantined")),
    ...entries.filter(({ usedMs }) => Date.now() - usedMs > UNUSED_MS),
  ];
  const useful = entries.filter((entry) => !useless.includes(entry));
  const held = [...blobs, ...useful, ...useless].reduce((sum, { bytes }) => sum + bytes, 0);
  const removed: CollectedFile[] = [];
  const busy: string[] = [];
  let heldBytes = held;
  const remove = async (one: Candidate) => {
    signal.throwIfAborted();
    if (!dryRun && !(await removeOne(shelf, one, signal))) {
      busy.push(one.path);
      return;
    }
    heldBytes -= one.bytes;
    const { path: at, bytes, reason } = one;
    removed.push({ path: at, bytes, reason });
  };
  for (const one of useless) await remove(one);
  const expendable = [...blobs, ...useful].filter(({ reason }) => force || reason !== "in-use").sort(byUse);
  for (const one of expendable) {
    if (budgetBytes === undefined || heldBytes <= budgetBytes) break;
    await remove(one);
  }
  return {
    removed,
    freedBytes: held - heldBytes,
    heldBytes,
    budgetBytes: budgetBytes ?? null,
    isWithinBudget: budgetBytes === undefined || heldBytes <= budgetBytes,
    busy,
  };
}

/** Least recently used first; what is in use last, whenever it was used. */
function byUse(a: Candidate, b: Candidate): number {
  return Number(a.reason === "in-use") - Number(b.reason === "in-use") || a.usedMs - b.usedMs;
}

async function blobCandidates(shelf: Shelf): Promise<Candidate[]> {
  const { inUse, known } = await namedBlobs(shelf);
  const now = Date.now();
  const candidates: Candidate[] = [];
  for (const sha256 of await listBlobs(shelf)) {
    const at = blobPath(shelf.root, sha256);
    const found = await shelf.disk.stat(at);
    const reason = inUse.has(sha256) ? "in-use" : known.has(sha256) ? "previous" : "unnamed";
    // A time in the future comes from a clock that was wrong; it must not protect a blob for ever.
    candidates.push({ path: at, bytes: found.size, reason, usedMs: Math.min(found.mtimeMs, now), sha256 });
  }
  return candidates;
}

/**
 * The blobs that manifests name. A damaged record makes unknown what is in use, so everything a manifest of that model
 * names counts as in use.
 */
async function namedBlobs(shelf: Shelf): Promise<{ inUse: Set<string>; known: Set<string> }> {
  const inUse = new Set<string>();
  const known = new Set<string>();
  for (const { filed } of await everyVersion(shelf)) {
    const { name, variants } = filed.manifest;
    const current = isName(name) ? await versionInUse(shelf, name).catch(() => null) : undefined;
    const isCurrent = current === null || current?.filed.sha256 === filed.sha256;
    for (const { sha256 } of variants) {
      known.add(sha256);
      if (isCurrent) inUse.add(sha256);
    }
  }
  return { inUse, known };
}

/** Temporaries of writers that are gone. A lock that is refreshed means that the writer is alive. */
async function unfinished(shelf: Shelf): Promise<Candidate[]> {
  const all = await within(shelf, path.basename(temporariesIn(shelf.root)), "unfinished");
  const held = await heldLocks(shelf);
  const now = Date.now();
  return all.filter(({ path: at, usedMs }) => {
    const [sha256 = ""] = path.basename(at).split(".");
    return !held.has(sha256) && Math.abs(now - usedMs) > UNFINISHED_MS;
  });
}

/** What vetting keeps, one candidate per key: a verdict and the graph beside it go together. */
async function vetted(shelf: Shelf): Promise<Candidate[]> {
  const entries = new Map<string, Candidate>();
  for (const file of await within(shelf, VETTED, "vetted")) {
    const key = path.basename(file.path).slice(0, 64);
    const known = entries.get(key) ?? { ...file, bytes: 0, files: [] };
    const usedMs = Math.max(known.usedMs, file.usedMs);
    const files = [...(known.files ?? []), file.path];
    entries.set(key, { ...known, bytes: known.bytes + file.bytes, usedMs, files });
  }
  return [...entries.values()];
}

async function within(
  { root, disk }: Place,
  folder: string,
  reason: Candidate["reason"],
): Promise<Candidate[]> {
  const found: Candidate[] = [];
  for (const name of await namesIn(disk, path.join(root, folder))) {
    const at = path.join(root, folder, name);
    const own = await disk.stat(at).catch(() => null);
    if (own === null) continue;
    found.push({ path: at, bytes: await sizeOf({ root, disk }, at), reason, usedMs: own.mtimeMs });
  }
  return found;
}

async function sizeOf({ disk }: Place, at: string): Promise<number> {
  const own = await disk.stat(at).catch(() => null);
  if (own === null) return 0;
  if (!own.isDirectory()) return own.size;
  const names = await disk.readdir(at, { recursive: true }).catch(() => []);
  const sizes = names.map((name) =>
    disk.stat(path.join(at, name)).then(
      (found) => (found.isDirectory() ? 0 : found.size),
      () => 0,
    ),
  );
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

/** Whether it went: a blob that another process is fetching or checking stays. */
async function removeOne({ root, disk }: Place, one: Candidate, signal: AbortSignal): Promise<boolean> {
  const take = async () => {
    for (const at of one.files ?? [one.path]) {
      await onDisk(at, () => disk.rm(at, { recursive: true, force: true }));
    }
  };
  if (one.sha256 === undefined) {
    await take();
    return true;
  }
  try {
    await withLock({ root, disk, subject: one.sha256, timeoutMs: 0, signal }, take);
    return true;
  } catch (error) {
    if (error instanceof RedlineError && error.code === "STORE_LOCKED") return false;
    throw error;
  }
}
