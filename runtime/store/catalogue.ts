// Owns finding manifests: the folders that hold one folder per model, and manifests opened by path. Knows no blob.
// Invariant: a path named by a manifest is followed only if it ends, links resolved, inside the manifest's folder.

import { existsSync, readFileSync } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import path from "node:path";
import { RedlineError } from "../core/errors.js";
import { LIMITS } from "../core/limits.js";
import { type Disk, errorCode, isAbsence } from "./disk.js";
import type { Manifest } from "./manifest.js";
import { sha256Of } from "./sealed.js";
import { INSIDE } from "./source.js";

/** A manifest and the folder its paths are relative to. */
export interface Filed {
  readonly manifest: Manifest;
  readonly manifestPath: string;
  readonly folder: string;
  /** The manifest as it is written, and the hash of that: the identity of a version. */
  readonly text: string;
  readonly sha256: string;
}

let schema: Promise<typeof import("./manifest.js")> | undefined;

/** The catalogue that ships with the package: its `models` folder. */
export function bundledCatalogue(): string {
  let folder = import.meta.dirname;
  for (;;) {
    if (isPackageRoot(folder)) return path.join(folder, "models");
    const parent = path.dirname(folder);
    if (parent === folder)
      throw new RedlineError("INTERNAL", { what: "the package's own folder is not found" });
    folder = parent;
  }
}

/**
 * The manifest at a path.
 *
 * @throws RedlineError `MODEL_FILE_MISSING`, `MANIFEST_INVALID` or `MANIFEST_PATH`.
 */
export async function readManifest(manifestPath: string): Promise<Filed> {
  return parseManifestText(await readText(manifestPath), manifestPath);
}

/** A manifest from its text; `manifestPath` is where it lies and what its paths are relative to. */
export async function parseManifestText(text: string, manifestPath: string): Promise<Filed> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new RedlineError("MANIFEST_INVALID", {
      what: manifestPath,
      expected: "JSON",
      received: cause instanceof Error ? cause.message : String(cause),
      cause,
    });
  }
  // Loaded here, not at import: the schema library costs more start-up time than the rest of the package.
  schema ??= import("./manifest.js");
  const { parseManifest } = await schema;
  const manifest = parseManifest(json, { path: manifestPath });
  const folder = path.dirname(manifestPath);
  return { manifest, manifestPath, folder, text, sha256: sha256Of(text) };
}

/** The manifest of a model in the first of `folders` that has one, or undefined. */
export async function findManifest(folders: readonly string[], model: string): Promise<Filed | undefined> {
  if (!isName(model)) return undefined;
  const found = folders
    .map((folder) => path.join(folder, model, "manifest.json"))
    .find((candidate) => existsSync(candidate));
  if (found === undefined) return undefined;
  const filed = await readManifest(found);
  if (filed.manifest.name !== model) {
    throw new RedlineError("MANIFEST_INVALID", {
      what: `${found}: name`,
      expected: `the folder's name, ${model}`,
      received: filed.manifest.name,
    });
  }
  return filed;
}

/** A model's name is one path segment; anything else is in no catalogue and has no record. */
export function isName(model: string): boolean {
  return /^[a-z0-9.-]+$/.test(model) && !model.startsWith(".");
}

/** The names of every model in `folders`, sorted, each once. */
export async function modelNames(folders: readonly string[]): Promise<string[]> {
  const names = new Set<string>();
  for (const folder of folders) {
    for (const name of await readdir(folder).catch(() => [])) {
      if (existsSync(path.join(folder, name, "manifest.json"))) names.add(name);
    }
  }
  return [...names].sort();
}

/**
 * The real path of a file a manifest names, links resolved; undefined when it does not exist.
 *
 * @throws RedlineError `MANIFEST_PATH` when it ends outside the manifest's folder.
 */
export async function fileInFolder(disk: Disk, filed: Filed, file: string): Promise<string | undefined> {
  const named = path.resolve(filed.folder, file);
  let real: string;
  try {
    real = await disk.realpath(named);
  } catch (error) {
    if (isAbsence(error)) return undefined;
    throw error;
  }
  const inside = path.relative(await disk.realpath(filed.folder), real);
  if (inside === "" || inside.split(path.sep)[0] === ".." || path.isAbsolute(inside)) {
    throw new RedlineError("MANIFEST_PATH", {
      what: `${filed.manifestPath}: ${file}`,
      expected: INSIDE,
      received: `a link to ${real}`,
    });
  }
  return real;
}

async function readText(manifestPath: string): Promise<string> {
  try {
    const { size } = await stat(manifestPath);
    if (size > LIMITS.manifestBytes) {
      throw new RedlineError("MANIFEST_INVALID", {
        what: manifestPath,
        expected: `at most ${LIMITS.manifestBytes} bytes`,
        received: `${size} bytes`,
      });
    }
    return await readFile(manifestPath, "utf8");
  } catch (error) {
    if (error instanceof RedlineError) throw error;
    throw new RedlineError("MODEL_FILE_MISSING", {
      what: manifestPath,
      expected: "a readable manifest",
      received: errorCode(error) ?? String(error),
      cause: error,
    });
  }
}

function isPackageRoot(folder: string): boolean {
  const file = path.join(folder, "package.json");
  if (!existsSync(file)) return false;
  const { name } = JSON.parse(readFileSync(file, "utf8")) as { name?: string };
  return name === "redline-rt";
}
