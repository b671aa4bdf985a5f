// Owns finding files by a pattern with an {id}, and hashing them. Knows no label.
// Invariant: ids come in one order on every machine.

import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { missingInput } from "../../sources/broken-input.js";

/** The file of an id. */
export function fileOf(
  pattern: string,
  { folder, id }: { readonly folder: string; readonly id: string },
): string {
  return join(
    folder,
    dirname(pattern),
    basename(pattern).replace("{id}", () => id),
  );
}

/**
 * The ids for which a file of the pattern is there, sorted by code unit.
 *
 * @throws RedlineError `SOURCE_MISSING` when the pattern's folder is not there
 */
export async function idsOf(pattern: string, folder: string): Promise<string[]> {
  const at = join(folder, dirname(pattern));
  const [before = "", after = ""] = basename(pattern).split("{id}");
  const names = await readdir(at).catch((cause: unknown) => {
    throw missingInput(at, cause);
  });
  return names
    .filter((name) => name.startsWith(before) && name.endsWith(after))
    .map((name) => name.slice(before.length, name.length - after.length))
    .filter((id) => id !== "")
    .sort();
}

/** The sha256 of a file, read piece by piece. */
export async function hashFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path)) hash.update(chunk as Uint8Array);
  return hash.digest("hex");
}
