// Owns a session's jobs from inputs to outcome: slots, deadlines, cancelling, counting. Knows no silicon and no policy.
// Invariant: each run settles once, is emitted as one event, and its slot is held by exactly one owner.

import type { ThreadAsk } from "../core/budget.js";
import { type FrozenContract, isKept } from "../core/contract.js";
import { RedlineError } from "../core/errors.js";
import { type EventSink, eventOf } from "../core/events.js";
import type { Settlement } from "../core/lane.js";
import type { OutcomeReason, OutcomeStatus } from "../core/outcome.js";
import type { Rung } from "../core/rung.js";
import type { SessionWord } from "../core/session-word.js";
import type { TensorSpec } from "../core/tensor.js";
import type { OpenedPlan } from "../plans/open-plan.js";
import type { Provider } from "../providers/provider.js";
import type { Manifest } from "../store/manifest.js";
import { SessionCounters } from "../telemetry/session-counters.js";
import { checkFrame, checkInputs, type NonFiniteScan } from "./input-check.js";
import { arrivalOf, type Job, jobEvent, judgeInline, type Place } from "./job.js";
import type { OpenedVariant, VariantGraph } from "./opened-variant.js";
import { OpenedVariants } from "./opened-variants.js";
import type {
  Outcome,
  ReservedSlot,
  RunInputs,
  RunOptions,
  Session,
  SessionIdentity,
  SessionStats,
} from "./session.js";
import type { GovernedSession, SessionPolicy } from "./session-policy.js";
import { type HeldSlot, type SettledFacts, SettledOutcome } from "./settled-outcome.js";

/** What a session is opened with. */
export interface SessionParts extends Omit<SessionIdentity, "variant" | "device" | "rung"> {
  readonly plan: OpenedPlan;
  readonly provider: Provider;
  /** Every variant its rungs name, that of the plan first. */
  readonly graphs: readonly VariantGraph[];
  /** Asked once all of them are open: policy over the session, or a refusal, thrown. */
  readonly admit: (opened: readonly OpenedVariant[]) => Promise<SessionPolicy>;
  /** Jobs run on the caller's thread as long as they are short. */
  readonly isInlineWhenShort: boolean;
  readonly events: EventSink;
  readonly hasNonFinite: NonFiniteScan;
  /** Called once when the session has closed. */
  readonly onClosed: (session: Session) => void;
}

/** A run no longer than this may stay on the caller's thread: a tenth of the longest stall a voice loop should see, 10 ms. */
const SHORT_RUN_US = 1000;

interface PendingJob extends Job {
  readonly settle: (outcome: Outcome) => void;
  readonly forgetSignal: () => void;
}

/** How a job settles that never runs. */
interface Unrun {
  readonly status: OutcomeStatus;
  readonly reason: OutcomeReason;
}

/** A session over a provider. */
export class OpenedSession implements Session, GovernedSession {
  readonly name: string;
  readonly model: string;
  readonly manifest: Manifest | null;
  readonly contract: FrozenContract;
  readonly plan: OpenedPlan;
  newestFrame = -1;
  private readonly pending = new Map<number, PendingJob>();
  private readonly counters = new SessionCounters();
  private lastRunFrame = -1;
  private closing: Promise<void> | undefined;

  private constructor(
    private readonly parts: SessionParts,
    private readonly policy: SessionPolicy,
    private readonly variants: OpenedVariants,
  ) {
    this.name = parts.name;
    this.model = parts.model;
    this.manifest = parts.manifest;
    this.contract = parts.contract;
    this.plan = parts.plan;
  }

  /** Opens every graph on its provider. Rejects with the provider's RedlineError, or with what `admit` throws. */
  static async open(parts: SessionParts): Promise<OpenedSession> {
    let session: OpenedSession | undefined;
    const onSettle = (settlement: Settlement): void => session!.onSettle(settlement);
    const variants = await OpenedVariants.open(parts.graphs, { provider: parts.provider, onSettle });
    try {
      session = new OpenedSession(parts, await parts.admit(variants.all), variants);
    } catch (error) {
      await variants.close();
      throw error;
    }
    session.policy.attach(session);
    return session;
  }

  get rung(): Rung {
    return this.policy.rung;
  }

  get variant(): string {
    return this.policy.rung.variant;
  }

  get device(): string {
    return this.policy.rung.device;
  }

  get threads(): number {
    return this.current.request.ort?.intraOpThreads ?? this.parts.threads;
  }

  get inputs(): readonly TensorSpec[] {
    return this.current.inputs;
  }

  get outputs(): readonly TensorSpec[] {
    return this.current.outputs;
  }

  // Checks happen before the promise exists, so that bad input rejects without taking a slot.
  async run(inputs: RunInputs, options: RunOptions = {}): Promise<Outcome> {
    checkFrame(options.frame);
    const checked = checkInputs(this.inputs, inputs, this.parts.hasNonFinite);
    const place = this.take();
    if (place === undefined) return this.reject(options);
    place.variant.fill(place.slot, checked);
    return this.launch(place, options);
  }

  reserve(): ReservedSlot | null {
    const place = this.take();
    if (place === undefined) return null;
    const { variant, slot, rung } = place;
    let isReserved = true;
    const spend = (): void => {
      if (!isReserved) {
        const hint = "reserve() takes another one";
        throw new RedlineError("INPUT_SLOT", { what: `slot ${slot} of ${this.name}`, hint });
      }
      isReserved = false;
    };
    return {
      rung,
      inputs: variant.opened.slots[slot]!.inputs,
      shapeInput: (name, shape) => variant.shapeInput(slot, { name, shape }),
      run: async (options = {}) => {
        checkFrame(options.frame);
        variant.checkReserved(slot, this.parts.hasNonFinite);
        spend();
        return this.launch(place, options);
      },
      release: () => {
        if (isReserved) variant.pool.giveBack(slot);
        isReserved = false;
      },
    };
  }

  runSync(inputs: RunInputs, options: Pick<RunOptions, "capturedUs" | "frame"> = {}): Outcome {
    if (!this.current.graph.request.isInline) {
      throw new RedlineError("SESSION_NOT_INLINE", {
        what: this.name,
        hint: "open it with { inline: true }",
      });
    }
    if (this.closing) throw new RedlineError("SESSION_CLOSED", { what: this.name, hint: "open it again" });
    checkFrame(options.frame);
    const checked = checkInputs(this.inputs, inputs, this.parts.hasNonFinite);
    const place = this.take();
    if (place === undefined) {
      throw new RedlineError("SESSION_NO_SLOT", { what: this.name, hint: "release earlier outcomes" });
    }
    place.variant.fill(place.slot, checked);
    const nowUs = this.parts.provider.nowUs();
    const job = this.jobOf(place, options, nowUs);
    const dispatch = this.policy.arrive(arrivalOf(job));
    return dispatch.kind === "run" ? this.runHere(job) : this.settleHere(job, dispatch, nowUs);
  }

  stats(): SessionStats {
    const { counters, contract } = this;
    return {
      session: this.name,
      model: this.model,
      variant: this.variant,
      device: this.device,
      rung: this.rung,
      threads: this.threads,
      periodMs: contract.periodUs / 1000,
      deadlineMs: contract.deadlineUs / 1000,
      criticality: contract.criticality,
      n: counters.n,
      outcomes: counters.outcomes,
      latencyUs: counters.latencyUs,
      cpuUsPerJob: counters.cpuUsPerJob,
      misses: counters.misses,
      kept: isKept(contract, counters),
    };
  }

  publish(word: SessionWord): void {
    this.variants.publish(word);
  }

  reopen(): Promise<void> {
    return this.variants.reopen();
  }

  follow(ask: ThreadAsk): Promise<number> {
    return this.variants.follow(ask);
  }

  get openBytes(): number {
    return this.variants.openBytes;
  }

  get isGone(): boolean {
    return this.current.isGone;
  }

  release(which: "idle" | "unused"): number {
    return this.variants.release(which === "idle" ? undefined : this.variant);
  }

  close(): Promise<void> {
    this.closing ??= this.settleAndFree();
    return this.closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  private get current(): OpenedVariant {
    return this.variants.get(this.policy.rung.variant);
  }

  private async settleAndFree(): Promise<void> {
    await this.variants.close();
    this.policy.closed();
    const atUs = this.parts.provider.nowUs();
    this.parts.events.emit(eventOf({ kind: "session.close", atUs, session: this.name }));
    this.counters.freeze();
    this.parts.onClosed(this);
  }

  /** A free slot of the current rung's variant. */
  private take(): Place | undefined {
    if (this.closing) return undefined;
    const variant = this.current;
    if (variant.isGone) return undefined;
    const slot = variant.pool.take();
    return slot < 0 ? undefined : { variant, slot, rung: this.policy.rung };
  }

  private jobOf(place: Place, options: RunOptions, nowUs: number): Job {
    const capturedUs = options.capturedUs ?? nowUs;
    const { variant, slot, rung } = place;
    const deadlineUs = capturedUs + this.contract.deadlineUs;
    const frame = this.number(options.frame);
    return { variant, slot, rung, jobId: this.parts.provider.nextJobId(), frame, capturedUs, deadlineUs };
  }

  /** The number of the next job's frame: as given, else one more than the newest. */
  private number(given: number | undefined): number {
    const frame = given ?? this.newestFrame + 1;
    if (frame > this.newestFrame) this.newestFrame = frame;
    return frame;
  }

  private launch(place: Place, options: RunOptions): Promise<Outcome> {
    const { signal } = options;
    const nowUs = this.parts.provider.nowUs();
    const job = this.jobOf(place, options, nowUs);
    const { variant, slot, jobId, deadlineUs } = job;
    const dispatch = this.policy.arrive(arrivalOf(job));
    if (dispatch.kind === "settled") return Promise.resolve(this.settleHere(job, dispatch, nowUs));
    const isShort = this.parts.isInlineWhenShort && variant.estimate.isAtMost(SHORT_RUN_US);
    // Jobs in flight go first, one that is late is the lane's to drop, and one that is aborted the lane's to settle.
    if (isShort && this.pending.size === 0 && nowUs < deadlineUs && signal?.aborted !== true) {
      return Promise.resolve(this.runHere(job));
    }
    return new Promise((settle) => {
      const onAbort = (): void => {
        this.policy.stopAsked(jobId);
        variant.opened.cancel(jobId, "signal");
      };
      const forgetSignal = (): void => signal?.removeEventListener("abort", onAbort);
      this.pending.set(jobId, { ...job, settle, forgetSignal });
      const { late } = this.contract;
      // A kept late result is worth having at any time: such a job is never too late to start.
      const latestStartUs =
        late === "keep" ? Number.MAX_SAFE_INTEGER : variant.estimate.latestStartUs(deadlineUs);
      variant.opened.submit({ jobId, slot, deadlineUs, latestStartUs, late });
      if (signal?.aborted) onAbort();
      else signal?.addEventListener("abort", onAbort, { once: true });
    });
  }

  /** Runs a filled slot on the calling thread. */
  private runHere(job: Job): SettledOutcome {
    const { variant, slot, jobId, deadlineUs } = job;
    const { late } = this.contract;
    return this.conclude(judgeInline(variant.opened.runInline(slot), { jobId, deadlineUs, late }), job);
  }

  private onSettle(settlement: Settlement): void {
    const job = this.pending.get(settlement.jobId)!;
    this.pending.delete(settlement.jobId);
    job.forgetSignal();
    job.settle(this.conclude(settlement, job));
  }

  private conclude(settlement: Settlement, job: Job): SettledOutcome {
    const { jobId, status, reason, startedUs, settledUs, cpuUs, message } = settlement;
    const { variant, slot, rung, frame, capturedUs, deadlineUs } = job;
    const hasResults = status === "done" || status === "late";
    if (hasResults) variant.estimate.record(settledUs - startedUs);
    else if (reason === "stale") variant.estimate.noteStale();
    else if (reason === "lost") variant.isGone = true;
    const isConsecutive = hasResults && frame === this.lastRunFrame + 1;
    if (hasResults) this.lastRunFrame = frame;
    const giveBack = (): void => variant.pool.giveBack(slot);
    if (!hasResults) giveBack();
    this.policy.settled(settlement);
    const times = { capturedUs, startedUs, settledUs, deadlineUs, cpuUs };
    return this.record(
      { jobId, status, reason, rung, isConsecutive, ...times, message },
      hasResults ? { slot: variant.opened.slots[slot]!, outputs: variant.outputs, giveBack } : undefined,
    );
  }

  /** A job that policy settles: it never reaches a lane. */
  private settleHere(job: Job, how: Unrun, settledUs: number): SettledOutcome {
    job.variant.pool.giveBack(job.slot);
    return this.settleUnrun({ ...job, ...how, settledUs });
  }

  /** A job without a slot: every one is held, or the model itself is gone until it is opened anew. */
  private reject(options: RunOptions): SettledOutcome {
    const settledUs = this.parts.provider.nowUs();
    const capturedUs = options.capturedUs ?? settledUs;
    const reason = this.closing ? "closed" : this.isGone ? "suspended" : "no-slot";
    if (reason === "no-slot") this.policy.foundNoSlot();
    this.number(options.frame);
    return this.settleUnrun({
      jobId: this.parts.provider.nextJobId(),
      status: "rejected",
      reason,
      rung: this.rung,
      capturedUs,
      settledUs,
      deadlineUs: capturedUs + this.contract.deadlineUs,
    });
  }

  private settleUnrun(
    facts: Pick<SettledFacts, "jobId" | "rung" | "capturedUs" | "settledUs" | "deadlineUs"> & Unrun,
  ): SettledOutcome {
    const { jobId, status, reason, rung, capturedUs, settledUs, deadlineUs } = facts;
    const times = { capturedUs, startedUs: -1, settledUs, deadlineUs, cpuUs: -1 };
    return this.record(
      { jobId, status, reason, rung, isConsecutive: false, ...times, message: undefined },
      undefined,
    );
  }

  private record(facts: SettledFacts, held: HeldSlot | undefined): SettledOutcome {
    const event = jobEvent(this.name, facts);
    this.counters.count(event);
    this.parts.events.emit(event);
    return new SettledOutcome(facts, held);
  }
}
