// Owns getting one variant's file in place: find it, else fetch it from mirrors and sources in order. Knows no model names.
// Invariant: it answers only a path whose bytes were hashed during this call and found right.

import { RedlineError } from "../core/errors.js";
import {
  blobPath,
  type FileState,
  inspectFile,
  mismatch,
  type Place,
  quarantineBlob,
  touchBlob,
} from "./blobs.js";
import { type Filed, fileInFolder } from "./catalogue.js";
import { readChunks, unreadable } from "./disk.js";
import { readWeb } from "./https-source.js";
import { type LockOptions, withLock } from "./lock.js";
import type { ManifestVariant } from "./manifest.js";
import { type MirrorSource, mirrorSource, readMirror } from "./mirror.js";
import { type Fill, type Receiver, receiveBlob } from "./receive.js";
import { parseSource, type RemoteSource, spellSource } from "./source.js";
import { reasonOf } from "./web-fetch.js";

/** How far a download is. */
export interface PullProgress {
  /** The file's name as its manifest gives it. */
  readonly file: string;
  readonly receivedBytes: number;
  readonly totalBytes: number;
}

/** What an installation needs beside the variant. */
export interface InstallContext extends Place {
  readonly isOffline: boolean;
  /** Folders or addresses asked before a manifest's own sources. */
  readonly mirrors: readonly string[];
  readonly lockTimeoutMs: number;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: PullProgress) => void;
}

/** A file that is in place. */
export interface Installed {
  readonly path: string;
  /** The source it was fetched from in this call, an hf: one with its commit; null when it was there. */
  readonly fetchedFrom: string | null;
}

type AnySource = RemoteSource | MirrorSource;

/**
 * Where the variant's file may lie on this machine, best first, with what is there now: its `file:` sources inside
 * the manifest's folder, used in place, then the store's blob.
 */
export async function inspectVariant(
  filed: Filed,
  variant: ManifestVariant,
  { root, disk, signal }: Place & { readonly signal?: AbortSignal },
): Promise<{ readonly found: FileState; readonly inPlace: readonly FileState[]; readonly blob: FileState }> {
  const inPlace: FileState[] = [];
  for (const text of variant.sources) {
    const source = parseSource(text);
    if ("flaw" in source || source.scheme !== "file") continue;
    const file = await fileInFolder(disk, filed, source.file);
    if (file !== undefined) inPlace.push(await inspectFile(file, variant, { disk, signal }));
  }
  const blob = await inspectFile(blobPath(root, variant.sha256), variant, { disk, signal });
  const all = [...inPlace, blob];
  const found =
    all.find(({ state }) => state === "ok") ?? all.find(({ state }) => state === "damaged") ?? blob;
  return { found, inPlace, blob };
}

/**
 * The path of the variant's file, fetched if need be.
 *
 * @throws RedlineError `STORE_HASH_MISMATCH`, `STORE_OFFLINE`, `STORE_SOURCE_FAILED`, `STORE_LOCKED`,
 * `STORE_WRITE_FAILED`, `MANIFEST_PATH`; an abort throws the signal's reason.
 */
export async function installVariant(
  filed: Filed,
  variant: ManifestVariant,
  context: InstallContext,
): Promise<Installed> {
  const { found, blob } = await inspectVariant(filed, variant, context);
  if (found.state === "ok") {
    if (found === blob) await touchBlob(context, variant.sha256);
    return { path: found.path, fetchedFrom: null };
  }
  const sources = sourcesOf(variant, context);
  if (sources.length === 0) {
    if (blob.state === "damaged" && blob.sha256 !== null)
      await setAside(variant, context).catch(ignoreReadOnlyStore);
    throw absent(variant, { found, context });
  }
  return withLock(lockOf(variant, context), async () => {
    const now = await inspectFile(blobPath(context.root, variant.sha256), variant, context);
    if (now.state === "ok") return { path: now.path, fetchedFrom: null };
    // What cannot be read stays until another file takes its place: the disk may have erred only once.
    if (now.state === "damaged" && now.sha256 !== null) await quarantineBlob(context, variant.sha256);
    return fetchInOrder(variant, sources, context);
  });
}

/** Copies a file that is used in place into the store, so that it outlives the folder it lies in. */
export async function adoptFile(
  at: string,
  variant: ManifestVariant,
  context: InstallContext,
): Promise<void> {
  await withLock(lockOf(variant, context), async () => {
    const now = await inspectFile(blobPath(context.root, variant.sha256), variant, context);
    if (now.state === "ok") return;
    if (now.state === "damaged") await quarantineBlob(context, variant.sha256);
    const fill = async (receiver: Receiver) => {
      await receiver.deliver(readChunks(context.disk, at, context));
      return undefined;
    };
    await receiveBlob(context, { want: variant, from: at, fill, resumes: false, onBytes: () => {} });
  });
}

function sourcesOf(variant: ManifestVariant, context: InstallContext): readonly AnySource[] {
  const mirrors = context.mirrors.map((mirror) => mirrorSource(mirror, variant.sha256));
  // A folder is no network.
  if (context.isOffline) return mirrors.filter(({ isLocal }) => isLocal);
  return [...mirrors, ...variant.sources.map(parseSource).filter(isRemote)];
}

async function fetchInOrder(
  variant: ManifestVariant,
  sources: readonly AnySource[],
  context: InstallContext,
): Promise<Installed> {
  const failures: { source: string; error: unknown }[] = [];
  for (const source of sources) {
    try {
      return await fetchFrom(source, variant, context);
    } catch (error) {
      context.signal.throwIfAborted();
      if (error instanceof RedlineError && error.code === "STORE_WRITE_FAILED") throw error;
      failures.push({ source: spell(source), error });
    }
  }
  const hint = howToCopy(variant, context.root);
  const errors = failures.map(({ error }) => error);
  const [first] = errors;
  if (errors.every((error) => error instanceof RedlineError && error.code === "STORE_HASH_MISMATCH"))
    throw first;
  throw new RedlineError(context.isOffline ? "STORE_OFFLINE" : "STORE_SOURCE_FAILED", {
    what: variant.file,
    received: failures.map(({ source, error }) => `${source}: ${reasonOf(error)}`).join("; "),
    hint,
    cause: errors.length === 1 ? first : new AggregateError(errors),
  });
}

async function fetchFrom(
  source: AnySource,
  variant: ManifestVariant,
  context: InstallContext,
): Promise<Installed> {
  const { file, bytes } = variant;
  const from = spell(source);
  const onBytes = (receivedBytes: number) => context.onProgress({ file, receivedBytes, totalBytes: bytes });
  const received = await receiveBlob(context, {
    want: variant,
    from,
    fill: fillFrom(source, variant, context),
    // Packages are archives: npm and pip fetch them whole and keep caches of their own.
    resumes: source.scheme === "https" || source.scheme === "hf" || source.scheme === "mirror",
    onBytes,
  });
  return { path: received.path, fetchedFrom: received.from };
}

/** The one place that knows which reader goes with which source; each is loaded when it is first needed. */
function fillFrom(source: AnySource, { sha256, bytes }: ManifestVariant, context: InstallContext): Fill {
  const { disk, signal } = context;
  return async (receiver) => {
    const given = { place: context, disk, sha256, bytes, receiver, signal };
    switch (source.scheme) {
      case "npm":
        await (await import("./npm-source.js")).readNpm(source, given);
        return undefined;
      case "pypi":
        await (await import("./pypi-source.js")).readPypi(source, given);
        return undefined;
      case "hf":
        return (await import("./hf-source.js")).readHf(source, given);
      case "https":
        await readWeb(source.url, given);
        return undefined;
      case "mirror":
        await readMirror(source, given);
        return undefined;
    }
  };
}

async function setAside(variant: ManifestVariant, context: InstallContext): Promise<void> {
  await withLock(lockOf(variant, context), async () => {
    const now = await inspectFile(blobPath(context.root, variant.sha256), variant, context);
    if (now.state === "damaged") await quarantineBlob(context, variant.sha256);
  });
}

function lockOf({ sha256 }: ManifestVariant, context: InstallContext): LockOptions {
  const { root, disk, lockTimeoutMs, signal } = context;
  return { root, disk, subject: sha256, timeoutMs: lockTimeoutMs, signal };
}

/** A damaged file that cannot be moved is still refused, so a store mounted read-only loses nothing here. */
function ignoreReadOnlyStore(error: unknown): void {
  if (!(error instanceof RedlineError)) throw error;
}

function absent(
  variant: ManifestVariant,
  { found, context }: { found: FileState; context: InstallContext },
): RedlineError {
  const hint = howToCopy(variant, context.root);
  if (found.state === "damaged") {
    const { sha256, bytes, path: from } = found;
    if (sha256 === null) return unreadable(from, Object.assign(new Error("EIO"), { code: "EIO" }));
    return mismatch(variant, { sha256, bytes, from, hint });
  }
  if (context.isOffline) return new RedlineError("STORE_OFFLINE", { what: variant.file, hint });
  return new RedlineError("STORE_SOURCE_FAILED", {
    what: variant.file,
    received: `${variant.sources.join(", ")}: the file does not exist`,
    hint,
  });
}

/** The line a person without a network follows. */
function howToCopy(variant: ManifestVariant, root: string): string {
  const { file, bytes, sha256, sources } = variant;
  const target = blobPath(root, sha256);
  return `copy ${file} (${bytes} bytes, sha256 ${sha256}; from ${sources.join(" or ")}) to ${target}`;
}

function isRemote(source: ReturnType<typeof parseSource>): source is RemoteSource {
  return !("flaw" in source) && source.scheme !== "file";
}

function spell(source: AnySource): string {
  return source.scheme === "mirror" ? source.at : spellSource(source);
}
