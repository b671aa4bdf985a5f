// Owns small records of the store that carry their own sha256: one line with it, one line of JSON. Knows no record.
// Invariant: a record whose bytes changed since it was written is `damaged`, never half-believed.

import { createHash } from "node:crypto";
import { LIMITS } from "../core/limits.js";
import { type Disk, isBadSector, readSmall, unreadable, writeWhole } from "./disk.js";

export type Sealed<T> =
  | { readonly state: "ok"; readonly body: T }
  | { readonly state: "damaged" | "missing" };

/** The bytes of a record. */
export function seal(body: unknown): Buffer {
  const line = `${JSON.stringify(body)}\n`;
  return Buffer.from(`sha256 ${sha256Of(line)}\n${line}`);
}

/** The record in `bytes`, or null when they are not what was sealed. */
export function unseal<T>(bytes: Uint8Array): T | null {
  const text = Buffer.from(bytes).toString("utf8");
  const [, sha256] = /^sha256 ([0-9a-f]{64})\n/.exec(text) ?? [];
  const line = text.slice(text.indexOf("\n") + 1);
  if (sha256 === undefined || sha256Of(line) !== sha256) return null;
  return JSON.parse(line) as T;
}

export async function readSealed<T>(disk: Disk, at: string): Promise<Sealed<T>> {
  const bytes = await readSmall(disk, at, LIMITS.manifestBytes).catch((error: unknown) => {
    if (isBadSector(error)) return Buffer.alloc(0);
    throw unreadable(at, error);
  });
  if (bytes === null) return { state: "missing" };
  const body = unseal<T>(bytes);
  return body === null ? { state: "damaged" } : { state: "ok", body };
}

export function writeSealed(
  disk: Disk,
  at: string,
  record: { readonly body: unknown; readonly temporaries: string },
): Promise<void> {
  return writeWhole(disk, at, { content: seal(record.body), temporaries: record.temporaries });
}

export function sha256Of(bytes: Uint8Array | string): string {
  return createHash("sha256").update(bytes).digest("hex");
}
