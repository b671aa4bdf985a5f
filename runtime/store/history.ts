// Owns which versions of a model this store keeps and which one is refused: two sealed copies of one small record.
// Knows no blob. Invariant: a damaged copy is never believed, and a rollback is never forgotten without an error.

import path from "node:path";
import { RedlineError } from "../core/errors.js";
import { type Place, temporariesIn } from "./blobs.js";
import { namesIn } from "./disk.js";
import { readSealed, writeSealed } from "./sealed.js";

/** One version of a model as it was installed. */
export interface KeptVersion {
  readonly version: string;
  /** The hash of its manifest's bytes: a version is a manifest, whatever number it gives itself. */
  readonly manifestSha256: string;
  readonly installedAt: string;
  /** Where each of its files came from, by the file's hash; an hf: source with its commit. */
  readonly origins: Readonly<Record<string, string>>;
}

/** What the store remembers of one model. */
export interface History {
  readonly schema: 1;
  readonly model: string;
  /** Counts changes, so that of two copies the newer is known. */
  readonly change: number;
  /** Newest first, at most two. */
  readonly versions: readonly KeptVersion[];
  /** The manifest that was rolled back from: not used again while the catalogue offers the same. */
  readonly refusedSha256: string | null;
}

export function emptyHistory(model: string): History {
  return { schema: 1, model, change: 0, versions: [], refusedSha256: null };
}

export function versionsIn(root: string): string {
  return path.join(root, "versions");
}

/** Both copies of a model's record. */
export function historyPaths(root: string, model: string): readonly [string, string] {
  const folder = path.join(versionsIn(root), model);
  return [path.join(folder, "history.ndjson"), path.join(folder, "history.copy.ndjson")];
}

/**
 * What the store remembers of a model; null when it never installed it.
 *
 * @throws RedlineError `STORE_HASH_MISMATCH` when copies exist and none is whole: which version is refused is then unknown.
 */
export async function readHistory({ root, disk }: Place, model: string): Promise<History | null> {
  const paths = historyPaths(root, model);
  const copies = await Promise.all(paths.map((at) => readSealed<History>(disk, at)));
  const whole = copies.flatMap((copy) => (copy.state === "ok" ? [copy.body] : []));
  const newest = whole.sort((a, b) => b.change - a.change)[0];
  if (newest !== undefined) return newest;
  const damaged = copies.findIndex(({ state }) => state === "damaged");
  if (damaged === -1) return null;
  throw new RedlineError("STORE_HASH_MISMATCH", {
    what: paths[damaged as 0 | 1],
    expected: "the record as it was written",
    received: "other bytes, and no whole copy beside it",
    hint: `redline models verify --repair forgets the kept versions of ${model}; models themselves stay`,
  });
}

/** Writes both copies, one after the other: at every moment one of them is whole. Hold the model's lock. */
export async function writeHistory({ root, disk }: Place, history: History): Promise<void> {
  const body: History = { ...history, change: history.change + 1 };
  for (const at of historyPaths(root, history.model)) {
    await writeSealed(disk, at, { body, temporaries: temporariesIn(root) });
  }
}

/** The models the store remembers. */
export function rememberedModels({ root, disk }: Place): Promise<string[]> {
  return namesIn(disk, versionsIn(root));
}
