// Owns the store's public face: what can be asked of models on disk. Knows no ONNX graph and no session.
// Invariant: a path it answers for a model was hashed in that very call and matches the manifest.

import type { Collected, CollectOptions } from "./collect.js";
import { DiskStore } from "./disk-store.js";
import type { Exported } from "./export-writer.js";
import type { Imported } from "./importer.js";
import type { PullProgress } from "./install.js";
import type { LicenceNotice } from "./licence.js";
import type { Manifest, ManifestVariant } from "./manifest.js";

/** Where the store lies, what it knows and whether it may use the network. */
export interface StoreOptions {
  /** The store's folder. Default: $REDLINE_HOME, else the platform's cache folder. Created by the first pull. */
  readonly root?: string;
  /** Folders holding one folder per model, searched in order. Default: the package's own `models`. */
  readonly catalogue?: readonly string[];
  /** Never uses the network. Default: whether $REDLINE_OFFLINE is set to anything but 0. */
  readonly offline?: boolean;
  /**
   * A folder or an http or https address that holds blobs as a store or an export does, asked before any source.
   * Default: $REDLINE_MIRROR. A folder is asked offline too.
   */
  readonly mirror?: string;
  readonly onProgress?: (progress: PullProgress) => void;
  /** Told once per model and licence, at the first pull; the store keeps a record either way. */
  readonly onLicence?: (notice: LicenceNotice) => void;
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
  /** The file of golden vectors the manifest names; null when it names none or the model has no manifest. */
  readonly goldenPath: string | null;
}

/** The state of one variant's file on this machine. */
export interface VariantState {
  /** Null for a blob that no manifest of the catalogue names. */
  readonly model: string | null;
  /** Null for a file of the store's own records and for a blob without a manifest. */
  readonly version: string | null;
  readonly variantId: string | null;
  readonly precision: string | null;
  readonly file: string;
  /** Where the file is, or would be. */
  readonly path: string;
  readonly state: "ok" | "damaged" | "missing";
  readonly bytes: number;
  readonly expectedSha256: string;
  /** Null when missing or unreadable. */
  readonly receivedSha256: string | null;
}

/** One model of the catalogue. */
export interface CatalogueEntry {
  readonly model: string;
  /** The version in use. */
  readonly version: string;
  /** Whether an older version is in use than the catalogue offers. */
  readonly isRolledBack: boolean;
  /** The versions kept in the store, newest first. */
  readonly keptVersions: readonly string[];
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

/** How `verify` looks and what it may do. */
export interface VerifyOptions {
  /** Sets what is damaged aside and fetches it again. Default: reports and changes nothing. */
  readonly repair?: boolean;
  readonly signal?: AbortSignal;
}

/** What a rollback changed. */
export interface RolledBack {
  readonly model: string;
  /** The version that was in use; null when it was damaged. */
  readonly fromVersion: string | null;
  readonly toVersion: string;
  readonly toManifestSha256: string;
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

  /**
   * Fetches a model ahead of its use and keeps its version, with the one before it, for `rollback`. The same rules and
   * errors as `resolve`; a file that lies beside its manifest is copied into the store as well.
   */
  pull(name: string, options?: PullOptions): Promise<ResolvedModel>;

  /**
   * Hashes the files of one model or variant; without a name, of the whole catalogue, of every kept version, of every
   * other blob, and the store's own records where they are damaged. Answers their state afterwards.
   *
   * @throws RedlineError with `repair`, what `pull` throws for a file that cannot be fetched again.
   */
  verify(name?: string, options?: VerifyOptions): Promise<VariantState[]>;

  /**
   * Uses the version of a model that was in use before; a second call returns. Its files are checked, and fetched when
   * absent, before anything changes. The refused version is not used again while the catalogue offers no third one.
   *
   * @throws RedlineError `STORE_NO_VERSION`, `MODEL_UNKNOWN` or `STORE_*`.
   */
  rollback(model: string, options?: PullOptions): Promise<RolledBack>;

  /**
   * Frees space: what killed writers left, quarantined files and vetted graphs unused for 90 days; with a budget also
   * vetted graphs and blobs, least recently used first, never a blob of a version in use unless forced.
   */
  collect(options?: CollectOptions): Promise<Collected>;

  /**
   * Copies models to a folder, or to a file ending in .tar, for a machine without a network: the named ones, else all
   * that are installed. A name that is not installed is pulled first. A folder is filled up where it was left, and can
   * serve as a mirror.
   *
   * @throws RedlineError `STORE_WRITE_FAILED`, `STORE_HASH_MISMATCH`, `STORE_EXPORT_INVALID`, or what `pull` throws.
   */
  export(target: string, options?: PullOptions & { readonly names?: readonly string[] }): Promise<Exported>;

  /**
   * Installs what an export holds, each file hashed on the way in; what is installed already is passed over.
   *
   * @throws RedlineError `STORE_EXPORT_INVALID`, `STORE_HASH_MISMATCH`, `STORE_WRITE_FAILED`, `MANIFEST_*`.
   */
  import(source: string, options?: PullOptions): Promise<Imported>;

  /** Stops every pull under way and waits for it to clean up. Idempotent. */
  close(): Promise<void>;
}

/** Opens the store. Touches no disk and no network until used. */
export function openStore(options: StoreOptions = {}): Store {
  return new DiskStore(options);
}
