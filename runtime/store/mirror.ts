// Owns a mirror: a folder or web address that holds blobs by their hash, asked before any source of a manifest.
// Knows no manifest. Invariant: a mirror is never believed: what it gives is hashed like everything else.

import path from "node:path";
import { RedlineError } from "../core/errors.js";
import { type Disk, isAbsence, readChunks } from "./disk.js";
import { readWeb } from "./https-source.js";
import type { Receiver } from "./receive.js";

/** One blob at a mirror. */
export interface MirrorSource {
  readonly scheme: "mirror";
  /** Whether it is a folder's and no address's. */
  readonly isLocal: boolean;
  readonly at: string;
}

/**
 * Where a mirror holds a blob: `blobs/sha256/<hash>` under it, as in a store's own folder and in an export.
 *
 * @throws RedlineError `USAGE` for an address that is neither http, https nor a path.
 */
export function mirrorSource(mirror: string, sha256: string): MirrorSource {
  if (!/^[a-z][a-z0-9+.-]+:\/\//i.test(mirror)) {
    return { scheme: "mirror", isLocal: true, at: path.resolve(mirror, "blobs", "sha256", sha256) };
  }
  const isWeb = URL.canParse(mirror) && ["http:", "https:"].includes(new URL(mirror).protocol);
  if (!isWeb || new URL(mirror).username !== "") {
    throw new RedlineError("USAGE", {
      what: "the mirror",
      expected: "a folder, or an http or https address without a user name",
      received: mirror.replace(/\/\/.*@/, "//...@"),
      hint: "set REDLINE_MIRROR to such an address, or unset it",
    });
  }
  const folder = mirror.endsWith("/") ? mirror : `${mirror}/`;
  return { scheme: "mirror", isLocal: false, at: new URL(`blobs/sha256/${sha256}`, folder).href };
}

/** Streams a mirror's blob to the receiver. */
export async function readMirror(
  source: MirrorSource,
  given: {
    readonly disk: Disk;
    readonly bytes: number;
    readonly receiver: Receiver;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  const { disk, receiver, signal } = given;
  if (!source.isLocal) return readWeb(source.at, given);
  const fromByte = receiver.heldBytes;
  try {
    await receiver.deliver(readChunks(disk, source.at, { from: fromByte, signal }), { fromByte });
  } catch (error) {
    if (isAbsence(error)) throw new Error("the mirror does not hold it", { cause: error });
    throw error;
  }
}
