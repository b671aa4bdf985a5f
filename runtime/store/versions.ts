// Owns the kept versions of a model: <root>/versions/<model>/<manifest hash>/ with manifest, golden, card and licence.
// Knows no blob and no source. Invariant: a version's folder appears by one rename, whole; each file in it has a hash.

import path from "node:path";
import { LIMITS } from "../core/limits.js";
import { type FileState, inspectFile, type Place, quarantine, temporariesIn } from "./blobs.js";
import { type Filed, fileInFolder, parseManifestText } from "./catalogue.js";
import {
  errorCode,
  flushFolder,
  makeFolder,
  namesIn,
  onDisk,
  readSmall,
  temporaryName,
  writeNew,
} from "./disk.js";
import { type History, historyPaths, rememberedModels, versionsIn } from "./history.js";
import { readSealed, seal, sha256Of } from "./sealed.js";

/** The files of a version beside its model files, by their path in the manifest's folder. */
export type Companions = ReadonlyMap<string, Uint8Array>;

interface FileList {
  readonly files: readonly { readonly path: string; readonly sha256: string; readonly bytes: number }[];
}

const MANIFEST = "manifest.json";
const LIST = "files.ndjson";

export function versionFolder(root: string, { model, sha256 }: { model: string; sha256: string }): string {
  return path.join(versionsIn(root), model, sha256);
}

/** What a manifest's folder holds beside the weights: the manifest itself, golden values, card and licence text. */
export async function companionsOf({ disk }: Place, filed: Filed): Promise<Companions> {
  const { golden, card, licenceFile } = filed.manifest;
  const companions = new Map<string, Uint8Array>([[MANIFEST, Buffer.from(filed.text)]]);
  for (const named of [golden, card, licenceFile]) {
    if (named === undefined) continue;
    const at = await fileInFolder(disk, filed, named);
    const content = at === undefined ? null : await readSmall(disk, at, LIMITS.companionBytes);
    // A companion larger than its limit is left behind: a version can be used without it.
    if (content !== null && content.length <= LIMITS.companionBytes)
      companions.set(toSlashes(named), content);
  }
  return companions;
}

/** Keeps a version. A folder that is there and whole is left alone; a damaged one is set aside first. */
export async function keepVersion(
  place: Place,
  version: { readonly model: string; readonly sha256: string; readonly companions: Companions },
): Promise<void> {
  const { root, disk } = place;
  const folder = versionFolder(root, version);
  const states = await inspectVersionFolder(place, folder);
  if (states.length > 0 && states.every(({ state }) => state === "ok")) return;
  const temporary = path.join(temporariesIn(root), temporaryName(version.sha256, "version"));
  await onDisk(folder, async () => {
    if (states.length > 0) await quarantine(place, folder, `${version.model}-${version.sha256}`);
    await makeFolder(disk, path.dirname(folder));
    await makeFolder(disk, temporary);
    try {
      const files = [];
      for (const [name, content] of version.companions) {
        const at = path.join(temporary, name);
        await makeFolder(disk, path.dirname(at));
        await writeNew(disk, at, content);
        await flushFolder(disk, path.dirname(at));
        files.push({ path: name, sha256: sha256Of(content), bytes: content.length });
      }
      await writeNew(disk, path.join(temporary, LIST), seal({ files } satisfies FileList));
      await flushFolder(disk, temporary);
      await disk.rename(temporary, folder).catch((error: unknown) => {
        // Another process has just kept the same version.
        if (!["ENOTEMPTY", "EEXIST", "EPERM"].includes(errorCode(error) ?? "")) throw error;
      });
      await flushFolder(disk, path.dirname(folder));
    } finally {
      await disk.rm(temporary, { recursive: true, force: true }).catch(() => {});
    }
  });
}

/** A kept version's manifest, every file beside it checked in this call; null when it is not there or not whole. */
export async function readVersion(
  place: Place,
  version: { readonly model: string; readonly sha256: string },
): Promise<Filed | null> {
  const folder = versionFolder(place.root, version);
  const states = await inspectVersionFolder(place, folder);
  if (states.length === 0 || states.some(({ state }) => state !== "ok")) return null;
  const manifestPath = path.join(folder, MANIFEST);
  const bytes = await readSmall(place.disk, manifestPath, LIMITS.manifestBytes);
  if (bytes === null || sha256Of(bytes) !== version.sha256) return null;
  return parseManifestText(bytes.toString("utf8"), manifestPath);
}

/** Removes the folders of versions that a history no longer names. A folder leaves its place before it is emptied. */
export async function dropOldVersions({ root, disk }: Place, history: History): Promise<void> {
  const folder = path.join(versionsIn(root), history.model);
  const kept = new Set(history.versions.map(({ manifestSha256 }) => manifestSha256));
  for (const name of await namesIn(disk, folder)) {
    if (kept.has(name) || !/^[0-9a-f]{64}$/.test(name)) continue;
    const leaving = path.join(temporariesIn(root), temporaryName(name, "version"));
    await onDisk(folder, async () => {
      await makeFolder(disk, path.dirname(leaving));
      await disk.rename(path.join(folder, name), leaving);
      await disk.rm(leaving, { recursive: true, force: true });
    });
  }
}

/** The state of one record or companion on disk. */
export interface RecordState extends FileState {
  readonly model: string;
}

/** Every record the store keeps about versions, each checked now. */
export async function inspectVersions(place: Place): Promise<RecordState[]> {
  const found: RecordState[] = [];
  for (const model of await rememberedModels(place)) {
    for (const at of historyPaths(place.root, model)) {
      const { state } = await readSealed(place.disk, at);
      found.push({ model, state, path: at, sha256: null, bytes: 0 });
    }
    const folder = path.join(versionsIn(place.root), model);
    for (const name of await namesIn(place.disk, folder)) {
      if (!/^[0-9a-f]{64}$/.test(name)) continue;
      const states = await inspectVersionFolder(place, path.join(folder, name));
      found.push(...states.map((state) => ({ ...state, model })));
    }
  }
  return found;
}

/** Every file of a version's folder; none when there is no such folder. It appeared whole, so what is missing is damage. */
async function inspectVersionFolder({ disk }: Place, folder: string): Promise<FileState[]> {
  if ((await namesIn(disk, folder)).length === 0) return [];
  const at = path.join(folder, LIST);
  const list = await readSealed<FileList>(disk, at);
  const own: FileState = { state: list.state, path: at, sha256: null, bytes: 0 };
  const listed =
    list.state !== "ok"
      ? []
      : list.body.files.map(({ path: name, sha256, bytes }) =>
          inspectFile(path.join(folder, name), { file: name, sha256, bytes }, { disk }),
        );
  const all = [own, ...(await Promise.all(listed))];
  return all.map((one) => ({ ...one, state: one.state === "ok" ? "ok" : "damaged" }));
}

/** A path as every system writes it alike. */
export function toSlashes(file: string): string {
  return file.replaceAll("\\", "/");
}
