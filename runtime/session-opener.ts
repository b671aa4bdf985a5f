// Owns the opening of one session: its model from the store, its lane and threads, every variant its ladder names, its
// admission. Knows no job. Invariant: an open that fails leaves neither a lane taken nor a graph open.

import { stat } from "node:fs/promises";
import type { Clock } from "./core/clock.js";
import { DEFAULT_CONTRACT, type FrozenContract, freezeContract } from "./core/contract.js";
import { RedlineError } from "./core/errors.js";
import { type EventSink, eventOf } from "./core/events.js";
import { LIMITS } from "./core/limits.js";
import type { Rung } from "./core/rung.js";
import {
  asPlanned,
  checkSlots,
  type OpenOptions,
  type ResolvedModel,
  requestOf,
  variantsOf,
  wantsOf,
} from "./open-request.js";
import type { OpenedPlan } from "./plans/open-plan.js";
import type { Provider, ProviderChoice } from "./providers/provider.js";
import type { OpenAsk, PlannedSession, RungAsk, RuntimeAdmission } from "./runtime-admission.js";
import { laneIdOf, type RuntimeScheduler } from "./runtime-scheduler.js";
import { checkLadder, isTemporal, ladderOf, rungsAsked, variantsBelow } from "./session-ladder.js";
import type { NonFiniteScan } from "./sessions/input-check.js";
import { OpenedSession } from "./sessions/opened-session.js";
import type { OpenedVariant } from "./sessions/opened-variant.js";
import type { OpensUnderWay } from "./sessions/opens-under-way.js";
import type { SessionPolicy } from "./sessions/session-policy.js";
import type { SessionRegister } from "./sessions/session-register.js";
import { AccuracyRecords, type JudgedFile } from "./store/accuracy-records.js";
import { constantInputs, fedInputs } from "./store/manifest.js";
import type { Store } from "./store/store.js";

/** What a runtime opens its sessions with. */
export interface SessionOpenerParts {
  readonly providers: {
    readonly graphs: Provider;
    /** Absent without the addon, for these reasons. */
    readonly nulls: Provider | undefined;
    readonly reasons: readonly string[];
  };
  readonly store: Store;
  readonly sessions: SessionRegister;
  readonly opens: OpensUnderWay;
  readonly events: EventSink;
  readonly clock: Clock;
  readonly scheduler: RuntimeScheduler;
  readonly admission: RuntimeAdmission;
  readonly hasNonFinite: NonFiniteScan;
}

/** What is decided before anything is opened. */
interface Decided {
  readonly options: OpenOptions;
  readonly name: string;
  readonly contract: FrozenContract;
  readonly provider: Provider;
  /** The variant the plan chose, and those that lower rungs name. */
  readonly resolved: ResolvedModel;
  readonly below: readonly ResolvedModel[];
  readonly planned: PlannedSession;
  readonly plan: OpenedPlan;
}

/** Opens sessions. */
export class SessionOpener {
  constructor(private readonly parts: SessionOpenerParts) {}

  /** Sessions that are open or being opened. */
  private count = 0;

  /** @throws RedlineError as `Runtime.open` says */
  async open(model: string | Uint8Array, options: OpenOptions): Promise<OpenedSession> {
    if (this.count >= LIMITS.sessionsPerRuntime) {
      throw new RedlineError("SESSION_LIMIT", {
        what: typeof model === "string" ? model : "the model's bytes",
        expected: `at most ${LIMITS.sessionsPerRuntime} sessions`,
        received: "one more",
        hint: "close sessions that are no longer needed",
      });
    }
    this.count += 1;
    try {
      return await this.openCounted(model, options);
    } catch (error) {
      this.count -= 1;
      throw error;
    }
  }

  private async openCounted(model: string | Uint8Array, options: OpenOptions): Promise<OpenedSession> {
    const { sessions, admission, opens } = this.parts;
    const contract = freezeContract(options.contract ?? DEFAULT_CONTRACT);
    const wants = wantsOf(options);
    const slots = checkSlots(options.slots ?? LIMITS.defaultSlots);
    const provider = this.providerFor(options);
    const resolved = await this.resolve(model, options);
    const steps = options.ladder ?? [];
    checkLadder(resolved, steps);
    const below: ResolvedModel[] = [];
    for (const variant of variantsBelow(resolved, steps))
      below.push(await this.resolve(`${resolved.model}@${variant}`, options));
    const name = sessions.claim(options.name ?? resolved.model);
    let planned: PlannedSession | undefined;
    try {
      // A ladder is written below a variant, so that one is the plan's.
      const isNamed = wants !== "promised" || steps.length > 0 || String(model).includes("@");
      const ask: OpenAsk = {
        ...variantsOf(resolved, { isNamed }),
        ...{ name, contract, wants, provider },
        threads: options.threads ?? options.ort?.intraOpThreads,
        request: requestOf(options, { resolved, slots }),
        ladder: rungsAsked(resolved, steps).map((rung) => this.rungAsk(rung, { below, options, slots })),
      };
      planned = await admission.plan(ask);
      opens.require(resolved.model);
      let plan = enterUnlessOld(planned);
      if (plan === undefined) {
        planned.leave();
        planned = await admission.plan({ ...ask, isAfresh: true });
        opens.require(resolved.model);
        plan = planned.enter();
      }
      const isOther = planned.variant !== resolved.variant;
      const chosen = isOther ? await this.resolve(`${resolved.model}@${planned.variant}`, options) : resolved;
      return await this.openOn({ options, name, contract, provider, resolved: chosen, below, planned, plan });
    } catch (error) {
      planned?.leave();
      sessions.forget(name);
      throw error;
    }
  }

  private async openOn(decided: Decided): Promise<OpenedSession> {
    const { options, name, contract, provider, resolved, below, planned, plan } = decided;
    const { sessions, events, hasNonFinite, opens, clock } = this.parts;
    const slots = options.slots ?? LIMITS.defaultSlots;
    let choice: ProviderChoice = { provider: provider.name, detail: "" };
    const onChosen = (chosen: ProviderChoice): void => {
      choice = chosen;
    };
    const requestFor = (one: ResolvedModel) =>
      asPlanned(requestOf(options, { resolved: one, slots }), planned);
    const graphs = [
      { variant: resolved.variant, bytes: resolved.bytes, request: { ...requestFor(resolved), onChosen } },
      ...below.map((one) => ({ variant: one.variant, bytes: one.bytes, request: requestFor(one) })),
    ];
    opens.require(resolved.model);
    const session = await OpenedSession.open({
      ...{ name, contract, provider, plan, graphs, events, hasNonFinite },
      model: resolved.model,
      manifest: resolved.manifest,
      threads: planned.threads,
      admit: async (opened) => this.admit(decided, opened),
      isInlineWhenShort: options.inline === "when-short" && provider.name === "ort",
      onClosed: (closed) => {
        this.count -= 1;
        planned.leave();
        sessions.close(closed);
      },
    });
    sessions.add(session);
    const how = [plan.promise, ...plan.notes].join(", ");
    const because = choice.detail === "" ? "" : ` (${choice.detail})`;
    const detail = `${resolved.model}@${resolved.variant} on ${choice.provider}${because}, ${how}`;
    events.emit(eventOf({ kind: "session.load", atUs: clock.nowUs(), session: name, detail }));
    return session;
  }

  /** The session's rungs over what is open, put before the scheduler. */
  private admit(decided: Decided, opened: readonly OpenedVariant[]): SessionPolicy {
    const { options, contract, provider, resolved, planned } = decided;
    const laneId = laneIdOf(planned.laneClass, planned.laneIndex);
    const variants = opened.map(({ graph, inputs }) => ({ variant: graph.variant, inputs }));
    const rungs = ladderOf(resolved, { steps: options.ladder ?? [], opened: variants });
    const plan = {
      contract,
      rungs: rungs.map((rung) => ({
        ...{ rung, laneId, memoryBytes: bytesOf(rung, opened) },
        profile: planned.costOf(rung.variant),
        overrunUs: planned.overrunUsOf(rung.variant),
      })),
      isTemporal: isTemporal(resolved),
      isUnstoppable: provider.name === "ort-node",
      isPromised: planned.isPromised,
    };
    return this.parts.scheduler.admit(plan, (sessionId) => planned.seat(sessionId));
  }

  /** A rung as admission is asked about it: another variant with what it would be opened with. */
  private rungAsk(
    { rung, rate, variant }: { readonly rung: string; readonly rate: number; readonly variant?: string },
    given: {
      readonly below: readonly ResolvedModel[];
      readonly options: OpenOptions;
      readonly slots: number;
    },
  ): RungAsk {
    const resolved = given.below.find((one) => one.variant === variant);
    if (resolved === undefined) return { rung, rate };
    const request: OpenAsk["request"] = requestOf(given.options, { resolved, slots: given.slots });
    return { rung, rate, other: { variant: variantsOf(resolved, { isNamed: true }).variant, request } };
  }

  private providerFor(options: OpenOptions): Provider {
    const { graphs, nulls, reasons } = this.parts.providers;
    const isNull = options.provider === "null";
    if (!isNull && (options.provider !== "program" || nulls)) return graphs;
    if (isNull && nulls) return nulls;
    throw new RedlineError("PROVIDER_UNAVAILABLE", {
      what: isNull ? "the null provider" : "a program",
      expected: "the native addon",
      received: reasons.join("; "),
      hint: "run redline doctor",
    });
  }

  private async resolve(model: string | Uint8Array, options: OpenOptions): Promise<ResolvedModel> {
    const bare = { bytes: 0, manifest: null };
    if (options.provider === "null") return { ...bare, model: "null", variant: "null", graph: null };
    if (typeof model !== "string") {
      await this.requireAdmitted("bytes", { file: { content: model }, options });
      return { ...bare, model: "bytes", variant: "bytes", graph: model, bytes: model.byteLength };
    }
    const found = await this.parts.store.resolve(model, options.signal ? { signal: options.signal } : {});
    const { model: name, variantId, path: graph, manifest, variant, goldenPath } = found;
    // A file that is not there is named by whoever opens it.
    const bytes = variant?.bytes ?? (await stat(graph).catch(() => undefined))?.size ?? 0;
    const resolved = { model: name, variant: variantId, graph, bytes, manifest };
    const known = variant === null ? { path: graph, bytes } : { sha256: variant.sha256, bytes };
    await this.requireAdmitted(model, { file: known, options });
    if (variant === null) return resolved;
    const golden = goldenPath === null ? {} : { golden: goldenPath };
    const constants = constantInputs(manifest);
    const { sha256 } = variant;
    const feeds = fedInputs(manifest);
    const task = manifest === null ? {} : { task: manifest.task };
    return {
      ...resolved,
      origin: { model: name, variant: variantId, sha256, constants, feeds, ...task, ...golden },
    };
  }

  private async requireAdmitted(
    model: string,
    { file, options }: { readonly file: JudgedFile; readonly options: OpenOptions },
  ): Promise<void> {
    if (options.quarantined === "open") return;
    await new AccuracyRecords(this.parts.store.root).requireAdmitted(file, model);
  }
}

/**
 * Its place; undefined where it is refused over what was measured shortly, and perhaps while the machine was busy with others:
 * before that is believed it is measured once more.
 *
 * @throws RedlineError `PLAN_INFEASIBLE`
 */
function enterUnlessOld(planned: PlannedSession): OpenedPlan | undefined {
  try {
    return planned.enter();
  } catch (error) {
    const isRefusal = error instanceof RedlineError && error.code === "PLAN_INFEASIBLE";
    if (isRefusal && planned.isOld) return undefined;
    throw error;
  }
}

function bytesOf({ kind, variant }: Rung, opened: readonly OpenedVariant[]): number {
  return kind === "off" ? 0 : (opened.find(({ graph }) => graph.variant === variant)?.graph.bytes ?? 0);
}
