// Owns the store behind its public face: names to versions to checked files. Knows no ONNX graph and no session.
// Invariant: a path it answers for a model was hashed in that very call and matches the manifest in use.

import path from "node:path";
import { RedlineError } from "../core/errors.js";
import { bundledCatalogue, type Filed, fileInFolder, modelNames, readManifest } from "./catalogue.js";
import { type Collected, type CollectOptions, collect } from "./collect.js";
import { type Disk, nodeDisk, readFailure } from "./disk.js";
import type { Exported } from "./export-writer.js";
import { defaultRoot } from "./folders.js";
import { rememberedModels } from "./history.js";
import type { Imported } from "./importer.js";
import { everyVersion, type InUse, register, rollBack, type Shelf, versionInUse } from "./in-use.js";
import { inspectStore, inspectVariants, repairRecord } from "./inspect.js";
import { adoptFile, type InstallContext, type Installed, installVariant } from "./install.js";
import { removeLeftovers } from "./leftovers.js";
import { recordLicence } from "./licence.js";
import type { LockOptions } from "./lock.js";
import type { ManifestVariant } from "./manifest.js";
import { mirrorSource } from "./mirror.js";
import { plainFile } from "./plain-file.js";
import type {
  CatalogueEntry,
  PullOptions,
  ResolvedModel,
  RolledBack,
  Store,
  StoreOptions,
  VariantState,
  VerifyOptions,
} from "./store.js";
import { companionsOf } from "./versions.js";

const LOCK_TIMEOUT_MS = 600_000;

const ADDRESS = /^[a-z][a-z0-9+.-]+:\/\//i;
const PLAIN_FILE = /\.(onnx|ort)$/i;
/** Archives that a stranger may ask for; only .tar is written. */
const OTHER_ARCHIVE = /\.(zip|tgz|gz|bz2|xz|zst|7z|rar)$/i;

/** A model's name split and found. */
interface Located {
  readonly filed: Filed;
  readonly variantId: string | undefined;
  /** Null for a manifest opened by its path: it is the caller's own and takes no part in versions. */
  readonly inUse: InUse | null;
}

export class DiskStore implements Store {
  readonly root: string;
  readonly isOffline: boolean;
  readonly #shelf: Shelf;
  readonly #options: StoreOptions;
  readonly #mirrors: readonly string[];
  readonly #closing = new AbortController();
  readonly #underWay = new Set<Promise<unknown>>();

  /** @param disk the file system; tests hand in one that fails */
  constructor(options: StoreOptions, disk: Disk = nodeDisk) {
    const { REDLINE_OFFLINE = "", REDLINE_MIRROR = "" } = process.env;
    this.root = options.root === undefined ? defaultRoot() : path.resolve(options.root);
    this.isOffline = options.offline ?? !["", "0"].includes(REDLINE_OFFLINE);
    const catalogue = (options.catalogue ?? [bundledCatalogue()]).map((folder) => path.resolve(folder));
    this.#shelf = { root: this.root, disk, catalogue };
    const mirror = options.mirror ?? REDLINE_MIRROR;
    this.#mirrors = mirror === "" ? [] : [mirror];
    this.#options = options;
    // A misspelt mirror is told now, not after the first download went past it.
    if (mirror !== "") mirrorSource(mirror, "");
  }

  list(): Promise<CatalogueEntry[]> {
    return this.#work({}, () => this.#list());
  }

  async #list(): Promise<CatalogueEntry[]> {
    const entries: CatalogueEntry[] = [];
    for (const model of await this.#names()) {
      const inUse = await versionInUse(this.#shelf, model);
      if (inUse === undefined) continue;
      const { filed, isRolledBack, history } = inUse;
      const { version, task, licence, provenance } = filed.manifest;
      const keptVersions = (history?.versions ?? []).map((kept) => kept.version);
      const variants = await inspectVariants(this.#shelf, filed, { signal: this.#closing.signal });
      const { manifestPath } = filed;
      const words = { task, licence, provenance, manifestPath, variants };
      entries.push({ model, version, isRolledBack, keptVersions, ...words });
    }
    return entries;
  }

  resolve(name: string, options: PullOptions = {}): Promise<ResolvedModel> {
    return this.#work(options, (context) => this.#resolve(name, { context, keeps: "fetched" }));
  }

  pull(name: string, options: PullOptions = {}): Promise<ResolvedModel> {
    return this.#work(options, (context) => this.#resolve(name, { context, keeps: "all" }));
  }

  verify(name?: string, options: VerifyOptions = {}): Promise<VariantState[]> {
    return this.#work(options, async (context) => {
      const states = await this.#inspect(name, context.signal);
      if (options.repair !== true || states.every(({ state }) => state !== "damaged")) return states;
      await this.#repair(name, context);
      return this.#inspect(name, context.signal);
    });
  }

  rollback(model: string, options: PullOptions = {}): Promise<RolledBack> {
    return this.#work(options, async (context) => {
      const [whole = model] = model.split("@");
      if (whole !== model && (await this.#names()).includes(whole)) throw variantRolledBack({ model, whole });
      if (!(await this.#names()).includes(model)) throw await this.#unknown(model);
      const { from, to } = await rollBack(this.#shelf, {
        model,
        lock: this.#modelLock(model, context),
        prepare: async (filed) => {
          const [first] = filed.manifest.variants;
          if (first !== undefined) await installVariant(filed, first, context);
        },
      });
      const fromVersion = from?.manifest.version ?? null;
      return { model, fromVersion, toVersion: to.manifest.version, toManifestSha256: to.sha256 };
    });
  }

  collect(options: CollectOptions = {}): Promise<Collected> {
    return this.#work({}, (context) => collect(this.#shelf, { ...options, signal: context.signal }));
  }

  export(target: string, options: PullOptions & { names?: readonly string[] } = {}): Promise<Exported> {
    return this.#work(options, async (context) => {
      if (OTHER_ARCHIVE.test(target) || ADDRESS.test(target)) {
        throw new RedlineError("USAGE", {
          what: "the export's target",
          expected: "a folder, or a file ending in .tar",
          received: target,
          hint: "redline models export site.tar",
        });
      }
      const chosen = [];
      for (const name of options.names ?? []) {
        const { filed, variantId } = await this.#locate(name);
        const states = await inspectVariants(this.#shelf, filed, context);
        const there = states.filter(({ state }) => state === "ok").map((state) => state.variantId ?? "");
        const variantIds = variantId !== undefined ? [variantId] : there;
        if (variantIds.length === 0 || (variantId !== undefined && !there.includes(variantId))) {
          const pulled = await this.#resolve(name, { context, keeps: "all" });
          chosen.push({ filed, variantIds: [pulled.variantId] });
        } else chosen.push({ filed, variantIds });
      }
      const given = { target: path.resolve(target), signal: context.signal };
      const { exportModels } = await import("./export-writer.js");
      return exportModels(this.#shelf, { ...given, chosen: options.names === undefined ? null : chosen });
    });
  }

  import(source: string, options: PullOptions = {}): Promise<Imported> {
    return this.#work(options, async (context) => {
      if (ADDRESS.test(source)) {
        throw new RedlineError("USAGE", {
          what: "the export's source",
          expected: "a folder or a .tar file on this machine",
          received: source,
          hint: "download it first, or set REDLINE_MIRROR to the address of an export's folder",
        });
      }
      // Loaded here, not at import: it brings the schema library with it.
      const { importModels } = await import("./importer.js");
      return importModels(this.#shelf, {
        source: path.resolve(source),
        context,
        lockOf: (model) => this.#modelLock(model, context),
        onLicence: this.#options.onLicence ?? (() => {}),
      });
    });
  }

  async close(): Promise<void> {
    this.#closing.abort(new RedlineError("RUNTIME_CLOSED", { what: "the store" }));
    await Promise.allSettled(this.#underWay);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Runs work that `close` stops and waits for. */
  #work<T>(options: PullOptions, act: (context: InstallContext) => Promise<T>): Promise<T> {
    const { signal, onProgress } = options;
    const stop = AbortSignal.any([this.#closing.signal, ...(signal === undefined ? [] : [signal])]);
    const context: InstallContext = {
      root: this.root,
      disk: this.#shelf.disk,
      isOffline: this.isOffline,
      mirrors: this.#mirrors,
      lockTimeoutMs: this.#options.lockTimeoutMs ?? LOCK_TIMEOUT_MS,
      signal: stop,
      onProgress: onProgress ?? this.#options.onProgress ?? (() => {}),
    };
    const work = (async () => {
      stop.throwIfAborted();
      return act(context);
    })().catch((error: unknown) => {
      throw readFailure(error, this.root) ?? error;
    });
    this.#underWay.add(work);
    const forget = () => this.#underWay.delete(work);
    work.then(forget, forget);
    return work;
  }

  async #resolve(
    name: string,
    { context, keeps }: { context: InstallContext; keeps: "fetched" | "all" },
  ): Promise<ResolvedModel> {
    if (ADDRESS.test(name)) throw await this.#unknown(name);
    if (PLAIN_FILE.test(name)) return plainFile(context, name);
    const located = await this.#locate(name);
    const { filed, variantId } = located;
    const variant = pick(filed, variantId);
    const installed = await installVariant(filed, variant, context);
    await this.#keep(located, { variant, installed, context, keeps });
    const { manifest } = filed;
    const goldenPath = await goldenPathOf(this.#shelf.disk, filed);
    return {
      manifest,
      variant,
      path: installed.path,
      model: manifest.name,
      variantId: variant.id,
      goldenPath,
    };
  }

  /**
   * Records licence and version of what was pulled. What was there already is used even where nothing can be written, but
   * whoever asks for it to be kept is told that it is not.
   */
  async #keep(
    { filed, inUse }: Located,
    given: {
      variant: ManifestVariant;
      installed: Installed;
      context: InstallContext;
      keeps: "fetched" | "all";
    },
  ): Promise<void> {
    const { variant, installed, context, keeps } = given;
    const { fetchedFrom } = installed;
    const isInStore = installed.path.startsWith(path.join(this.root, "blobs"));
    // The catalogue offers another version than was used last: it is kept from its first use on, so that a rollback finds both.
    const isNews = inUse?.history != null && inUse.history.versions[0]?.manifestSha256 !== filed.sha256;
    if (fetchedFrom === null && keeps === "fetched" && !(isNews && isInStore)) return;
    await removeLeftovers(this.#shelf);
    try {
      if (!isInStore) await adoptFile(installed.path, variant, context);
      const companions = await companionsOf(this.#shelf, filed);
      const notice = await recordLicence(this.#shelf, { filed, companions });
      if (notice !== null) this.#options.onLicence?.(notice);
      if (inUse === null) return;
      const origins = fetchedFrom === null ? {} : { [variant.sha256]: fetchedFrom };
      const lock = this.#modelLock(filed.manifest.name, context);
      await register(this.#shelf, { filed, companions, origins, lock });
    } catch (error) {
      const isReadOnly = error instanceof RedlineError && error.code === "STORE_WRITE_FAILED";
      const isKept = inUse?.history?.versions[0]?.manifestSha256 === filed.sha256;
      const isAsked = keeps === "all" && !isKept;
      if (fetchedFrom !== null || isAsked || !isReadOnly) throw error;
    }
  }

  /** Splits `model@variant` or `manifest.json@variant`; folders with an @ in their name stay whole. */
  async #locate(name: string): Promise<Located> {
    const [, stem = name, variantId] = /^(.+)@([^@/\\]+)$/.exec(name) ?? [];
    const opened = async (manifestPath: string) => readManifest(path.resolve(manifestPath));
    if (/\.json$/i.test(name)) return { filed: await opened(name), variantId: undefined, inUse: null };
    if (/\.json$/i.test(stem)) return { filed: await opened(stem), variantId, inUse: null };
    const inUse = await versionInUse(this.#shelf, stem);
    if (inUse === undefined) throw await this.#unknown(stem);
    return { filed: inUse.filed, variantId, inUse };
  }

  async #inspect(name: string | undefined, signal: AbortSignal): Promise<VariantState[]> {
    if (name === undefined) return inspectStore(this.#shelf, { signal });
    const { filed, variantId } = await this.#locate(name);
    const variants = variantId === undefined ? undefined : [pick(filed, variantId)];
    return inspectVariants(this.#shelf, filed, { signal, ...(variants && { variants }) });
  }

  /** Mends all it can before it says what it could not. */
  async #repair(name: string | undefined, context: InstallContext): Promise<void> {
    const failures: unknown[] = [];
    const attempt = (act: () => Promise<unknown>) => act().catch((error: unknown) => failures.push(error));
    const isDamaged = ({ state }: VariantState) => state === "damaged";
    const versions = name === undefined ? await everyVersion(this.#shelf) : [await this.#locate(name)];
    for (const { filed } of versions) {
      const states = await inspectVariants(this.#shelf, filed, context);
      for (const { variantId } of states.filter(isDamaged)) {
        if (variantId !== null) {
          await attempt(() => installVariant(filed, pick(filed, variantId), context));
        }
      }
    }
    if (name === undefined) {
      const lock = (model: string) => this.#modelLock(model, context);
      const left = await inspectStore(this.#shelf, context);
      for (const one of left.filter((state) => isDamaged(state) && state.variantId === null)) {
        await attempt(() => repairRecord(this.#shelf, { path: one.path, lock }));
      }
    }
    context.signal.throwIfAborted();
    if (failures.length > 0) throw failures[0];
  }

  async #names(): Promise<string[]> {
    const remembered = await rememberedModels(this.#shelf);
    return [...new Set([...(await modelNames(this.#shelf.catalogue)), ...remembered])].sort();
  }

  async #unknown(model: string): Promise<RedlineError> {
    const known = await this.#names();
    const hint = ADDRESS.test(model)
      ? "an address is a source in a manifest: redline models pull PATH/manifest.json"
      : PLAIN_FILE.test(model)
        ? "a plain .onnx file has no manifest to check it against, and is not kept"
        : "redline models list";
    return new RedlineError("MODEL_UNKNOWN", {
      what: model === "" ? "an empty name" : model,
      expected: `${known.join(", ") || "a model of the catalogue"}, or a path ending in ${PLAIN_FILE.test(model) ? ".json" : ".onnx or .json"}`,
      hint,
    });
  }

  #modelLock(model: string, { signal }: InstallContext): LockOptions {
    const { root, disk } = this.#shelf;
    const timeoutMs = this.#options.lockTimeoutMs ?? LOCK_TIMEOUT_MS;
    return { root, disk, subject: `model-${model}`, timeoutMs, signal };
  }
}

function variantRolledBack({ model, whole }: { model: string; whole: string }): RedlineError {
  return new RedlineError("USAGE", {
    what: "a rollback",
    expected: "a model, whose variants go back together",
    received: model,
    hint: `redline models rollback ${whole}`,
  });
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

/** The manifest's file of golden vectors; one that is not there keeps its name, for the error of whoever needs it. */
async function goldenPathOf(disk: Disk, filed: Filed): Promise<string | null> {
  const { golden } = filed.manifest;
  if (golden === undefined) return null;
  return (await fileInFolder(disk, filed, golden)) ?? path.resolve(filed.folder, golden);
}
