// Owns getting one variant's file in place: find it, else fetch it from its sources in order. Knows no model names.
// Invariant: it answers only a path whose bytes were hashed during this call and found right.

import { RedlineError } from "../core/errors.js";
import {
  blobPath,
  type Deliver,
  type FileState,
  inspectFile,
  mismatch,
  quarantineBlob,
  receiveBlob,
  sweepTemporaries,
} from "./blobs.js";
import { type Filed, fileInFolder } from "./catalogue.js";
import { readHttps } from "./https-source.js";
import { withLock } from "./lock.js";
import type { ManifestVariant } from "./manifest.js";
import { readNpm } from "./npm-source.js";
import { type HttpsSource, type NpmSource, parseSource } from "./source.js";

/** How far a download is. */
export interface PullProgress {
  /** The file's name as its manifest gives it. */
  readonly file: string;
  readonly receivedBytes: number;
  readonly totalBytes: number;
}

/** What an installation needs beside the variant. */
export interface InstallContext {
  readonly root: string;
  readonly isOffline: boolean;
  readonly lockTimeoutMs: number;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: PullProgress) => void;
}

type RemoteSource = NpmSource | HttpsSource;

/**
 * Where the variant's file may lie on this machine, best first, with what is there now: its `file:` sources inside
 * the manifest's folder, used in place, then the store's blob.
 */
export async function inspectVariant(
  filed: Filed,
  variant: ManifestVariant,
  { root, signal }: { root: string; signal?: AbortSignal },
): Promise<{ readonly found: FileState; readonly inPlace: readonly FileState[]; readonly blob: FileState }> {
  const inPlace: FileState[] = [];
  for (const text of variant.sources) {
    const source = parseSource(text);
    if ("flaw" in source || source.scheme !== "file") continue;
    const file = await fileInFolder(filed, source.file);
    if (file !== undefined) inPlace.push(await inspectFile(file, variant, signal));
  }
  const blob = await inspectFile(blobPath(root, variant.sha256), variant, signal);
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
): Promise<string> {
  const { found, blob } = await inspectVariant(filed, variant, context);
  if (found.state === "ok") return found.path;
  const remotes = variant.sources.map(parseSource).filter(isRemote);
  if (context.isOffline || remotes.length === 0) {
    if (blob.state === "damaged") await setAside(variant, context).catch(ignoreReadOnlyStore);
    throw absent(variant, { found, context, hasRemote: remotes.length > 0 });
  }
  return withLock(lockOf(variant, context), async () => {
    const now = await inspectFile(blobPath(context.root, variant.sha256), variant, context.signal);
    if (now.state === "ok") return now.path;
    if (now.state === "damaged") await quarantineBlob(context.root, variant.sha256);
    await sweepTemporaries(context.root, variant.sha256);
    return fetchInOrder(variant, remotes, context);
  });
}

async function fetchInOrder(
  variant: ManifestVariant,
  remotes: readonly RemoteSource[],
  context: InstallContext,
): Promise<string> {
  const failures: { source: string; error: unknown }[] = [];
  for (const remote of remotes) {
    const source = spell(remote);
    try {
      return await fetchFrom(remote, variant, context);
    } catch (error) {
      context.signal.throwIfAborted();
      if (error instanceof RedlineError && error.code === "STORE_WRITE_FAILED") throw error;
      failures.push({ source, error });
    }
  }
  const hint = howToCopy(variant, context.root);
  const errors = failures.map(({ error }) => error);
  const [first] = errors;
  if (errors.every((error) => error instanceof RedlineError && error.code === "STORE_HASH_MISMATCH"))
    throw first;
  throw new RedlineError("STORE_SOURCE_FAILED", {
    what: variant.file,
    received: failures.map(({ source, error }) => `${source}: ${reasonOf(error)}`).join("; "),
    hint,
    cause: errors.length === 1 ? first : new AggregateError(errors),
  });
}

function fetchFrom(
  remote: RemoteSource,
  variant: ManifestVariant,
  { root, signal, onProgress }: InstallContext,
): Promise<string> {
  const { file, bytes } = variant;
  const fill = (deliver: Deliver) =>
    remote.scheme === "npm"
      ? readNpm(remote, { deliver, signal })
      : readHttps(remote, { bytes, deliver, signal });
  const onBytes = (receivedBytes: number) => onProgress({ file, receivedBytes, totalBytes: bytes });
  return receiveBlob({ root, want: variant, from: spell(remote), fill, onBytes });
}

async function setAside(variant: ManifestVariant, context: InstallContext): Promise<void> {
  await withLock(lockOf(variant, context), async () => {
    const now = await inspectFile(blobPath(context.root, variant.sha256), variant, context.signal);
    if (now.state === "damaged") await quarantineBlob(context.root, variant.sha256);
  });
}

function lockOf({ sha256 }: ManifestVariant, { root, lockTimeoutMs, signal }: InstallContext) {
  return { root, sha256, timeoutMs: lockTimeoutMs, signal };
}

/** A damaged file that cannot be moved is still refused, so a store mounted read-only loses nothing here. */
function ignoreReadOnlyStore(error: unknown): void {
  if (!(error instanceof RedlineError)) throw error;
}

function absent(
  variant: ManifestVariant,
  about: { found: FileState; context: InstallContext; hasRemote: boolean },
): RedlineError {
  const { found, context, hasRemote } = about;
  const hint = howToCopy(variant, context.root);
  if (found.state === "damaged") {
    return mismatch(variant, { sha256: String(found.sha256), bytes: found.bytes, from: found.path, hint });
  }
  if (context.isOffline) return new RedlineError("STORE_OFFLINE", { what: variant.file, hint });
  return new RedlineError("STORE_SOURCE_FAILED", {
    what: variant.file,
    received: hasRemote ? "no answer" : `${variant.sources.join(", ")}: the file does not exist`,
    hint,
  });
}

/** The line a person without a network follows. */
function howToCopy(variant: ManifestVariant, root: string): string {
  const { file, bytes, sha256, sources } = variant;
  const target = blobPath(root, sha256);
  return `copy ${file} (${bytes} bytes, sha256 ${sha256}; from ${sources.join(" or ")}) to ${target}`;
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // fetch says only "fetch failed" and keeps the network's reason as the cause.
  const cause = error.cause instanceof Error ? `: ${error.cause.message}` : "";
  return `${error.message}${error instanceof RedlineError ? "" : cause}`;
}

function isRemote(source: ReturnType<typeof parseSource>): source is RemoteSource {
  return !("flaw" in source) && source.scheme !== "file";
}

function spell(remote: RemoteSource): string {
  return remote.scheme === "https"
    ? remote.url
    : `npm:${remote.packageName}@${remote.version}/${remote.file}`;
}
