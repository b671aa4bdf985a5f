// Owns the store's public face: names to checked files. Knows no ONNX graph and no session.
// Invariant: a path it answers for a model was hashed in that very call and matches the manifest.

import { stat } from "node:fs/promises";
import path from "node:path";
import { RedlineError } from "../core/errors.js";
import { LIMITS } from "../core/limits.js";
import { blobPath, errorCode, inspectFile, listBlobs } from "./blobs.js";
import { bundledCatalogue, type Filed, findManifest, modelNames, readManifest } from "./catalogue.js";
import { defaultRoot } from "./folders.js";
import { type InstallContext, inspectVariant, installVariant, type PullProgress } from "./install.js";
import type { Manifest, ManifestVariant } from "./manifest.js";

/** Where the store lies, what it knows and whether it may use the network. */
export interface StoreOptions {
  /** The store's folder. Default: $REDLINE_HOME, else the platform's cache folder. Created by the first pull. */
  readonly root?: string;
  /** Folders holding one folder per model, searched in order. Default: the package's own `models`. */
  readonly catalogue?: readonly string[];
  /** Never uses the network. Default: whether $REDLINE_OFFLINE is set to anything but 0. */
  readonly offline?: boolean;
  readonly onProgress?: (progress: PullProgress) => void;
  /** How long to wait for another process fetching the same file. Default: ten minutes, a large model on a slow line. */
  readonly lockTimeoutMs?: number;
}

/** A model ready to load. */
export interface ResolvedModel {
  /** Null for a plain .onnx file. */
  readonly manifest: Manifest | null;
  readonly variant: ManifestVariant | null;
  /** The checked file. */
  readonly path: string;
  /** The model's name; a plain file's stem. */
  readonly model: string;
  /** The variant's id; `file` for a plain file. */
  readonly variantId: string;
}

/** The state of one variant's file on this machine. */
export interface VariantState {
  /** Null for a blob that no manifest of the catalogue names. */
  readonly model: string | null;
  readonly variantId: string | null;
  readonly precision: string | null;
  readonly file: string;
  /** Where the file is, or would be. */
  readonly path: string;
  readonly state: "ok" | "damaged" | "missing";
  readonly bytes: number;
  readonly expectedSha256: string;
  /** Null when missing. */
  readonly receivedSha256: string | null;
}

/** One model of the catalogue. */
export interface CatalogueEntry {
  readonly model: string;
  readonly version: string;
  readonly task: string;
  readonly licence: string;
  readonly provenance: string;
  readonly manifestPath: string;
  readonly variants: readonly VariantState[];
}

/** How one call is stopped and watched. */
export interface PullOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: PullProgress) => void;
}

/**
 * Models on disk.
 *
 * @example
 * const store = openStore();
 * const { path, variantId } = await store.resolve("silero-vad");
 * await store.close();
 */
export interface Store extends AsyncDisposable {
  readonly root: string;
  readonly isOffline: boolean;

  /** Every model of the catalogue and the state of its files, each hashed now. */
  list(): Promise<CatalogueEntry[]>;

  /**
   * The checked file of `model`, `model@variant`, a path to an .onnx file, or a path to a manifest (`manifest.json`
   * or `manifest.json@variant`). Without a variant it is the manifest's first. Fetches what is absent or damaged.
   *
   * @throws RedlineError `MODEL_UNKNOWN`, `MODEL_VARIANT_UNKNOWN`, `MODEL_FILE_MISSING`, `MODEL_LOAD_FAILED` (an empty
   * or oversized file), `MANIFEST_*` or `STORE_*`; an abort throws the signal's reason.
   */
  resolve(name: string, options?: PullOptions): Promise<ResolvedModel>;

  /** Fetches a model ahead of its use. The same rules and errors as `resolve`. */
  pull(name: string, options?: PullOptions): Promise<ResolvedModel>;

  /**
   * Hashes the files of one model or variant; without a name, of the whole catalogue and of every other blob.
   * Reports and changes nothing: `pull` repairs.
   */
  verify(name?: string): Promise<VariantState[]>;

  /** Stops every pull under way and waits for it to clean up. Idempotent. */
  close(): Promise<void>;
}

/** Opens the store. Touches no disk and no network until used. */
export function openStore(options: StoreOptions = {}): Store {
  return new DiskStore(options);
}

const LOCK_TIMEOUT_MS = 600_000;

class DiskStore implements Store {
  readonly root: string;
  readonly isOffline: boolean;
  readonly #catalogue: readonly string[];
  readonly #lockTimeoutMs: number;
  readonly #onProgress: (progress: PullProgress) => void;
  readonly #closing = new AbortController();
  readonly #underWay = new Set<Promise<unknown>>();

  constructor(options: StoreOptions) {
    const { REDLINE_OFFLINE = "" } = process.env;
    this.root = options.root === undefined ? defaultRoot() : path.resolve(options.root);
    this.isOffline = options.offline ?? !["", "0"].includes(REDLINE_OFFLINE);
    this.#catalogue = (options.catalogue ?? [bundledCatalogue()]).map((folder) => path.resolve(folder));
    this.#lockTimeoutMs = options.lockTimeoutMs ?? LOCK_TIMEOUT_MS;
    this.#onProgress = options.onProgress ?? (() => {});
  }

  async list(): Promise<CatalogueEntry[]> {
    const entries: CatalogueEntry[] = [];
    for (const name of await modelNames(this.#catalogue)) {
      const filed = await this.#find(name);
      const { version, task, licence, provenance } = filed.manifest;
      const variants = await this.#inspect(filed, filed.manifest.variants);
      const { manifestPath } = filed;
      entries.push({ model: name, version, task, licence, provenance, manifestPath, variants });
    }
    return entries;
  }

  resolve(name: string, options: PullOptions = {}): Promise<ResolvedModel> {
    const work = this.#resolve(name, options);
    this.#underWay.add(work);
    const forget = () => this.#underWay.delete(work);
    work.then(forget, forget);
    return work;
  }

  pull(name: string, options: PullOptions = {}): Promise<ResolvedModel> {
    return this.resolve(name, options);
  }

  async verify(name?: string): Promise<VariantState[]> {
    if (name !== undefined) {
      const { filed, variantId } = await this.#locate(name);
      return this.#inspect(
        filed,
        variantId === undefined ? filed.manifest.variants : [pick(filed, variantId)],
      );
    }
    const known = (await this.list()).flatMap((entry) => entry.variants);
    const hashes = new Set(known.map((state) => state.expectedSha256));
    const others = (await listBlobs(this.root)).filter((sha256) => !hashes.has(sha256));
    return [...known, ...(await Promise.all(others.map((sha256) => this.#inspectStray(sha256))))];
  }

  async close(): Promise<void> {
    this.#closing.abort(new RedlineError("RUNTIME_CLOSED", { what: "the store" }));
    await Promise.allSettled(this.#underWay);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #resolve(name: string, { signal, onProgress }: PullOptions): Promise<ResolvedModel> {
    const stop = AbortSignal.any([this.#closing.signal, ...(signal === undefined ? [] : [signal])]);
    stop.throwIfAborted();
    if (/\.(onnx|ort)$/i.test(name)) return plainFile(name);
    const { filed, variantId } = await this.#locate(name);
    const variant = pick(filed, variantId);
    const context: InstallContext = {
      root: this.root,
      isOffline: this.isOffline,
      lockTimeoutMs: this.#lockTimeoutMs,
      signal: stop,
      onProgress: onProgress ?? this.#onProgress,
    };
    const file = await installVariant(filed, variant, context);
    const { manifest } = filed;
    return { manifest, variant, path: file, model: manifest.name, variantId: variant.id };
  }

  /** Splits `model@variant` or `manifest.json@variant`; folders with an @ in their name stay whole. */
  async #locate(name: string): Promise<{ filed: Filed; variantId: string | undefined }> {
    const [, stem = name, variantId] = /^(.+)@([^@/\\]+)$/.exec(name) ?? [];
    if (/\.json$/i.test(name)) return { filed: await readManifest(path.resolve(name)), variantId: undefined };
    if (/\.json$/i.test(stem)) return { filed: await readManifest(path.resolve(stem)), variantId };
    return { filed: await this.#find(stem), variantId };
  }

  async #find(model: string): Promise<Filed> {
    const filed = await findManifest(this.#catalogue, model);
    if (filed !== undefined) return filed;
    const known = await modelNames(this.#catalogue);
    throw new RedlineError("MODEL_UNKNOWN", {
      what: model,
      expected: `${known.join(", ") || "a model of the catalogue"}, or a path ending in .onnx or .json`,
      hint: "redline models list",
    });
  }

  #inspect(filed: Filed, variants: readonly ManifestVariant[]): Promise<VariantState[]> {
    const inspectOne = async (variant: ManifestVariant): Promise<VariantState> => {
      const { found } = await inspectVariant(filed, variant, {
        root: this.root,
        signal: this.#closing.signal,
      });
      return {
        model: filed.manifest.name,
        variantId: variant.id,
        precision: variant.precision,
        file: variant.file,
        path: found.path,
        state: found.state,
        bytes: found.bytes,
        expectedSha256: variant.sha256,
        receivedSha256: found.sha256,
      };
    };
    return Promise.all(variants.map(inspectOne));
  }

  async #inspectStray(sha256: string): Promise<VariantState> {
    const at = blobPath(this.root, sha256);
    const { size } = await stat(at);
    const found = await inspectFile(at, { file: sha256, sha256, bytes: size }, this.#closing.signal);
    return {
      model: null,
      variantId: null,
      precision: null,
      file: sha256,
      path: at,
      state: found.state,
      bytes: found.bytes,
      expectedSha256: sha256,
      receivedSha256: found.sha256,
    };
  }
}

function pick({ manifest }: Filed, variantId: string | undefined): ManifestVariant {
  const wanted = variantId ?? manifest.variants[0]?.id;
  const variant = manifest.variants.find(({ id }) => id === wanted);
  if (variant !== undefined) return variant;
  throw new RedlineError("MODEL_VARIANT_UNKNOWN", {
    what: `${manifest.name}@${wanted}`,
    expected: manifest.variants.map(({ id }) => `${manifest.name}@${id}`).join(", "),
  });
}

async function plainFile(name: string): Promise<ResolvedModel> {
  const file = path.resolve(name);
  const size = await sizeOf(file);
  if (size === 0 || size > LIMITS.modelBytes) {
    throw new RedlineError("MODEL_LOAD_FAILED", {
      what: file,
      expected: `an ONNX file of 1 to ${LIMITS.modelBytes} bytes`,
      received: `${size} bytes`,
    });
  }
  return { manifest: null, variant: null, path: file, model: path.parse(file).name, variantId: "file" };
}

async function sizeOf(file: string): Promise<number> {
  let reason: unknown;
  try {
    const found = await stat(file);
    if (found.isFile()) return found.size;
    reason = "something that is not a file";
  } catch (error) {
    reason = errorCode(error) ?? error;
  }
  throw new RedlineError("MODEL_FILE_MISSING", { what: file, expected: "a file", received: String(reason) });
}
