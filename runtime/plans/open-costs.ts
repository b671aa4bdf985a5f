// Owns finding every way to run a model that is about to open, with its costs, and what the machine itself adds to them.
// Knows no promise. Invariant: what was measured now is said; nothing is measured where an answer is not needed.

import type { Clock } from "../core/clock.js";
import { quantilesOfRuns } from "../core/profile.js";
import type { OpenRequest, Provider } from "../providers/provider.js";
import { type AdmissionTask, msOf } from "../scheduler/admission/admission-task.js";
import type { PlanCandidate } from "./choose-plan.js";
import { type MachineFigures, MachineStore, measureDispatch } from "./machine-figures.js";
import type { Regimes } from "./machine-model.js";
import { isPlain, ProfileBook, type ProfiledVariant } from "./profile-book.js";
import {
  modelSha256,
  type ProfileGround,
  type ProfileSurroundings,
  profileSurroundings,
} from "./profile-key.js";
import { ProfileStore } from "./profile-store.js";
import { explainThreads, planThreads } from "./thread-plan.js";

/** What the costs of one runtime are found with. */
export interface CostParts {
  readonly storeRoot: string;
  readonly clock: Clock;
  /** What graphs run on, for the key of profiles. */
  readonly ground: ProfileGround;
  /** What the lanes' priorities are; undefined where there are none. */
  readonly regimes: () => Regimes | undefined;
  /** Measures a dispatch; absent where graphs run in other processes: there the runs of a model do. */
  readonly nulls: Provider | undefined;
  readonly cores: number;
  /** Tells of every job that settles; answers how to stop. */
  readonly onSettled: (told: () => void) => () => void;
  /** Aborted when the runtime closes. */
  readonly signal: AbortSignal;
}

/** A model that is about to open. */
export interface CostAsk {
  readonly provider: Provider;
  /** The variant that was named, or the first of the model. Without a hash its graph is hashed. */
  readonly variant: Omit<ProfiledVariant, "sha256"> & { readonly sha256?: string };
  /** Others that may be opened in its place where they are profiled. */
  readonly others: readonly ProfiledVariant[];
  /** As it would be opened, on the lane it may be measured on. */
  readonly request: Omit<OpenRequest, "onSettle">;
  readonly threads: number | "auto" | undefined;
  readonly contract: Pick<AdmissionTask, "periodUs" | "deadlineUs">;
  /** Whether a promise is asked for: costs that are not known then are measured, the machine's too. */
  readonly isPromise: boolean;
  /**
   * What was measured shortly before now, perhaps beside others, does not count: `model` measures the model anew, `all` the
   * machine too, which takes processors that nobody may need meanwhile. Default: it counts.
   */
  readonly afresh?: "model" | "all" | undefined;
}

/** Every way to run it that is known, and how they came to be known. */
export interface FoundCosts {
  readonly candidates: readonly PlanCandidate[];
  /** The fewest threads that leave the deadline room, where those were to be found. */
  readonly roomyThreads?: number;
  /** Whether some of it was measured shortly, and not now: `afresh` may find less. */
  readonly isOld: boolean;
  readonly notes: readonly string[];
}

/** What the machine adds to every model. */
export interface KnownMachine extends Pick<MachineFigures, "dispatchUs"> {
  readonly regimes: Regimes | undefined;
  /** The most any model profiled here is slowed down by busy neighbours: stands for sessions without a profile. */
  readonly contention: number;
  /** Whether it was measured by an earlier runtime. */
  readonly isOld: boolean;
  /** In words what was measured for it now; empty when it was known. */
  readonly note: string;
}

/** The costs of one runtime's models. */
export class OpenCosts {
  private readonly profiles: ProfileStore;
  private readonly book: ProfileBook;
  private readonly machines: MachineStore;
  private machine: KnownMachine | undefined;
  private learning: Promise<KnownMachine> | undefined;

  constructor(private readonly parts: CostParts) {
    this.profiles = new ProfileStore(parts.storeRoot);
    this.book = new ProfileBook(this.profiles, parts.clock);
    this.machines = new MachineStore(parts.storeRoot);
  }

  /** The machine, once a promise has been asked for. */
  get known(): KnownMachine | undefined {
    return this.machine;
  }

  /**
   * Finds the costs. Empty when nothing is known and nothing was to be measured, or could be: a note says so.
   *
   * @throws RedlineError what opening the model throws; the signal's reason when the runtime closes
   */
  async find(ask: CostAsk): Promise<FoundCosts> {
    if (ask.request.graph === null) return this.ofNull(ask);
    const now = await profileSurroundings(this.parts.ground);
    const { sha256 = await modelSha256(ask.request.graph) } = ask.variant;
    const variant = { ...ask.variant, sha256 };
    const notes: string[] = [];
    if (ask.isPromise) notes.push(...(await this.learn(ask, { variant, now })));
    const candidates: PlanCandidate[] = [];
    let isOld = ask.isPromise && this.machine?.isOld === true;
    for (const one of isPlain(ask.request.ort) ? [variant, ...ask.others] : []) {
      const stored = await this.book.stored(one, now);
      const wanted = stored.candidates.filter(({ profile }) => isWanted(profile.choice, ask));
      const counted = wanted.filter(({ length }) => ask.afresh === undefined || length === "full");
      isOld ||= counted.some(({ length }) => length === "short");
      candidates.push(...counted);
      notes.push(...stored.passed);
    }
    const costOf = async (threads: number): Promise<PlanCandidate | undefined> => {
      const known = candidates.find(({ profile: { choice } }) => {
        const isPlainest = choice.spin === (ask.request.ort?.spin ?? false);
        return choice.variant === variant.id && choice.threads === threads && isPlainest;
      });
      if (known !== undefined) return known;
      const found = await this.book.measure(this.profileAsk(ask, { variant, threads }), now);
      notes.push(found.why);
      if (found.candidate !== undefined) candidates.push(found.candidate);
      return found.candidate;
    };
    if (ask.threads !== "auto") {
      if (ask.isPromise) await costOf(ask.threads ?? 1);
      return { candidates, isOld, notes };
    }
    const { deadlineUs } = ask.contract;
    const measure = async (threads: number): Promise<number> => (await costOf(threads))?.profile.p50Us ?? 0;
    const plan = await planThreads({ deadlineUs, cores: this.parts.cores, measure });
    const words = `threads ${explainThreads(plan, deadlineUs)}`;
    return { candidates, isOld, notes: [words, ...notes], roomyThreads: plan.threads };
  }

  /** A session without a model takes the time its options say. */
  private async ofNull(ask: CostAsk): Promise<FoundCosts> {
    const notes = ask.isPromise ? await this.learn(ask, undefined) : [];
    const now = await profileSurroundings(this.parts.ground);
    const busyUs = ask.request.null?.busyUs ?? 0;
    const profile = {
      key: { ...now, modelSha256: "" },
      choice: { variant: ask.variant.id, device: "cpu", threads: 1, spin: false },
      conditions: { periodUs: ask.contract.periodUs, caches: "warm", neighbour: "none" },
      ...quantilesOfRuns([busyUs]),
      cpuUs: busyUs,
      energyMj: "unknown",
    } as const;
    const isOld = this.machine?.isOld === true;
    return { candidates: [{ profile, contention: 1, accuracy: "unknown" }], isOld, notes };
  }

  /** Learns the machine once per runtime, and answers in words what was measured for it. */
  private async learn(
    ask: CostAsk,
    model: { readonly variant: ProfiledVariant; readonly now: ProfileSurroundings } | undefined,
  ): Promise<string[]> {
    if (ask.afresh === "all" && this.machine?.isOld === true) {
      this.machine = undefined;
      this.learning = undefined;
    }
    if (this.machine !== undefined) return [];
    this.learning ??= this.learnNow(ask, model).catch((error: unknown) => {
      this.learning = undefined;
      throw error;
    });
    this.machine = await this.learning;
    return this.machine.note === "" ? [] : [this.machine.note];
  }

  private async learnNow(
    ask: CostAsk,
    model: { readonly variant: ProfiledVariant; readonly now: ProfileSurroundings } | undefined,
  ): Promise<KnownMachine> {
    const { nulls, cores, clock, signal, ground } = this.parts;
    const now = model?.now ?? (await profileSurroundings(ground));
    const shared = { regimes: this.parts.regimes(), contention: await this.profiles.largestContention(now) };
    const stored = ask.afresh === "all" ? undefined : await this.machines.find(now);
    if (stored !== undefined) return { ...shared, dispatchUs: stored.dispatchUs, isOld: true, note: "" };
    const measured =
      nulls === undefined
        ? await this.wakes(ask, model)
        : await measureDispatch(nulls, { cores, clock, signal });
    const figures = { schema: 1, surroundings: now, ...measured } as const;
    const kept = await this.machines.write(figures).then(
      () => "",
      () => ", not kept",
    );
    const { dispatchUs, samples } = measured;
    return {
      ...shared,
      dispatchUs,
      isOld: false,
      note: `dispatch here takes ${msOf(dispatchUs)} (p99 of ${samples}${kept})`,
    };
  }

  /** Where there is no null provider, the wakes of the model's own runs tell what a dispatch takes. */
  private async wakes(
    ask: CostAsk,
    model: { readonly variant: ProfiledVariant; readonly now: ProfileSurroundings } | undefined,
  ): Promise<Pick<MachineFigures, "dispatchUs" | "samples">> {
    const threads = typeof ask.threads === "number" ? ask.threads : 1;
    const { wakeUs } =
      model === undefined
        ? { wakeUs: [] }
        : await this.book.measure(this.profileAsk(ask, { variant: model.variant, threads }), model.now);
    if (wakeUs.length === 0) return { dispatchUs: 0, samples: 0 };
    const { p99Us, samples } = quantilesOfRuns(wakeUs);
    return { dispatchUs: p99Us, samples };
  }

  private profileAsk(ask: CostAsk, { variant, threads }: { variant: ProfiledVariant; threads: number }) {
    const { cores, onSettled, signal } = this.parts;
    const { slots: _, ...request } = ask.request;
    // Files that ONNX Runtime writes belong to the session, not to what is measured for it.
    const { profilePrefix: __, optimizedModelPath: ___, ...ort } = request.ort ?? {};
    return {
      variant,
      provider: ask.provider,
      request: { ...request, isInline: false, ort: { ...ort, intraOpThreads: threads } },
      periodUs: ask.contract.periodUs,
      cores,
      watchDisturbance: onSettled,
      signal,
    };
  }
}

/** Whether the caller left this way open: a number of threads, or spinning, that was asked for is obeyed. */
function isWanted(choice: PlanCandidate["profile"]["choice"], { threads, request }: CostAsk): boolean {
  const { spin } = request.ort ?? {};
  const isCount = typeof threads !== "number" || choice.threads === threads;
  return isCount && (spin === undefined || choice.spin === spin);
}
