// Owns pypi: sources: one file out of the wheel of one exact version. Knows no hash of ours.
// Invariant: no code of the package runs, and neither the wheel nor what is read from it grows beyond its limit.

import path from "node:path";
import type { Readable } from "node:stream";
import type { Entry, ZipFile } from "yauzl";
import { LIMITS } from "../core/limits.js";
import { type Place, temporariesIn } from "./blobs.js";
import { makeFolder, namesIn, onDisk, temporaryName } from "./disk.js";
import { downloadWheel } from "./pip.js";
import type { Receiver } from "./receive.js";
import type { PypiSource } from "./source.js";

/** How often the download folder's size is looked at: pip knows no limit of its own. */
const SIZE_POLL_MS = 500;

/**
 * Streams the file to the receiver.
 *
 * @throws Error with pip's or the archive's reason
 */
export async function readPypi(
  source: PypiSource,
  given: {
    readonly place: Place;
    /** What the file must be: whoever fetches it holds its lock. */
    readonly sha256: string;
    readonly receiver: Receiver;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  const { place, sha256, receiver, signal } = given;
  const { disk } = place;
  const folder = path.join(temporariesIn(place.root), temporaryName(sha256, "pip"));
  await onDisk(folder, () => makeFolder(disk, folder));
  const tooLarge = new AbortController();
  const timer = setInterval(async () => {
    const bytes = await sizeOf(place, folder);
    if (bytes > LIMITS.archiveBytes)
      tooLarge.abort(new Error(`the wheel is over ${LIMITS.archiveBytes} bytes`));
  }, SIZE_POLL_MS);
  try {
    const stop = AbortSignal.any([signal, tooLarge.signal]);
    await downloadWheel({ name: source.packageName, version: source.version }, { folder, signal: stop });
    const wheels = (await namesIn(disk, folder)).filter((name) => name.endsWith(".whl"));
    const [wheel] = wheels;
    if (wheel === undefined || wheels.length > 1)
      throw new Error(`pip left ${wheels.length} wheels, expected 1`);
    await takeFromZip(path.join(folder, wheel), { file: source.file, receiver, signal });
  } finally {
    clearInterval(timer);
    await disk.rm(folder, { recursive: true, force: true }).catch(() => {});
  }
}

async function sizeOf({ disk }: Place, folder: string): Promise<number> {
  const names = await disk.readdir(folder, { recursive: true }).catch(() => []);
  const sizes = names.map((name) =>
    disk.stat(path.join(folder, name)).then(
      ({ size }) => size,
      () => 0,
    ),
  );
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

/**
 * Finds one file in a zip archive and streams it. The receiver ends a stream longer than the file may be, so that a
 * bomb is unpacked no further than that.
 */
export async function takeFromZip(
  archive: string,
  {
    file,
    receiver,
    signal,
  }: { readonly file: string; readonly receiver: Receiver; readonly signal: AbortSignal },
): Promise<void> {
  const zip = await openZip(archive);
  try {
    if (zip.entryCount > LIMITS.archiveEntries) {
      throw new Error(`the wheel lists ${zip.entryCount} files, at most ${LIMITS.archiveEntries} are read`);
    }
    const entry = await findEntry(zip, file);
    if (entry === undefined) throw new Error(`the wheel holds no file ${file}`);
    if (entry.uncompressedSize > LIMITS.modelBytes)
      throw new Error(`unpacks to over ${LIMITS.modelBytes} bytes`);
    const stream = await readEntry(zip, entry);
    const stop = () => stream.destroy(signal.reason as Error);
    signal.addEventListener("abort", stop, { once: true });
    try {
      await receiver.deliver(stream);
    } finally {
      signal.removeEventListener("abort", stop);
      stream.destroy();
    }
  } finally {
    zip.close();
  }
}

async function openZip(archive: string): Promise<ZipFile> {
  const { open } = await import("yauzl");
  return new Promise((resolve, reject) => {
    open(archive, { lazyEntries: true, autoClose: false, strictFileNames: true }, (error, zip) => {
      if (error) reject(error);
      else resolve(zip);
    });
  });
}

function findEntry(zip: ZipFile, file: string): Promise<Entry | undefined> {
  return new Promise((resolve, reject) => {
    zip.on("entry", (entry: Entry) => {
      if (entry.fileName === file) resolve(entry);
      else zip.readEntry();
    });
    zip.on("end", () => resolve(undefined));
    zip.on("error", reject);
    zip.readEntry();
  });
}

function readEntry(zip: ZipFile, entry: Entry): Promise<Readable> {
  return new Promise((resolve, reject) => {
    zip.openReadStream(entry, (error, stream) => {
      if (error) reject(error);
      else resolve(stream);
    });
  });
}
