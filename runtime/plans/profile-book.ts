// Owns finding what a way to run a model costs here: a profile that holds, else a short measurement, kept for the next time.
// Knows no contract but its pace. Invariant: one measurement at a time; what other sessions disturbed is used and not kept.

import type { OrtOptions } from "../bindings/addon.js";
import type { Clock } from "../core/clock.js";
import { RedlineError } from "../core/errors.js";
import type { ProfileKey } from "../core/profile.js";
import type { OpenRequest, Provider } from "../providers/provider.js";
import type { Manifest, ManifestVariant } from "../store/manifest.js";
import type { PlanCandidate } from "./choose-plan.js";
import type { ProfileSurroundings } from "./profile-key.js";
import { type ProfileRecord, type ProfileStore, profileOf, profileRecord } from "./profile-store.js";
import { measureShortly } from "./short-profile.js";

/** A variant whose costs are asked for. */
export interface ProfiledVariant {
  readonly id: string;
  /** For people: `road-seg@int8-320`. */
  readonly label: string;
  readonly sha256: string;
  readonly accuracy: number | "unknown";
}

/** A variant of a manifest, with its figure on the manifest's first gate. */
export function profiledVariant(manifest: Manifest, variant: ManifestVariant): ProfiledVariant {
  const { id, sha256 } = variant;
  const metric = manifest.gates[0]?.metric;
  const accuracy = (metric === undefined ? undefined : variant.accuracy?.[metric]) ?? "unknown";
  return { id, label: `${manifest.name}@${id}`, sha256, accuracy };
}

/** One way to run it, and what to measure where no profile holds. */
export interface ProfileAsk {
  readonly variant: ProfiledVariant;
  readonly provider: Provider;
  /** With the threads, the options and the lane to measure with. */
  readonly request: Omit<OpenRequest, "onSettle" | "slots">;
  readonly periodUs: number;
  readonly cores: number;
  /** Told when another session's jobs ran meanwhile. */
  readonly watchDisturbance: (onDisturbed: () => void) => () => void;
  readonly signal?: AbortSignal | undefined;
}

/** A way to run it whose costs were measured before. */
export type StoredCandidate = PlanCandidate & Pick<ProfileRecord, "length">;

/** What was found, and how, in words for events and plans. */
export interface FoundCost {
  /** Undefined when it cannot be measured: `why` says so. */
  readonly candidate: PlanCandidate | undefined;
  readonly why: string;
  /** From submission to start of each run; empty when nothing was measured now. */
  readonly wakeUs: readonly number[];
}

/** More neighbours than lanes of a class are never at work beside a model, and each holds the model once more. */
const MOST_NEIGHBOURS = 3;

/** Profiles of one runtime. */
export class ProfileBook {
  private measuring: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly profiles: ProfileStore,
    private readonly clock: Clock,
  ) {}

  /** Every profile of a variant that holds, and in words those that do not. */
  async stored(
    variant: ProfiledVariant,
    now: ProfileSurroundings,
  ): Promise<{ readonly candidates: readonly StoredCandidate[]; readonly passed: readonly string[] }> {
    const found = await this.profiles.find(keyOf(variant, now));
    return {
      candidates: found.holding.map((record) => ({ ...candidateOf(record, variant), length: record.length })),
      passed: found.passed.map(({ path, because }) => `profile not used: ${because} (${path})`),
    };
  }

  /**
   * Measures one way to run a model.
   *
   * @throws RedlineError what opening it throws; the signal's reason when it fires
   */
  async measure(ask: ProfileAsk, now: ProfileSurroundings): Promise<FoundCost> {
    const mine = this.measuring.then(() => this.measureNow(ask, now));
    this.measuring = mine.catch(() => {});
    return mine;
  }

  private async measureNow(ask: ProfileAsk, now: ProfileSurroundings): Promise<FoundCost> {
    const { variant, provider, request, periodUs, cores, signal } = ask;
    const threads = request.ort?.intraOpThreads ?? 1;
    let isDisturbed = false;
    const stopWatching = ask.watchDisturbance(() => {
      isDisturbed = true;
    });
    const startUs = this.clock.nowUs();
    const short = await measureShortly(provider, {
      subject: request,
      neighbours: neighboursOf(request, Math.floor(cores / threads) - 1),
      clock: this.clock,
      periodUs,
      signal,
    }).finally(stopWatching);
    const tookMs = Math.round((this.clock.nowUs() - startUs) / 1000);
    if (short === undefined) {
      const why = `${variant.label} cannot be measured: it has strings or open shapes as inputs, or its run failed`;
      return { candidate: undefined, why, wakeUs: [] };
    }
    const choice = { variant: variant.id, device: "cpu", threads, spin: request.ort?.spin ?? false };
    const record = profileRecord({
      length: "short",
      model: variant.label,
      key: keyOf(variant, now),
      choice,
      measured: short.measured,
      energyMj: "unknown",
    });
    const kept = isDisturbed
      ? ", not kept: other sessions ran meanwhile"
      : await this.keep(record, request.ort);
    const runs = short.measured.reduce((sum, { runUs }) => sum + runUs.length, 0);
    const why = `short profile of ${variant.label} on ${wordsOf(threads)}: ${runs} runs, ${tookMs} ms with opening it${kept}`;
    return { candidate: candidateOf(record, variant), why, wakeUs: short.wakeUs };
  }

  /** Keeps it, and answers in words why not. A store that cannot be written keeps nothing from running. */
  private async keep(record: ProfileRecord, ort: OrtOptions | undefined): Promise<string> {
    if (!isPlain(ort)) return ", not kept: options of ONNX Runtime change what a run costs";
    try {
      await this.profiles.write(record);
      return "";
    } catch (error) {
      if (error instanceof RedlineError && error.code === "STORE_WRITE_FAILED")
        return `, not kept: ${error.message}`;
      throw error;
    }
  }
}

/** Whether a session runs with the options that profiles are measured with, threads and spinning apart. */
export function isPlain(ort: OrtOptions = {}): boolean {
  const { intraOpThreads: _, spin: __, profilePrefix: ___, optimizedModelPath: ____, ...others } = ort;
  return Object.values(others).every((value) => value === undefined);
}

function neighboursOf(request: ProfileAsk["request"], wanted: number): ProfileAsk["request"][] {
  const count = Math.max(0, Math.min(MOST_NEIGHBOURS, wanted));
  return Array.from({ length: count }, (_, index) => {
    const isMate = request.criticality === "background" && index >= request.laneIndex;
    return { ...request, criticality: "background", laneIndex: isMate ? index + 1 : index } as const;
  });
}

function candidateOf(record: ProfileRecord, { accuracy }: ProfiledVariant): PlanCandidate {
  return { ...profileOf(record), accuracy };
}

function keyOf({ sha256 }: ProfiledVariant, now: ProfileSurroundings): ProfileKey {
  return { ...now, modelSha256: sha256 };
}

function wordsOf(threads: number): string {
  return threads === 1 ? "1 thread" : `${threads} threads`;
}
