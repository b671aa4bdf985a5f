// Owns which version of a model is used: the catalogue's, unless it was rolled back from; then the one kept before it.
// Knows no blob. Invariant: a refused version is never used while the catalogue offers nothing else.

import { RedlineError } from "../core/errors.js";
import type { Place } from "./blobs.js";
import { type Filed, findManifest, isName, modelNames } from "./catalogue.js";
import { emptyHistory, type History, readHistory, rememberedModels, writeHistory } from "./history.js";
import { type LockOptions, withLock } from "./lock.js";
import { type Companions, dropOldVersions, keepVersion, readVersion, versionFolder } from "./versions.js";

/** A model as it stands in this store. */
export interface InUse {
  readonly filed: Filed;
  /** Whether an older version is used than the catalogue, or the last import, offers. */
  readonly isRolledBack: boolean;
  readonly catalogued: Filed | undefined;
  readonly history: History | null;
}

/** What the functions below need beside the place. */
export interface Shelf extends Place {
  readonly catalogue: readonly string[];
}

/**
 * The version of a model that is used, or undefined when there is none.
 *
 * @throws RedlineError `STORE_HASH_MISMATCH` when the version to use, or the record that says which, is damaged.
 */
export async function versionInUse(shelf: Shelf, model: string): Promise<InUse | undefined> {
  const catalogued = await findManifest(shelf.catalogue, model);
  const history = isName(model) ? await readHistory(shelf, model) : null;
  const refused = history?.refusedSha256 ?? null;
  if (catalogued !== undefined && catalogued.sha256 !== refused) {
    return { filed: catalogued, isRolledBack: false, catalogued, history };
  }
  const kept = history?.versions.find(({ manifestSha256 }) => manifestSha256 !== refused);
  if (kept === undefined) return undefined;
  const version = { model, sha256: kept.manifestSha256 };
  const filed = await readVersion(shelf, version);
  if (filed !== null) return { filed, isRolledBack: refused !== null, catalogued, history };
  throw new RedlineError("STORE_HASH_MISMATCH", {
    what: versionFolder(shelf.root, version),
    expected: `the files of ${model} ${kept.version} as they were kept`,
    received: "other bytes",
    hint: `redline models verify --repair, or redline models rollback ${model} to use the catalogue's version again`,
  });
}

/** Every version of every model the store knows: the catalogue's and the kept ones, each once. */
export async function everyVersion(shelf: Shelf): Promise<{ filed: Filed; isCatalogued: boolean }[]> {
  const names = new Set([...(await modelNames(shelf.catalogue)), ...(await rememberedModels(shelf))]);
  const found: { filed: Filed; isCatalogued: boolean }[] = [];
  for (const model of [...names].sort()) {
    const catalogued = await findManifest(shelf.catalogue, model);
    if (catalogued !== undefined) found.push({ filed: catalogued, isCatalogued: true });
    // A damaged record is told by `verify`; here it only means that nothing is known to be kept.
    const history = await readHistory(shelf, model).catch(() => null);
    for (const { manifestSha256 } of history?.versions ?? []) {
      if (manifestSha256 === catalogued?.sha256) continue;
      const filed = await readVersion(shelf, { model, sha256: manifestSha256 });
      if (filed !== null) found.push({ filed, isCatalogued: false });
    }
  }
  return found;
}

/** Keeps a version as the one in use and the one used before it; older ones are dropped. */
export async function register(
  shelf: Shelf,
  given: {
    readonly filed: Filed;
    readonly companions: Companions;
    readonly origins: Readonly<Record<string, string>>;
    readonly lock: LockOptions;
    /** Whether it is kept behind the version in use, as the one to roll back to. */
    readonly isSecond?: boolean;
  },
): Promise<void> {
  const { filed, companions, origins, lock, isSecond = false } = given;
  const { name: model, version } = filed.manifest;
  await withLock(lock, async () => {
    const history = (await readHistory(shelf, model)) ?? emptyHistory(model);
    await keepVersion(shelf, { model, sha256: filed.sha256, companions });
    const known = history.versions.find(({ manifestSha256 }) => manifestSha256 === filed.sha256);
    const own = {
      version,
      manifestSha256: filed.sha256,
      installedAt: known?.installedAt ?? new Date().toISOString(),
      origins: { ...known?.origins, ...origins },
    };
    const others = history.versions.filter(({ manifestSha256 }) => manifestSha256 !== filed.sha256);
    const versions = (isSecond ? [...others.slice(0, 1), own] : [own, ...others]).slice(0, 2);
    const isOther =
      history.refusedSha256 !== null &&
      versions.every((kept) => kept.manifestSha256 !== history.refusedSha256);
    const next: History = { ...history, versions, refusedSha256: isOther ? null : history.refusedSha256 };
    if (JSON.stringify(next) === JSON.stringify(history)) return;
    await writeHistory(shelf, next);
    await dropOldVersions(shelf, next);
  });
}

/**
 * Goes back to the version used before the one in use; done twice, it returns. `prepare` puts the files of the version
 * in place and throws when it cannot: then nothing has changed.
 *
 * @throws RedlineError `MODEL_UNKNOWN`, `STORE_NO_VERSION`, or what `prepare` throws.
 */
export async function rollBack(
  shelf: Shelf,
  given: {
    readonly model: string;
    readonly lock: LockOptions;
    readonly prepare: (filed: Filed) => Promise<void>;
  },
): Promise<{ readonly from: Filed | null; readonly to: Filed }> {
  const { model, lock, prepare } = given;
  return withLock(lock, async () => {
    const history = await readHistory(shelf, model);
    const catalogued = await findManifest(shelf.catalogue, model);
    const refused = history?.refusedSha256 ?? null;
    // A damaged version in use must not keep anyone from leaving it.
    const inUse = await versionInUse(shelf, model).catch(() => undefined);
    const kept = (history?.versions ?? []).map(({ manifestSha256 }) => manifestSha256);
    const isBack = refused !== null && (catalogued === undefined || catalogued.sha256 === refused);
    const wanted = isBack ? refused : kept.find((sha256) => sha256 !== (inUse?.filed ?? catalogued)?.sha256);
    const to =
      wanted === undefined
        ? null
        : catalogued?.sha256 === wanted
          ? catalogued
          : await readVersion(shelf, { model, sha256: wanted });
    if (history === null || to === null) {
      throw new RedlineError("STORE_NO_VERSION", {
        what: model,
        expected: "a version installed before the one in use",
        received: `${kept.length} kept`,
        hint: "a version is kept from its first pull on; redline models list shows what is kept",
      });
    }
    await prepare(to);
    const versions = [...history.versions].sort(
      (a, b) => Number(b.manifestSha256 === to.sha256) - Number(a.manifestSha256 === to.sha256),
    );
    const leaving = inUse?.filed.sha256 ?? catalogued?.sha256 ?? null;
    await writeHistory(shelf, { ...history, versions, refusedSha256: isBack ? null : leaving });
    return { from: inUse?.filed ?? null, to };
  });
}
