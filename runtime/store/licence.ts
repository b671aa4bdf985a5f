// Owns the record of which licence a model came with: who pulled it, when, and which text. Asks nobody anything.
// Invariant: the first pull of a licence leaves a sealed record and its text; the record is never rewritten.

import os from "node:os";
import path from "node:path";
import { LIMITS } from "../core/limits.js";
import { type Place, temporariesIn } from "./blobs.js";
import type { Filed } from "./catalogue.js";
import { isAbsence, isBadSector, namesIn, readSmall, writeWhole } from "./disk.js";
import { readSealed, sha256Of, writeSealed } from "./sealed.js";
import { type Companions, type RecordState, toSlashes } from "./versions.js";

/** The licence of a model that has just been pulled for the first time here. */
export interface LicenceNotice {
  readonly model: string;
  readonly version: string;
  /** SPDX identifier. */
  readonly licence: string;
  readonly provenance: string;
  /** Null when the model's manifest names no text. */
  readonly textSha256: string | null;
  /** Where the text is kept, or null. */
  readonly textPath: string | null;
  /** ISO 8601. */
  readonly recordedAt: string;
  /** The operating system's user who pulled it. */
  readonly user: string;
  /** The record's own file. */
  readonly recordPath: string;
}

/** No model can be called this: a model's name has no capital. */
const TEXTS = "TEXTS";

export function licencesIn(root: string): string {
  return path.join(root, "licences");
}

/**
 * Records a model's licence at its first pull; null when this licence and text are on record already.
 *
 * @throws RedlineError `STORE_WRITE_FAILED`
 */
export async function recordLicence(
  { root, disk }: Place,
  given: { readonly filed: Filed; readonly companions: Companions },
): Promise<LicenceNotice | null> {
  const { manifest } = given.filed;
  const { licenceFile } = manifest;
  const text = licenceFile === undefined ? undefined : given.companions.get(toSlashes(licenceFile));
  const textSha256 = text === undefined ? null : sha256Of(text);
  const key = sha256Of(`${manifest.licence}\n${textSha256 ?? ""}`);
  const recordPath = path.join(licencesIn(root), manifest.name, `${key}.ndjson`);
  const recorded = await readSealed(disk, recordPath);
  const textPath = textSha256 === null ? null : path.join(licencesIn(root), TEXTS, `${textSha256}.txt`);
  const isTextThere = textPath === null || (await exists(disk, textPath));
  if (recorded.state === "ok" && isTextThere) return null;
  const temporaries = temporariesIn(root);
  if (text !== undefined && textPath !== null)
    await writeWhole(disk, textPath, { content: text, temporaries });
  if (recorded.state === "ok") return null;
  const notice: LicenceNotice = {
    model: manifest.name,
    version: manifest.version,
    licence: manifest.licence,
    provenance: manifest.provenance,
    textSha256,
    textPath,
    recordedAt: new Date().toISOString(),
    user: userName(),
    recordPath,
  };
  const { textPath: _text, recordPath: _record, ...body } = notice;
  await writeSealed(disk, recordPath, { body: { schema: 1, ...body }, temporaries });
  return notice;
}

/** Every licence record and text, each checked now. */
export async function inspectLicences({ root, disk }: Place): Promise<RecordState[]> {
  const found: RecordState[] = [];
  for (const model of await namesIn(disk, licencesIn(root))) {
    const folder = path.join(licencesIn(root), model);
    for (const name of await namesIn(disk, folder)) {
      const at = path.join(folder, name);
      if (model === TEXTS) {
        const bytes = await readSmall(disk, at, LIMITS.companionBytes).catch((error: unknown) => {
          if (isBadSector(error)) return null;
          throw error;
        });
        const sha256 = bytes === null ? null : sha256Of(bytes);
        const state = `${sha256}.txt` === name ? "ok" : "damaged";
        found.push({ model: "", state, path: at, sha256, bytes: bytes?.length ?? 0 });
      } else {
        const { state } = await readSealed(disk, at);
        found.push({ model, state, path: at, sha256: null, bytes: 0 });
      }
    }
  }
  return found;
}

async function exists(disk: Place["disk"], at: string): Promise<boolean> {
  try {
    await disk.stat(at);
    return true;
  } catch (error) {
    if (isAbsence(error)) return false;
    throw error;
  }
}

function userName(): string {
  try {
    return os.userInfo().username;
  } catch {
    // A container may run under a number no account has.
    return `uid ${process.getuid?.() ?? "unknown"}`;
  }
}
