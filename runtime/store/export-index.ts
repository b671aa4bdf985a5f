// Owns reading an export, folder or tar file: its index and any of its blobs. Knows no store.
// Invariant: nothing of an export is believed: the index carries its own hash, and what is read is bounded by it.

import path from "node:path";
import { z } from "zod";
import { RedlineError } from "../core/errors.js";
import { LIMITS } from "../core/limits.js";
import { HASH, type Place } from "./blobs.js";
import { errorCode, isAbsence, readChunks, readSmall } from "./disk.js";
import { unseal } from "./sealed.js";
import { leadsOut } from "./source.js";

export const INDEX_NAME = "redline-export.ndjson";

/** What to type when an export cannot be used. */
export const HOW_TO_MAKE_ONE = "make it again with: redline models export TARGET, and copy it whole";

const bytes = z.int().min(0).max(LIMITS.modelBytes);
const sha256 = z.string().regex(HASH);
const inside = z
  .string()
  .max(500)
  .refine((file) => !leadsOut(file) && !file.includes("\\"));
const indexSchema = z.strictObject({
  schema: z.literal(1),
  models: z
    .array(
      z.strictObject({
        model: z.string().regex(/^[a-z0-9]+(?:[.-][a-z0-9]+)*$/),
        version: z.string().max(100),
        licence: z.string().max(500),
        manifestSha256: sha256,
        files: z.array(z.strictObject({ path: inside, sha256, bytes })).max(8),
        variants: z.array(z.strictObject({ id: z.string(), file: z.string(), sha256, bytes })).max(64),
      }),
    )
    .max(LIMITS.exportModels),
});

/** What an export holds. */
export interface ExportIndex {
  readonly schema: 1;
  readonly models: readonly ExportModel[];
}
/** One version of a model in an export. */
export type ExportModel = z.infer<typeof indexSchema>["models"][number];

/** An export that can be read. */
export interface OpenExport {
  readonly index: ExportIndex;
  /** The size of a blob; null when it is not there. */
  sizeOf(sha256: string): Promise<number | null>;
  /** The bytes of a blob; they are the caller's to hash. */
  read(sha256: string, signal: AbortSignal): AsyncIterable<Uint8Array>;
}

/**
 * Opens a folder or a tar file.
 *
 * @param options.isNewAllowed answers null for a folder that is no export yet
 * @throws RedlineError `STORE_EXPORT_INVALID` with what is wrong
 */
export async function openExport(
  place: Place,
  source: string,
  options: { readonly isNewAllowed: true },
): Promise<OpenExport | null>;
export async function openExport(place: Place, source: string): Promise<OpenExport>;
export async function openExport(
  place: Place,
  source: string,
  options?: { readonly isNewAllowed: true },
): Promise<OpenExport | null> {
  const isFolder = await place.disk.stat(source).then(
    (found) => found.isDirectory(),
    () => null,
  );
  if (isFolder === null) {
    if (options?.isNewAllowed) return null;
    throw new RedlineError("STORE_EXPORT_INVALID", {
      what: source,
      expected: "an export's folder or .tar file",
      received: "nothing there",
      hint: "redline models export TARGET makes one",
    });
  }
  const opened = isFolder ? await openFolder(place, source) : await openTar(place, source);
  if (opened === null && options?.isNewAllowed) return null;
  if (opened === null) {
    throw invalid(source, { expected: INDEX_NAME, received: "an export that was not finished, or none" });
  }
  return opened;
}

async function openFolder({ disk }: Place, source: string): Promise<OpenExport | null> {
  const at = path.join(source, INDEX_NAME);
  const text = await readSmall(disk, at, LIMITS.companionBytes);
  if (text === null) return null;
  return {
    index: parseIndex(at, text),
    sizeOf: (wanted) =>
      disk.stat(path.join(source, "blobs", "sha256", wanted)).then(
        ({ size }) => size,
        () => null,
      ),
    read: (wanted, signal) =>
      guarded(source, wanted, readChunks(disk, path.join(source, "blobs", "sha256", wanted), { signal })),
  };
}

/** Reads the headers of a tar file once: its entries lie one after the other, and each says how long it is. */
async function openTar({ disk }: Place, source: string): Promise<OpenExport | null> {
  const { Header } = await import("tar");
  const { size } = await disk.stat(source);
  const entries = new Map<string, { from: number; bytes: number }>();
  for (let position = 0; position + 512 <= size; ) {
    const block = await exactly(disk, source, { from: position, bytes: 512 });
    if (block.every((byte) => byte === 0)) break;
    const header = new Header(block, 0);
    if (!header.cksumValid || header.path === undefined || header.size === undefined) {
      throw invalid(source, { expected: "a tar file", received: `no header at byte ${position}` });
    }
    const end = position + 512 + header.size;
    if (end > size) throw invalid(source, { expected: `${end} bytes`, received: `${size} bytes` });
    if (entries.size >= LIMITS.archiveEntries)
      throw invalid(source, { expected: `at most ${LIMITS.archiveEntries} files`, received: "more" });
    entries.set(header.path, { from: position + 512, bytes: header.size });
    position += 512 + Math.ceil(header.size / 512) * 512;
  }
  const found = entries.get(INDEX_NAME);
  if (found === undefined) return null;
  if (found.bytes > LIMITS.companionBytes)
    throw invalid(source, { expected: "a small index", received: `${found.bytes} bytes` });
  return {
    index: parseIndex(source, await exactly(disk, source, found)),
    sizeOf: async (wanted) => entries.get(`blobs/sha256/${wanted}`)?.bytes ?? null,
    read: (wanted, signal) => {
      const entry = entries.get(`blobs/sha256/${wanted}`);
      if (entry === undefined) throw invalid(source, { expected: `a file ${wanted}`, received: "none" });
      return readChunks(disk, source, { ...entry, signal });
    },
  };
}

async function exactly(
  disk: Place["disk"],
  at: string,
  where: { readonly from: number; readonly bytes: number },
): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const chunk of readChunks(disk, at, where)) parts.push(Buffer.from(chunk));
  const read = Buffer.concat(parts);
  if (read.length !== where.bytes)
    throw invalid(at, { expected: `${where.bytes} bytes`, received: `${read.length} bytes` });
  return read;
}

async function* guarded(
  source: string,
  wanted: string,
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  try {
    yield* chunks;
  } catch (error) {
    if (!isAbsence(error)) throw error;
    throw invalid(source, {
      expected: `a file blobs/sha256/${wanted}`,
      received: errorCode(error) ?? "none",
    });
  }
}

function parseIndex(at: string, text: Uint8Array): ExportIndex {
  const body = unseal<unknown>(text);
  const parsed = indexSchema.safeParse(body);
  if (body !== null && parsed.success) return parsed.data;
  const received =
    body === null ? "other bytes than were written" : (parsed.error?.issues[0]?.message ?? "another form");
  throw invalid(at, { expected: "an index of an export", received });
}

function invalid(what: string, about: { expected: string; received: string }): RedlineError {
  return new RedlineError("STORE_EXPORT_INVALID", {
    what,
    ...about,
    hint: HOW_TO_MAKE_ONE,
  });
}
