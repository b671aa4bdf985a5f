// Owns how a blob comes into being: an unfinished file, filled by a source, checked whole, then named by its hash.
// Invariant: the bytes that were hashed are the bytes in the file: nobody else ever holds it open, leftovers are copied.

import { createHash, type Hash } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import path from "node:path";
import { RedlineError } from "../core/errors.js";
import { blobPath, inspectFile, leftParts, mismatch, newPart, type Place, type Want } from "./blobs.js";
import { flushFolder, isAbsence, makeFolder, onDisk, readChunks, writeAll } from "./disk.js";

/** Where a source puts a file's bytes. */
export interface Receiver {
  /** Bytes held from an earlier attempt; a source that can goes on from there. */
  readonly heldBytes: number;
  /** Takes bytes from `fromByte` on: 0, the default, starts the file over; `heldBytes` goes on. */
  deliver(stream: AsyncIterable<Uint8Array>, at?: { readonly fromByte: number }): Promise<void>;
}

/** Reads a source into a receiver. Answers the exact spelling of what was read where that differs from the source's. */
export type Fill = (receiver: Receiver) => Promise<string | undefined>;

export interface Receiving {
  readonly want: Want;
  /** The source, for people. */
  readonly from: string;
  readonly fill: Fill;
  /** Whether the source can go on where an earlier attempt stopped. */
  readonly resumes: boolean;
  readonly onBytes: (receivedBytes: number) => void;
}

/**
 * Fills an unfinished file, checks it, and gives it its name. Hold the blob's lock. A failure leaves no blob; it leaves
 * what arrived for the next attempt when the source can resume and what failed was the transfer.
 *
 * @throws RedlineError `STORE_HASH_MISMATCH`, `STORE_WRITE_FAILED`, or what `fill` throws.
 */
export async function receiveBlob(
  place: Place,
  receiving: Receiving,
): Promise<{ readonly path: string; readonly from: string }> {
  const { want, from, fill, resumes } = receiving;
  const part = await Part.create(place, receiving);
  let isKept = false;
  try {
    if (resumes) await part.adopt();
    const heldBytes = part.heldBytes;
    let exact = part.isRight() ? undefined : await part.attempt(fill);
    if (!part.isRight() && heldBytes > 0) {
      // What was held, or what the server added to it, belongs to another file: once more, from the first byte.
      await part.restart();
      exact = await part.attempt(fill);
    }
    if (!part.isRight()) throw mismatch(want, { ...part.got(), from: exact ?? from });
    return { path: await part.name(), from: exact ?? from };
  } catch (error) {
    isKept = resumes && !(error instanceof RedlineError && NOT_WORTH_KEEPING.has(error.code));
    throw error;
  } finally {
    await part.end(isKept);
  }
}

/** Wrong bytes would only be refused again, and a full disk needs its space back. */
const NOT_WORTH_KEEPING: ReadonlySet<string> = new Set(["STORE_HASH_MISMATCH", "STORE_WRITE_FAILED"]);

/** A file that a transfer is filling changes far more often than this. */
const QUIET_MS = 60_000;

class Part implements Receiver {
  heldBytes = 0;
  readonly #place: Place;
  readonly #receiving: Receiving;
  readonly #at: string;
  readonly #handle: FileHandle;
  #hash: Hash = createHash("sha256");
  #bytes = 0;
  /** Whether the source sent more bytes than the file may have. */
  #isOverfull = false;
  /** Leftovers whose bytes are in this file now. */
  #superseded: readonly string[] = [];

  private constructor(place: Place, receiving: Receiving, file: { at: string; handle: FileHandle }) {
    this.#place = place;
    this.#receiving = receiving;
    this.#at = file.at;
    this.#handle = file.handle;
  }

  static async create(place: Place, receiving: Receiving): Promise<Part> {
    const at = newPart(place.root, receiving.want.sha256);
    const handle = await onDisk(at, async () => {
      await makeFolder(place.disk, path.dirname(blobPath(place.root, receiving.want.sha256)));
      await makeFolder(place.disk, path.dirname(at));
      return place.disk.open(at, "wx");
    });
    return new Part(place, receiving, { at, handle });
  }

  /**
   * Copies the largest leftover of an earlier attempt. Its own file is not taken over: a writer that only stalled, and
   * lost its lock, may still hold it open and write.
   */
  async adopt(): Promise<void> {
    const { disk } = this.#place;
    const left = (await leftParts(this.#place, this.#receiving.want.sha256)).filter((at) => at !== this.#at);
    const sizes = await Promise.all(
      left.map((at) =>
        disk.stat(at).then(
          ({ size }) => size,
          () => 0,
        ),
      ),
    );
    const largest = left[sizes.indexOf(Math.max(...sizes))];
    if (largest === undefined) return;
    try {
      await this.#append(readChunks(disk, largest));
      this.#superseded = left;
    } catch {
      // An unreadable leftover, or a disk too full for a copy of it: the space is worth more than the bytes.
      await this.#forget(left);
      await this.restart();
    }
    if (this.#bytes === this.#receiving.want.bytes && !this.isRight()) await this.restart();
    this.heldBytes = this.#bytes;
  }

  async deliver(
    stream: AsyncIterable<Uint8Array>,
    { fromByte }: { readonly fromByte: number } = { fromByte: 0 },
  ): Promise<void> {
    if (fromByte === 0) await this.restart();
    else if (fromByte !== this.#bytes) {
      throw new RedlineError("INTERNAL", { what: `bytes from ${fromByte} on`, expected: `${this.#bytes}` });
    }
    await this.#append(stream);
  }

  async restart(): Promise<void> {
    await onDisk(this.#at, () => this.#handle.truncate(0));
    this.#hash = createHash("sha256");
    this.#bytes = 0;
    this.#isOverfull = false;
    this.heldBytes = 0;
  }

  /** One reading of the source. Too many bytes after a resume are a wrong file like any other. */
  async attempt(fill: Fill): Promise<string | undefined> {
    const { heldBytes } = this;
    try {
      return await fill(this);
    } catch (error) {
      if (this.#isOverfull && heldBytes > 0) return undefined;
      throw error;
    }
  }

  isRight(): boolean {
    const { want } = this.#receiving;
    return !this.#isOverfull && this.#bytes === want.bytes && this.got().sha256 === want.sha256;
  }

  got(): { sha256: string; bytes: number } {
    return { sha256: this.#hash.copy().digest("hex"), bytes: this.#bytes };
  }

  /** Flushes the file and gives it its name; then nothing of earlier attempts is needed any more. */
  async name(): Promise<string> {
    const { root, disk } = this.#place;
    const { want } = this.#receiving;
    const target = blobPath(root, want.sha256);
    await onDisk(target, async () => {
      await this.#handle.sync();
      await this.#handle.close();
      try {
        await disk.rename(this.#at, target);
      } catch (error) {
        // A rival that took over a lapsed lock swept this file away, and has installed its own by then.
        const { state } = isAbsence(error) ? await inspectFile(target, want, { disk }) : { state: "missing" };
        if (state !== "ok") throw error;
      }
      await flushFolder(disk, path.dirname(target));
    });
    await this.#forget(await leftParts(this.#place, want.sha256));
    return target;
  }

  async end(isKept: boolean): Promise<void> {
    await this.#handle.close().catch(() => {});
    if (!isKept || this.#bytes === 0) return this.#forget([this.#at]);
    // Not a file somebody may still be writing: its owner would find it gone, and nothing installed.
    const { disk } = this.#place;
    const isQuiet = async (at: string) => {
      const found = await disk.stat(at).catch(() => null);
      return found !== null && Date.now() - found.mtimeMs > QUIET_MS;
    };
    for (const at of this.#superseded) if (await isQuiet(at)) await this.#forget([at]);
  }

  async #append(stream: AsyncIterable<Uint8Array>): Promise<void> {
    const { want, from, onBytes } = this.#receiving;
    for await (const chunk of stream) {
      if (this.#bytes + chunk.length > want.bytes) {
        this.#isOverfull = true;
        throw new RedlineError("STORE_HASH_MISMATCH", {
          what: `${want.file} from ${from}`,
          expected: `${want.bytes} bytes`,
          received: "more",
        });
      }
      await onDisk(this.#at, () => writeAll(this.#handle, { chunk, position: this.#bytes }));
      this.#hash.update(chunk);
      this.#bytes += chunk.length;
      onBytes(this.#bytes);
    }
  }

  async #forget(files: readonly string[]): Promise<void> {
    await Promise.all(files.map((at) => this.#place.disk.rm(at, { force: true }).catch(() => {})));
  }
}
