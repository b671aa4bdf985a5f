// Owns the opening of one session: its model from the store, its lane and threads, every variant its ladder names, its
// admission. Knows no job. Invariant: an open that fails leaves neither a lane taken nor a graph open.

import { availableParallelism } from "node:os";
import type { Clock } from "./core/clock.js";
import { DEFAULT_CONTRACT, type FrozenContract, freezeContract } from "./core/contract.js";
import { RedlineError } from "./core/errors.js";
import { type EventSink, eventOf } from "./core/events.js";
import { LIMITS } from "./core/limits.js";
import {
  checkSlots,
  type OpenOptions,
  type ResolvedModel,
  requestOf,
  type SessionRequest,
  withThreads,
} from "./open-request.js";
import { explainThreads, planThreads } from "./plans/thread-plan.js";
import { medianRunUs } from "./plans/trial-run.js";
import type { Provider } from "./providers/provider.js";
import { laneIdOf, type RuntimeScheduler } from "./runtime-scheduler.js";
import type { LaneAssignment } from "./scheduler/lane-assignment.js";
import type { RungPlan } from "./scheduler/scheduled-session.js";
import { checkLadder, isTemporal, ladderOf, variantsBelow } from "./session-ladder.js";
import type { NonFiniteScan } from "./sessions/input-check.js";
import { OpenedSession } from "./sessions/opened-session.js";
import type { OpenedVariant } from "./sessions/opened-variant.js";
import type { OpensUnderWay } from "./sessions/opens-under-way.js";
import type { SessionPolicy } from "./sessions/session-policy.js";
import type { SessionRegister } from "./sessions/session-register.js";
import { constantInputs } from "./store/manifest.js";
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
  readonly lanes: LaneAssignment;
  readonly hasNonFinite: NonFiniteScan;
}

/** What is decided before anything is opened. */
interface Decided {
  readonly options: OpenOptions;
  readonly contract: FrozenContract;
  readonly provider: Provider;
  readonly resolved: ResolvedModel;
  readonly laneIndex: number;
}

/** A run nobody has profiled: nothing is known to overrun, to cost or to save. */
const UNPROFILED: RungPlan["profile"] = Object.freeze({
  p50Us: 0,
  wcetUs: Number.POSITIVE_INFINITY,
  cpuUs: -1,
  energyMj: "unknown",
});

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
    const { lanes } = this.parts;
    const contract = freezeContract(options.contract ?? DEFAULT_CONTRACT);
    const slots = checkSlots(options.slots ?? LIMITS.defaultSlots);
    const provider = this.providerFor(options);
    const resolved = await this.resolve(model, options);
    checkLadder(resolved, options.ladder ?? []);
    const laneIndex = lanes.assign(contract.criticality);
    const releaseLane = (): void => lanes.release(contract.criticality, laneIndex);
    try {
      const request = requestOf(options, { resolved, contract, slots, laneIndex });
      const { threads, why } = await this.planThreads(provider, { options, contract, request });
      this.parts.opens.require(resolved.model);
      const decided = { options, contract, provider, resolved, laneIndex };
      const session = await this.openOn(decided, { request: withThreads(request, threads), releaseLane });
      const detail = `${resolved.model}@${resolved.variant} on ${provider.name}${why}`;
      const atUs = this.parts.clock.nowUs();
      this.parts.events.emit(eventOf({ kind: "session.load", atUs, session: session.name, detail }));
      return session;
    } catch (error) {
      releaseLane();
      throw error;
    }
  }

  private async openOn(
    decided: Decided,
    given: { request: SessionRequest; releaseLane: () => void },
  ): Promise<OpenedSession> {
    const { options, contract, provider, resolved } = decided;
    const { sessions, events, hasNonFinite } = this.parts;
    const { request, releaseLane } = given;
    const graphs = [{ variant: resolved.variant, request }];
    for (const variant of variantsBelow(resolved, options.ladder ?? [])) {
      const { graph, origin } = await this.resolve(`${resolved.model}@${variant}`, options);
      graphs.push({ variant, request: { ...request, graph, ...(origin ? { origin } : {}) } });
    }
    this.parts.opens.require(resolved.model);
    const name = sessions.claim(options.name ?? resolved.model);
    try {
      const session = await OpenedSession.open({
        name,
        model: resolved.model,
        manifest: resolved.manifest,
        threads: request.ort?.intraOpThreads ?? 1,
        contract,
        provider,
        graphs,
        admit: async (opened) => this.admit(decided, opened),
        isInlineWhenShort: options.inline === "when-short" && provider.name === "ort",
        events,
        hasNonFinite,
        onClosed: (closed) => {
          this.count -= 1;
          releaseLane();
          sessions.close(closed);
        },
      });
      sessions.add(session);
      return session;
    } catch (error) {
      sessions.forget(name);
      throw error;
    }
  }

  /** The session's rungs over what is open, put before the scheduler. */
  private admit(decided: Decided, opened: readonly OpenedVariant[]): SessionPolicy {
    const { options, contract, provider, resolved, laneIndex } = decided;
    const laneId = laneIdOf(contract.criticality, laneIndex);
    const variants = opened.map(({ graph, inputs }) => ({ variant: graph.variant, inputs }));
    const rungs = ladderOf(resolved, { steps: options.ladder ?? [], opened: variants });
    return this.parts.scheduler.admit({
      contract,
      rungs: rungs.map((rung) => ({ rung, laneId, profile: UNPROFILED, memoryBytes: 0 })),
      isTemporal: isTemporal(resolved),
      isUnstoppable: provider.name === "ort-node",
      // Without a contract nothing was asked to be promised.
      isPromised: options.contract !== undefined,
    });
  }

  /** How many threads the session's jobs get, and in words why, when that was measured. */
  private async planThreads(
    provider: Provider,
    given: { options: OpenOptions; contract: FrozenContract; request: SessionRequest },
  ): Promise<{ threads: number; why: string }> {
    const { options, contract, request } = given;
    const threads = options.threads ?? options.ort?.intraOpThreads ?? 1;
    if (threads !== "auto") return { threads, why: "" };
    if (provider.name === "null") return { threads: 1, why: "" };
    const { deadlineUs } = contract;
    const plan = await planThreads({
      deadlineUs,
      cores: availableParallelism(),
      // A graph that cannot be tried has no run time: one thread then fits.
      measure: async (count) => {
        this.parts.opens.require("a trial of threads");
        return (await medianRunUs(provider, withThreads(request, count))) ?? 0;
      },
    });
    return { threads: plan.threads, why: `, threads ${explainThreads(plan, deadlineUs)}` };
  }

  private providerFor(options: OpenOptions): Provider {
    const { graphs, nulls, reasons } = this.parts.providers;
    if (options.provider !== "null") return graphs;
    if (nulls) return nulls;
    throw new RedlineError("PROVIDER_UNAVAILABLE", {
      what: "the null provider",
      expected: "the native addon",
      received: reasons.join("; "),
      hint: "run redline doctor",
    });
  }

  private async resolve(model: string | Uint8Array, options: OpenOptions): Promise<ResolvedModel> {
    if (options.provider === "null") return { model: "null", variant: "null", graph: null, manifest: null };
    if (typeof model !== "string") return { model: "bytes", variant: "bytes", graph: model, manifest: null };
    const found = await this.parts.store.resolve(model, options.signal ? { signal: options.signal } : {});
    const { model: name, variantId, path: graph, manifest, variant, goldenPath } = found;
    const resolved = { model: name, variant: variantId, graph, manifest };
    if (variant === null) return resolved;
    const golden = goldenPath === null ? {} : { golden: goldenPath };
    const constants = constantInputs(manifest);
    const { sha256 } = variant;
    return { ...resolved, origin: { model: name, variant: variantId, sha256, constants, ...golden } };
  }
}
