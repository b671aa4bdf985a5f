// Owns writing an export: an index and blobs named by hash, in a folder or one tar file, for a machine without a network.
// Knows no network. Invariant: every byte of an export was hashed on its way in, and the index is there only when all are.

import { createHash } from "node:crypto";
import path from "node:path";
import { inspectFile, mismatch, type Place, type Want } from "./blobs.js";
import type { Filed } from "./catalogue.js";
import {
  flushFolder,
  makeFolder,
  onDisk,
  readChunks,
  temporaryName,
  type WriteHints,
  writeAll,
} from "./disk.js";
import { type ExportIndex, type ExportModel, INDEX_NAME, openExport } from "./export-index.js";
import { everyVersion, type Shelf, versionInUse } from "./in-use.js";
import { inspectVariant } from "./install.js";
import { removeLeftoversOf } from "./leftovers.js";
import { seal, sha256Of } from "./sealed.js";
import { companionsOf } from "./versions.js";

/** What was exported. */
export interface Exported {
  /** The folder or file. */
  readonly target: string;
  readonly models: readonly {
    readonly model: string;
    readonly version: string;
    readonly variantIds: readonly string[];
  }[];
  readonly files: number;
  readonly bytes: number;
  /** Files that were there already. */
  readonly keptFiles: number;
}

const MORE_SPACE = "free space there, or name fewer models: redline models export TARGET MODEL";
const ON_TARGET: WriteHints = {
  byCode: {
    ENOSPC: MORE_SPACE,
    EDQUOT: MORE_SPACE,
    EFBIG: "that disk takes no file so large: export to a folder",
    EROFS: "that disk is mounted read-only: choose another target",
    EISDIR: "there is a folder of that name: choose another one for the file",
  },
  otherwise: "choose a target that this user may write",
};

/** Bytes to be written under their hash: a file on disk, or a small one in memory. */
interface Item extends Want {
  readonly from: string | Uint8Array;
}

export async function exportModels(
  shelf: Shelf,
  given: {
    readonly target: string;
    /** Null: everything installed. */
    readonly chosen: readonly { readonly filed: Filed; readonly variantIds: readonly string[] }[] | null;
    readonly signal: AbortSignal;
  },
): Promise<Exported> {
  const { target, signal } = given;
  const chosen = given.chosen ?? (await everythingInstalled(shelf));
  const items = new Map<string, Item>();
  const models: ExportModel[] = [];
  for (const { filed, variantIds } of chosen) {
    const gathered = await gather(shelf, { filed, variantIds, signal });
    for (const item of gathered.items) items.set(item.sha256, item);
    models.push(gathered.model);
  }
  const isTar = target.endsWith(".tar");
  const all = [...items.values()];
  const write = isTar ? writeTar : writeFolder;
  const { keptFiles, models: held } = await write(shelf, { target, items: all, models, signal });
  return {
    target,
    models: held.map(({ model, version, variants }) => ({
      model,
      version,
      variantIds: variants.map(({ id }) => id),
    })),
    files: all.length,
    bytes: all.reduce((sum, { bytes }) => sum + bytes, 0),
    keptFiles,
  };
}

async function everythingInstalled(shelf: Shelf) {
  const chosen = [];
  for (const { filed } of await everyVersion(shelf)) {
    const inUse = await versionInUse(shelf, filed.manifest.name);
    if (inUse?.filed.sha256 !== filed.sha256) continue;
    const variantIds = [];
    for (const variant of filed.manifest.variants) {
      const { found } = await inspectVariant(filed, variant, shelf);
      // A damaged one is not left out in silence: gathering it names it.
      if (found.state !== "missing") variantIds.push(variant.id);
    }
    if (variantIds.length > 0) chosen.push({ filed, variantIds });
  }
  return chosen;
}

async function gather(
  place: Place,
  { filed, variantIds, signal }: { filed: Filed; variantIds: readonly string[]; signal: AbortSignal },
): Promise<{ items: Item[]; model: ExportModel }> {
  const companions = await companionsOf(place, filed);
  const files = [...companions].map(([name, content]) => {
    return { path: name, sha256: sha256Of(content), bytes: content.length, from: content, file: name };
  });
  const variants: Item[] = [];
  const chosen = filed.manifest.variants.filter(({ id }) => variantIds.includes(id));
  for (const variant of chosen) {
    const { found } = await inspectVariant(filed, variant, { ...place, signal });
    if (found.state !== "ok") {
      const { sha256, bytes } = found;
      throw mismatch(variant, { sha256: sha256 ?? "none", bytes, from: found.path });
    }
    const { file, sha256, bytes } = variant;
    variants.push({ file, sha256, bytes, from: found.path });
  }
  const { name, version, licence } = filed.manifest;
  const model: ExportModel = {
    model: name,
    version,
    licence,
    manifestSha256: filed.sha256,
    files: files.map(({ path: at, sha256, bytes }) => ({ path: at, sha256, bytes })),
    variants: chosen.map(({ id, file, sha256, bytes }) => ({ id, file, sha256, bytes })),
  };
  return { items: [...files, ...variants], model };
}

interface Writing {
  readonly target: string;
  readonly items: readonly Item[];
  readonly models: readonly ExportModel[];
  readonly signal: AbortSignal;
}

/** Fills a folder up: what is there and right stays, so that an interrupted export goes on. */
async function writeFolder(place: Place, { target, items, models, signal }: Writing) {
  const { disk } = place;
  const earlier = await openExport(place, target, { isNewAllowed: true });
  const folder = path.join(target, "blobs", "sha256");
  await onDisk(folder, () => makeFolder(disk, folder), ON_TARGET);
  let keptFiles = 0;
  for (const item of items) {
    const at = path.join(folder, item.sha256);
    const { state } = await inspectFile(at, item, { disk, signal });
    if (state === "ok") keptFiles++;
    else await writeFile(place, { at, write: (put) => copyInto(place, { item, put, signal }) });
  }
  await onDisk(folder, () => flushFolder(disk, folder), ON_TARGET);
  const isReplaced = (old: ExportModel) => models.some(({ model }) => model === old.model);
  const held = [...(earlier?.index.models ?? []).filter((old) => !isReplaced(old)), ...models];
  const index: ExportIndex = { schema: 1, models: held };
  const at = path.join(target, INDEX_NAME);
  const bytes = seal(index);
  await writeFile(place, { at, write: (put) => put({ chunk: bytes, position: 0 }) });
  return { keptFiles, models: held };
}

/** Writes one tar file, index first; it gets its name when it is whole. */
async function writeTar(place: Place, { target, items, models, signal }: Writing) {
  const { Header } = await import("tar");
  const index = seal({ schema: 1, models } satisfies ExportIndex);
  const first: Item = { file: INDEX_NAME, sha256: sha256Of(index), bytes: index.length, from: index };
  const write = async (put: Put) => {
    let position = 0;
    for (const item of [first, ...items]) {
      const name = item === first ? INDEX_NAME : `blobs/sha256/${item.sha256}`;
      const head = Buffer.alloc(512);
      // No time and no owner: the same models give the same bytes.
      new Header({ path: name, size: item.bytes, mode: 0o644, type: "File", mtime: new Date(0) }).encode(
        head,
        0,
      );
      await put({ chunk: head, position });
      await copyInto(place, { item, put, signal, position: position + 512 });
      const padding = (512 - (item.bytes % 512)) % 512;
      position += 512 + item.bytes + padding;
      if (padding > 0) await put({ chunk: new Uint8Array(padding), position: position - padding });
    }
    await put({ chunk: new Uint8Array(1024), position });
  };
  await onDisk(target, () => makeFolder(place.disk, path.dirname(target)), ON_TARGET);
  await writeFile(place, { at: target, write });
  return { keptFiles: 0, models };
}

/** A file beside its target, flushed and then renamed onto it. */
async function writeFile(
  { disk }: Place,
  given: { at: string; write: (put: Put) => Promise<unknown> },
): Promise<void> {
  const { at, write } = given;
  const temporary = path.join(path.dirname(at), temporaryName(path.basename(at), "part"));
  // A stick may have no room for another half.
  await removeLeftoversOf(disk, at);
  const onTarget = <T>(act: () => Promise<T>) => onDisk(at, act, ON_TARGET);
  try {
    const handle = await onTarget(() => disk.open(temporary, "wx"));
    try {
      await write((what) => onTarget(() => writeAll(handle, what)));
      await onTarget(() => handle.sync());
    } finally {
      await onTarget(() => handle.close());
    }
    await onTarget(() => disk.rename(temporary, at));
    await onTarget(() => flushFolder(disk, path.dirname(at)));
  } catch (error) {
    await disk.rm(temporary, { force: true }).catch(() => {});
    throw error;
  }
}

/** Writes bytes at a position of the file that is being made. */
type Put = (what: { readonly chunk: Uint8Array; readonly position: number }) => Promise<void>;

/** Copies an item and hashes what it copies: a file that changed since it was looked at is refused. */
async function copyInto(
  { disk }: Place,
  given: { item: Item; put: Put; signal: AbortSignal; position?: number },
): Promise<void> {
  const { item, put, signal, position = 0 } = given;
  const hash = createHash("sha256");
  let bytes = 0;
  const { from } = item;
  const chunks = typeof from === "string" ? readChunks(disk, from, { signal }) : [from];
  for await (const chunk of chunks) {
    if (bytes + chunk.length > item.bytes) break;
    await put({ chunk, position: position + bytes });
    hash.update(chunk);
    bytes += chunk.length;
  }
  const sha256 = hash.digest("hex");
  if (sha256 !== item.sha256)
    throw mismatch(item, { sha256, bytes, from: typeof from === "string" ? from : "memory" });
}
