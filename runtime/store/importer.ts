// Owns taking an export into the store: each blob hashed on its way, each version kept with what lay beside it.
// Knows no network. Invariant: an import that stops halfway leaves whole blobs only, and passes over them the next time.

import { RedlineError } from "../core/errors.js";
import { LIMITS } from "../core/limits.js";
import { blobPath, inspectFile, mismatch, type Place, quarantineBlob, type Want } from "./blobs.js";
import { findManifest, parseManifestText } from "./catalogue.js";
import { type ExportModel, HOW_TO_MAKE_ONE, type OpenExport, openExport } from "./export-index.js";
import { readHistory } from "./history.js";
import { register, type Shelf } from "./in-use.js";
import type { InstallContext } from "./install.js";
import { type LicenceNotice, recordLicence } from "./licence.js";
import { type LockOptions, withLock } from "./lock.js";
import { type Receiver, receiveBlob } from "./receive.js";
import { sha256Of } from "./sealed.js";
import type { Companions } from "./versions.js";

/** One version that an import brought. */
export interface ImportedModel {
  readonly model: string;
  readonly version: string;
  readonly variantIds: readonly string[];
  /** Whether it is in use now; else it is kept beside the catalogue's version and `rollback` changes to it. */
  readonly isInUse: boolean;
}

/** What was imported. */
export interface Imported {
  readonly source: string;
  readonly models: readonly ImportedModel[];
  readonly files: number;
  readonly bytes: number;
  /** Files that were in the store already. */
  readonly keptFiles: number;
}

export async function importModels(
  shelf: Shelf,
  given: {
    readonly source: string;
    readonly context: InstallContext;
    readonly lockOf: (model: string) => LockOptions;
    readonly onLicence: (notice: LicenceNotice) => void;
  },
): Promise<Imported> {
  const { source, context, lockOf, onLicence } = given;
  const opened = await openExport(shelf, source);
  await checkWhole(opened, source);
  const models: ImportedModel[] = [];
  let [files, bytes, keptFiles] = [0, 0, 0];
  for (const entry of opened.index.models) {
    const companions = await readCompanions(opened, entry, context);
    const text = Buffer.from(companions.get("manifest.json") ?? []).toString("utf8");
    const filed = await parseManifestText(text, `${source}: ${entry.model}`);
    if (filed.sha256 !== entry.manifestSha256 || filed.manifest.name !== entry.model) {
      throw new RedlineError("STORE_EXPORT_INVALID", {
        what: `${source}: ${entry.model}`,
        expected: `the manifest ${entry.manifestSha256}`,
        received: `the manifest ${filed.sha256} of ${filed.manifest.name}`,
      });
    }
    const listed = new Set(entry.variants.map(({ sha256 }) => sha256));
    const variants = filed.manifest.variants.filter(({ sha256 }) => listed.has(sha256));
    for (const variant of variants) {
      const isNew = await receive(opened, { want: variant, source, context });
      files++;
      bytes += variant.bytes;
      if (!isNew) keptFiles++;
    }
    const notice = await recordLicence(shelf, { filed, companions });
    if (notice !== null) onLicence(notice);
    const catalogued = await findManifest(shelf.catalogue, entry.model);
    const origins = Object.fromEntries(variants.map(({ sha256 }) => [sha256, `import:${source}`]));
    const isSecond = catalogued !== undefined && catalogued.sha256 !== filed.sha256;
    await register(shelf, { filed, companions, origins, lock: lockOf(entry.model), isSecond });
    const history = await readHistory(shelf, entry.model);
    const isRefused = history?.refusedSha256 === filed.sha256;
    const { version } = filed.manifest;
    const variantIds = variants.map(({ id }) => id);
    models.push({ model: entry.model, version, variantIds, isInUse: !isSecond && !isRefused });
  }
  return { source, models, files, bytes, keptFiles };
}

/** Refuses an export that was not copied whole before anything of it is taken. */
async function checkWhole({ index, sizeOf }: OpenExport, source: string): Promise<void> {
  for (const { model, files, variants } of index.models) {
    for (const { sha256, bytes } of [...files, ...variants]) {
      const held = await sizeOf(sha256);
      if (held === bytes) continue;
      throw new RedlineError("STORE_EXPORT_INVALID", {
        what: `${source}: ${model}`,
        expected: `a file blobs/sha256/${sha256} of ${bytes} bytes`,
        received: held === null ? "none" : `${held} bytes`,
        hint: HOW_TO_MAKE_ONE,
      });
    }
  }
}

async function readCompanions(
  opened: OpenExport,
  entry: ExportModel,
  { signal }: InstallContext,
): Promise<Companions> {
  const companions = new Map<string, Uint8Array>();
  for (const { path: name, sha256, bytes } of entry.files) {
    const parts: Buffer[] = [];
    let received = 0;
    for await (const chunk of opened.read(sha256, signal)) {
      received += chunk.length;
      if (received > Math.min(bytes, LIMITS.companionBytes)) break;
      parts.push(Buffer.from(chunk));
    }
    const content = Buffer.concat(parts);
    const got = sha256Of(content);
    if (got !== sha256) {
      throw mismatch({ file: name, sha256, bytes }, { sha256: got, bytes: received, from: "the export" });
    }
    companions.set(name, content);
  }
  return companions;
}

/** Whether the blob was not there before. */
function receive(
  opened: OpenExport,
  { want, source, context }: { want: Want; source: string; context: InstallContext },
): Promise<boolean> {
  const place: Place = context;
  const { root, disk, signal, lockTimeoutMs, onProgress } = context;
  const { file, sha256, bytes } = want;
  return withLock({ root, disk, subject: sha256, timeoutMs: lockTimeoutMs, signal }, async () => {
    const now = await inspectFile(blobPath(root, sha256), want, { disk, signal });
    if (now.state === "ok") return false;
    if (now.state === "damaged") await quarantineBlob(place, sha256);
    await receiveBlob(place, {
      want,
      from: source,
      resumes: false,
      fill: async (receiver: Receiver) => {
        await receiver.deliver(opened.read(sha256, signal));
        return undefined;
      },
      onBytes: (receivedBytes) => onProgress({ file, receivedBytes, totalBytes: bytes }),
    });
    return true;
  });
}
