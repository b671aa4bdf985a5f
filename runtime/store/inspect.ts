// Owns the look at everything a store holds: variants, kept versions, blobs without a manifest, its own records.
// Knows no source. Invariant: what it calls ok was hashed in this call.

import path from "node:path";
import { blobPath, inspectFile, listBlobs, type Place, quarantine } from "./blobs.js";
import { type Filed, findManifest } from "./catalogue.js";
import { historyPaths, readHistory, versionsIn, writeHistory } from "./history.js";
import { everyVersion, type Shelf } from "./in-use.js";
import { inspectVariant } from "./install.js";
import { inspectLicences } from "./licence.js";
import { type LockOptions, withLock } from "./lock.js";
import type { ManifestVariant } from "./manifest.js";
import type { VariantState } from "./store.js";
import { companionsOf, inspectVersions, keepVersion } from "./versions.js";

/** The state of a manifest's variants on this machine. */
export function inspectVariants(
  place: Place,
  filed: Filed,
  options: { readonly variants?: readonly ManifestVariant[]; readonly signal: AbortSignal },
): Promise<VariantState[]> {
  const { variants = filed.manifest.variants, signal } = options;
  const inspectOne = async (variant: ManifestVariant): Promise<VariantState> => {
    const { found } = await inspectVariant(filed, variant, { ...place, signal });
    return {
      model: filed.manifest.name,
      version: filed.manifest.version,
      variantId: variant.id,
      precision: variant.precision,
      file: variant.file,
      path: found.path,
      state: found.state,
      bytes: found.bytes,
      expectedSha256: variant.sha256,
      receivedSha256: found.sha256,
    };
  };
  return Promise.all(variants.map(inspectOne));
}

/** Every file of the store: the catalogue's variants, what is there of kept versions, other blobs, damaged records. */
export async function inspectStore(
  shelf: Shelf,
  { signal }: { readonly signal: AbortSignal },
): Promise<VariantState[]> {
  const states: VariantState[] = [];
  const versions = await everyVersion(shelf);
  for (const { filed, isCatalogued } of versions) {
    const found = await inspectVariants(shelf, filed, { signal });
    const seen = new Set(states.map(({ expectedSha256 }) => expectedSha256));
    const isNews = ({ state, expectedSha256 }: VariantState) =>
      isCatalogued || (state !== "missing" && !seen.has(expectedSha256));
    states.push(...found.filter(isNews));
  }
  const known = new Set(versions.flatMap(({ filed }) => filed.manifest.variants.map(({ sha256 }) => sha256)));
  for (const sha256 of await listBlobs(shelf)) {
    if (!known.has(sha256)) states.push(await inspectStray(shelf, { sha256, signal }));
  }
  const records = [...(await inspectVersions(shelf)), ...(await inspectLicences(shelf))];
  // A missing copy of a record is the trace of a kill between its two writings; the other copy serves.
  for (const record of records.filter(({ state }) => state === "damaged")) {
    const expectedSha256 = path.basename(record.path);
    states.push({
      ...nothing(record.path),
      model: record.model === "" ? null : record.model,
      state: "damaged",
      bytes: record.bytes,
      expectedSha256,
      receivedSha256: record.sha256,
    });
  }
  return states;
}

/**
 * Sets a damaged record or blob without a manifest aside, and writes anew what can be: the copy of a history from the
 * other one, a version's folder from the catalogue that holds the same.
 */
export async function repairRecord(
  shelf: Shelf,
  given: { readonly path: string; readonly lock: (subject: string) => LockOptions },
): Promise<void> {
  const [model = "", version = ""] = path.relative(versionsIn(shelf.root), given.path).split(path.sep);
  const isRecordOfVersions = model !== ".." && !path.isAbsolute(model);
  if (!isRecordOfVersions) {
    await quarantine(shelf, given.path, path.basename(given.path));
    return;
  }
  await withLock(given.lock(model), async () => {
    if (historyPaths(shelf.root, model).includes(given.path)) return repairHistory(shelf, model);
    const folder = path.join(versionsIn(shelf.root), model, version);
    await quarantine(shelf, folder, `${model}-${version}`);
    const catalogued = await findManifest(shelf.catalogue, model);
    if (catalogued?.sha256 === version) {
      const companions = await companionsOf(shelf, catalogued);
      return keepVersion(shelf, { model, sha256: version, companions });
    }
    const history = await readHistory(shelf, model);
    if (history === null) return;
    const versions = history.versions.filter(({ manifestSha256 }) => manifestSha256 !== version);
    await writeHistory(shelf, { ...history, versions });
  });
}

async function repairHistory(shelf: Shelf, model: string): Promise<void> {
  const history = await readHistory(shelf, model).catch(() => null);
  if (history !== null) return writeHistory(shelf, history);
  for (const at of historyPaths(shelf.root, model)) {
    await quarantine(shelf, at, `${model}-${path.basename(at)}`).catch(() => {});
  }
}

async function inspectStray(
  { root, disk }: Place,
  { sha256, signal }: { readonly sha256: string; readonly signal: AbortSignal },
): Promise<VariantState> {
  const at = blobPath(root, sha256);
  const { size } = await disk.stat(at);
  const found = await inspectFile(at, { file: sha256, sha256, bytes: size }, { disk, signal });
  const { state, bytes } = found;
  return { ...nothing(at), file: sha256, state, bytes, expectedSha256: sha256, receivedSha256: found.sha256 };
}

function nothing(at: string) {
  const file = path.basename(at);
  return { model: null, version: null, variantId: null, precision: null, file, path: at };
}
