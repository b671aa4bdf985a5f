// Owns the door in front of a provider: a graph passes once it has been tried in a process of its own.
// Knows no contract. Invariant: the bytes handed on are the ones that were hashed, and those that were vetted.

import { createHash } from "node:crypto";
import { readFile, rm } from "node:fs/promises";
import type { NativeAddon } from "../bindings/addon.js";
import type { Criticality } from "../core/contract.js";
import { RedlineError } from "../core/errors.js";
import type { RunningJob } from "../core/lane.js";
import type { CertainInputs } from "../graphs/settle-model.js";
import type {
  GraphOrigin,
  OpenRequest,
  Provider,
  ProviderName,
  ProviderSession,
} from "../providers/provider.js";
import { nodeDisk } from "../store/disk.js";
import { withLock } from "../store/lock.js";
import { type HashedModel, hashedModel, requireChecked, requireUnchanged } from "./hashed-model.js";
import { readGolden } from "./read-golden.js";
import { makeTrialFolder, sweepTrialFolders, trialSubject } from "./trial-folder.js";
import { defaultLimits, memoryReader, type TrialLimits } from "./trial-limits.js";
import { TrialStarter } from "./trial-start.js";
import { isRefusal, type Remembered, VerdictStore } from "./verdict-store.js";
import { type VetRequest, type Vetted, vetGraph } from "./vet-graph.js";
import { machineFingerprint, surroundingsOf, vettingKey } from "./vetting-key.js";

/** Another process that vets the same key is waited for this long; then both do it, which harms neither. */
const LOCK_TIMEOUT_MS = 120_000;

export interface VettingOptions {
  /** `off`: a model is only checked against its manifest's sha256. */
  readonly mode: "on" | "off";
  readonly addon: NativeAddon | null;
  /** The store's folder. */
  readonly root: string;
  /** Version of the library that runs graphs here. */
  readonly ortVersion: () => Promise<string>;
  /** Told of every graph that was tried now, and not remembered from before. */
  readonly onVetted?: (said: { readonly model: string; readonly detail: string }) => void;
  readonly limits?: Partial<TrialLimits>;
  /** Aborted when nothing is to be vetted any more; what is under way then is stopped. */
  readonly signal?: AbortSignal;
  /** The child program. Default: the one beside the addon. */
  readonly program?: string;
}

/** A provider whose graphs are vetted first. */
export class VettedProvider implements Provider {
  readonly name: ProviderName;
  private readonly verdicts: VerdictStore;
  private readonly starter: TrialStarter;
  private readonly underWay = new Map<string, Promise<Remembered>>();
  private readonly closing = new AbortController();

  constructor(
    private readonly inner: Provider,
    private readonly options: VettingOptions,
  ) {
    this.name = inner.name;
    this.verdicts = new VerdictStore(options.root);
    const { addon, program, signal } = options;
    this.starter = new TrialStarter({ addon, ...(program === undefined ? {} : { program }) });
    signal?.addEventListener("abort", () => this.stop(), { once: true });
  }

  nowUs(): number {
    return this.inner.nowUs();
  }

  nextJobId(): number {
    return this.inner.nextJobId();
  }

  runningJobs(): readonly RunningJob[] {
    return this.inner.runningJobs();
  }

  replaceLane(criticality: Criticality, laneIndex: number): void {
    this.inner.replaceLane(criticality, laneIndex);
  }

  async open(request: OpenRequest): Promise<ProviderSession> {
    if (request.graph === null) return this.inner.open(request);
    if (this.options.mode === "off") return this.inner.open(await this.untried(request));
    const recalled = await this.recalled(request);
    if (recalled !== null) return this.openVetted(request, recalled);
    const model = await hashedModel(request);
    const key = await this.keyOf(request, model);
    const { verdict, graph } = await this.verdictOn(key, { request, model });
    this.closing.signal.throwIfAborted();
    if (verdict.state === "refused") {
      const { code, what, expected, received, hint } = verdict;
      const again = `${hint}; to have it tried again, delete ${this.verdicts.pathOf(key)}`;
      throw new RedlineError(code, { what, expected, received, hint: again });
    }
    if (graph === null) return this.inner.open({ ...request, graph: model.file ?? model.bytes });
    return this.openVetted(request, graph);
  }

  async close(): Promise<void> {
    this.stop();
    await Promise.allSettled(this.underWay.values());
    await this.inner.close();
  }

  private stop(): void {
    this.closing.abort(new RedlineError("RUNTIME_CLOSED", { what: "vetting" }));
    this.starter.killAll();
  }

  /**
   * The vetted graph of a model whose hash the store has taken just now: it alone is opened, and the model need not be
   * read. A model with files beside it has no verdict under this key.
   */
  private async recalled(request: OpenRequest): Promise<Uint8Array | null> {
    const sha256 = request.origin?.sha256;
    if (sha256 === undefined || typeof request.graph !== "string") return null;
    const remembered = await this.verdicts.use(await this.keyOf(request, { sha256, external: [] }));
    return remembered?.graph ?? null;
  }

  private openVetted(request: OpenRequest, graph: Uint8Array): Promise<ProviderSession> {
    const ort = { ...request.ort, graphOptimization: "disabled" } as const;
    return this.inner.open({ ...request, graph, ort });
  }

  /** Without vetting a graph is read within limits all the same, and what a manifest vouches for is opened as it was hashed. */
  private async untried(request: OpenRequest): Promise<OpenRequest> {
    const { graph, origin } = request;
    if (graph === null) return request;
    if (origin?.sha256 === undefined) {
      const { checkModel } = await import("../graphs/model-check.js");
      await checkModel(graph);
      return request;
    }
    const model = await hashedModel(request);
    await requireChecked(model);
    return { ...request, graph: model.file ?? model.bytes };
  }

  private async keyOf(
    request: OpenRequest,
    model: Pick<HashedModel, "sha256" | "external">,
  ): Promise<string> {
    const { origin } = request;
    const golden = origin?.golden;
    // A golden file that cannot be read has no hash; the vetting then says so.
    const text = golden === undefined ? null : await readFile(golden).catch(() => Buffer.alloc(0));
    return vettingKey({
      modelSha256: model.sha256,
      external: model.external,
      goldenSha256: text === null ? null : createHash("sha256").update(text).digest("hex"),
      variant: origin?.variant ?? "",
      certain: certainInputs(request),
      ort: request.ort ?? {},
      ...(await this.surroundings()),
    });
  }

  private async surroundings() {
    const { addon, ortVersion } = this.options;
    const machine = machineFingerprint(addon?.simd ?? []);
    return { ortVersion: await ortVersion(), provider: this.name, machine };
  }

  private async verdictOn(key: string, given: Given): Promise<Remembered> {
    const known = await this.verdicts.use(key);
    if (known !== undefined) return known;
    const existing = this.underWay.get(key);
    if (existing !== undefined) return existing;
    const work = this.vetAlone(key, given);
    this.underWay.set(key, work);
    try {
      return await work;
    } finally {
      this.underWay.delete(key);
    }
  }

  /** Vets under the key's lock where the store can be written; the lock saves work, and safety never rests on it. */
  private async vetAlone(key: string, given: Given): Promise<Remembered> {
    const { signal } = this.closing;
    try {
      const { root } = this.options;
      const subject = trialSubject(key);
      const lock = { root, disk: nodeDisk, subject, timeoutMs: LOCK_TIMEOUT_MS, signal };
      let outcome: { remembered: Remembered } | { error: unknown } | undefined;
      await withLock(lock, async () => {
        try {
          await sweepTrialFolders({ root, heldKey: key });
          outcome = { remembered: (await this.verdicts.read(key)) ?? (await this.vet(key, given)) };
        } catch (error) {
          outcome = { error };
        }
      });
      if (outcome !== undefined && "error" in outcome) throw outcome.error;
      if (outcome !== undefined) return outcome.remembered;
    } catch (error) {
      const isNoLock =
        error instanceof RedlineError && ["STORE_WRITE_FAILED", "STORE_LOCKED"].includes(error.code);
      if (!isNoLock) throw error;
    }
    return this.vet(key, given);
  }

  private async vet(key: string, given: Given): Promise<Remembered> {
    const startedMs = performance.now();
    const model = labelOf(given.request);
    await requireChecked(given.model);
    const remembered = await this.judge(key, given);
    const tookMs = Math.round(performance.now() - startedMs);
    const { verdict } = remembered;
    const timed: Remembered = { ...remembered, verdict: { ...verdict, tookMs } };
    const lost = await this.verdicts.write(key, timed).then(
      () => "",
      (error: Error) => `, not remembered: ${error.message}`,
    );
    const found = verdict.state === "passed" ? "passed" : `refused, ${verdict.code}`;
    const reason = this.starter.reason === "" ? "" : ` (${this.starter.reason})`;
    this.options.onVetted?.({
      model,
      detail: `${model} ${found} in ${tookMs} ms in a ${verdict.by}${reason}${lost}`,
    });
    return timed;
  }

  private async judge(key: string, { request, model }: Given): Promise<Remembered> {
    const label = labelOf(request);
    const { origin, ort = {}, statedShapes } = request;
    const golden = origin?.golden === undefined ? [] : await readGolden(origin.golden, origin);
    const folder = await makeTrialFolder({ root: this.options.root, key });
    const surroundings = surroundingsOf(await this.surroundings());
    const common = { model: label, modelSha256: model.sha256, surroundings, tookMs: 0 };
    let by = "child";
    try {
      const vetted = await this.exercise(await candidatesOf(model, request), {
        label,
        path: model.file,
        ort,
        statedShapes,
        golden,
        folder,
        start: async (room) => {
          this.closing.signal.throwIfAborted();
          const trial = await this.starter.start(room);
          by = trial.kind;
          return trial;
        },
        limits: { ...defaultLimits(), ...this.options.limits },
        readMemory: memoryReader(this.options.addon),
      });
      await requireUnchanged(model);
      const { graph, opens, goldenCases } = vetted;
      const graphSha256 = graph?.sha256 ?? null;
      const verdict = { ...common, by, state: "passed", graphSha256, opens, goldenCases } as const;
      return { verdict, graph: graph?.bytes ?? null };
    } catch (error) {
      this.closing.signal.throwIfAborted();
      if (!(error instanceof RedlineError) || !isRefusal(error.code)) throw error;
      const { code, what = label, expected = "", received = "", hint = "" } = error;
      return {
        verdict: { ...common, by, state: "refused", code, what, expected, received, hint },
        graph: null,
      };
    } finally {
      await rm(folder, { recursive: true, force: true }).catch(() => {});
    }
  }

  /** Vets the first of several forms of one model that passes; what the last is refused for is what is said. */
  private async exercise(
    forms: readonly [Uint8Array, ...Uint8Array[]],
    request: Omit<VetRequest, "bytes">,
  ): Promise<Vetted> {
    const [bytes, ...others] = forms;
    const [next, ...rest] = others;
    try {
      return await vetGraph({ ...request, bytes });
    } catch (error) {
      const isRefused = error instanceof RedlineError && isRefusal(error.code);
      if (!isRefused || next === undefined) throw error;
      return this.exercise([next, ...rest], request);
    }
  }
}

interface Given {
  readonly request: OpenRequest;
  readonly model: HashedModel;
}

/** What the manifest states of the inputs. */
function certainInputs({ origin, statedShapes }: OpenRequest): CertainInputs {
  return { constants: origin?.constants ?? {}, shapes: statedShapes };
}

/** The forms of a model to try, the better one first: without the branches its constant inputs never take, and as it came. */
async function candidatesOf(
  model: HashedModel,
  request: OpenRequest,
): Promise<readonly [Uint8Array, ...Uint8Array[]]> {
  const { settleModel } = await import("../graphs/settle-model.js");
  const settled = model.file === null ? settleModel(model.bytes, certainInputs(request)) : null;
  return settled === null ? [model.bytes] : [settled, model.bytes];
}

function labelOf({ graph, origin }: OpenRequest): string {
  if (origin !== undefined) return nameOf(origin);
  return typeof graph === "string" ? graph : "the model's bytes";
}

function nameOf({ model, variant }: GraphOrigin): string {
  return `${model}@${variant}`;
}
