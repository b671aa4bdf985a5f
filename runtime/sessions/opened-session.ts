// Owns a session's jobs from inputs to outcome: slots, deadlines, cancelling, counting. Knows no silicon.
// Invariant: each run settles once, is emitted as one event, and its slot is held by exactly one owner.

import { type FrozenContract, isKept } from "../core/contract.js";
import { RedlineError } from "../core/errors.js";
import { type EventSink, eventOf, type RedlineEvent, settlementKind } from "../core/events.js";
import type { Settlement } from "../core/lane.js";
import type { TensorData, TensorSpec } from "../core/tensor.js";
import type { OpenRequest, Provider, ProviderSession } from "../providers/provider.js";
import { RunTimeEstimate } from "../scheduler/run-time-estimate.js";
import type { Manifest } from "../store/manifest.js";
import { SessionCounters } from "../telemetry/session-counters.js";
import {
  type CheckedInput,
  checkFinite,
  checkInputs,
  checkShape,
  findSpec,
  type NonFiniteScan,
} from "./input-check.js";
import type {
  Outcome,
  ReservedSlot,
  RunInputs,
  RunOptions,
  Session,
  SessionIdentity,
  SessionStats,
} from "./session.js";
import { type SettledFacts, SettledOutcome } from "./settled-outcome.js";
import { SlotPool } from "./slot-pool.js";

/** What a session is opened with; all policy has been decided. */
export interface SessionParts extends SessionIdentity {
  readonly provider: Provider;
  readonly request: Omit<OpenRequest, "onSettle">;
  /** Jobs run on the caller's thread as long as they are short. */
  readonly isInlineWhenShort: boolean;
  readonly events: EventSink;
  readonly hasNonFinite: NonFiniteScan;
  /** Called once when the session has closed. */
  readonly onClosed: (session: Session) => void;
}

/** A run no longer than this may stay on the caller's thread: a tenth of the longest stall a voice loop should see, 10 ms. */
const SHORT_RUN_US = 1000;

interface PendingJob {
  readonly slot: number;
  readonly capturedUs: number;
  readonly deadlineUs: number;
  readonly settle: (outcome: Outcome) => void;
  readonly forgetSignal: () => void;
}

/** A session over a provider. */
export class OpenedSession implements Session {
  readonly name: string;
  readonly model: string;
  readonly variant: string;
  readonly device: string;
  readonly threads: number;
  readonly manifest: Manifest | null;
  readonly contract: FrozenContract;
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  private readonly pool: SlotPool;
  private readonly pending = new Map<number, PendingJob>();
  private readonly estimate = new RunTimeEstimate();
  private readonly counters = new SessionCounters();
  private closing: Promise<void> | undefined;

  private constructor(
    private readonly parts: SessionParts,
    private readonly opened: ProviderSession,
  ) {
    this.name = parts.name;
    this.model = parts.model;
    this.variant = parts.variant;
    this.device = parts.device;
    this.threads = parts.threads;
    this.manifest = parts.manifest;
    this.contract = parts.contract;
    this.inputs = opened.inputs;
    this.outputs = opened.outputs;
    this.pool = new SlotPool(opened.slots.length);
  }

  /** Opens the graph on its provider. Rejects with the provider's RedlineError. */
  static async open(parts: SessionParts): Promise<OpenedSession> {
    let session: OpenedSession | undefined;
    const opened = await parts.provider.open({
      ...parts.request,
      onSettle: (settlement) => session!.onSettle(settlement),
    });
    session = new OpenedSession(parts, opened);
    return session;
  }

  // Checks happen before the promise exists, so that bad input rejects without taking a slot.
  async run(inputs: RunInputs, options: RunOptions = {}): Promise<Outcome> {
    const checked = checkInputs(this.inputs, inputs, this.parts.hasNonFinite);
    const slot = this.closing ? -1 : this.pool.take();
    if (slot < 0) return this.reject(options);
    this.fill(slot, checked);
    return this.launch(slot, options);
  }

  reserve(): ReservedSlot | null {
    const slot = this.closing ? -1 : this.pool.take();
    if (slot < 0) return null;
    const provided = this.opened.slots[slot]!;
    let isReserved = true;
    const spend = (): void => {
      if (!isReserved) {
        const hint = "reserve() takes another one";
        throw new RedlineError("INPUT_SLOT", { what: `slot ${slot} of ${this.name}`, hint });
      }
      isReserved = false;
    };
    return {
      inputs: provided.inputs,
      shapeInput: (name, shape) => this.shapeInput(slot, { name, shape }),
      run: async (options = {}) => {
        this.checkReserved(slot);
        spend();
        return this.launch(slot, options);
      },
      release: () => {
        if (isReserved) this.pool.giveBack(slot);
        isReserved = false;
      },
    };
  }

  runSync(inputs: RunInputs, options: Pick<RunOptions, "capturedUs"> = {}): Outcome {
    if (!this.parts.request.isInline) {
      throw new RedlineError("SESSION_NOT_INLINE", {
        what: this.name,
        hint: "open it with { inline: true }",
      });
    }
    if (this.closing) throw new RedlineError("SESSION_CLOSED", { what: this.name, hint: "open it again" });
    const checked = checkInputs(this.inputs, inputs, this.parts.hasNonFinite);
    const slot = this.pool.take();
    if (slot < 0)
      throw new RedlineError("SESSION_NO_SLOT", { what: this.name, hint: "release earlier outcomes" });
    this.fill(slot, checked);
    const capturedUs = options.capturedUs ?? this.parts.provider.nowUs();
    return this.runHere(slot, { capturedUs, deadlineUs: capturedUs + this.contract.deadlineUs });
  }

  stats(): SessionStats {
    const { counters, contract } = this;
    return {
      session: this.name,
      model: this.model,
      variant: this.variant,
      device: this.device,
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

  close(): Promise<void> {
    this.closing ??= this.opened.close().then(() => {
      const atUs = this.parts.provider.nowUs();
      this.parts.events.emit(eventOf({ kind: "session.close", atUs, session: this.name }));
      this.counters.freeze();
      this.parts.onClosed(this);
    });
    return this.closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  private fill(slot: number, checked: readonly CheckedInput[]): void {
    const provided = this.opened.slots[slot]!;
    for (const { spec, data, shape } of checked) {
      if (spec.dtype === "string") {
        provided.fillStrings(spec.name, { data: data as string[], shape });
      } else {
        const view = provided.shapeInput(spec.name, shape) as Float32Array;
        view.set(data as Float32Array);
      }
    }
  }

  private shapeInput(slot: number, { name, shape }: { name: string; shape: readonly number[] }): TensorData {
    checkShape(findSpec(this.inputs, name), shape);
    return this.opened.slots[slot]!.shapeInput(name, shape);
  }

  /** A reserved slot was written in place: only what the caller could get wrong is left to check. */
  private checkReserved(slot: number): void {
    const provided = this.opened.slots[slot]!;
    for (const spec of this.inputs) {
      const data = provided.inputs[spec.name];
      if (data === undefined) {
        throw new RedlineError("INPUT_MISSING", {
          what: `input ${spec.name}`,
          expected: `a view of shape [${spec.shape.join(", ")}]`,
          received: "nothing",
          hint: "call shapeInput first",
        });
      }
      checkFinite({ spec, data }, this.parts.hasNonFinite);
    }
  }

  private launch(slot: number, { capturedUs: given, signal }: RunOptions): Promise<Outcome> {
    const { provider } = this.parts;
    const nowUs = provider.nowUs();
    const capturedUs = given ?? nowUs;
    const deadlineUs = capturedUs + this.contract.deadlineUs;
    const isShort = this.parts.isInlineWhenShort && this.estimate.isAtMost(SHORT_RUN_US);
    // Jobs in flight go first, one that is late is the lane's to drop, and one that is aborted the lane's to settle.
    if (isShort && this.pending.size === 0 && nowUs < deadlineUs && signal?.aborted !== true) {
      return Promise.resolve(this.runHere(slot, { capturedUs, deadlineUs }));
    }
    const jobId = provider.nextJobId();
    return new Promise((settle) => {
      const onAbort = (): void => this.opened.cancel(jobId, "signal");
      const forgetSignal = (): void => signal?.removeEventListener("abort", onAbort);
      this.pending.set(jobId, { slot, capturedUs, deadlineUs, settle, forgetSignal });
      const { late } = this.contract;
      // A kept late result is worth having at any time: such a job is never too late to start.
      const latestStartUs =
        late === "keep" ? Number.MAX_SAFE_INTEGER : this.estimate.latestStartUs(deadlineUs);
      this.opened.submit({ jobId, slot, deadlineUs, latestStartUs, late });
      if (signal?.aborted) onAbort();
      else signal?.addEventListener("abort", onAbort, { once: true });
    });
  }

  /** Runs a filled slot on the calling thread. */
  private runHere(
    slot: number,
    { capturedUs, deadlineUs }: { capturedUs: number; deadlineUs: number },
  ): SettledOutcome {
    const jobId = this.parts.provider.nextJobId();
    const settlement = this.judgeInline(this.opened.runInline(slot), { jobId, deadlineUs });
    return this.conclude(settlement, { slot, capturedUs, deadlineUs });
  }

  private onSettle(settlement: Settlement): void {
    const job = this.pending.get(settlement.jobId)!;
    this.pending.delete(settlement.jobId);
    job.forgetSignal();
    job.settle(this.conclude(settlement, job));
  }

  private conclude(
    settlement: Settlement,
    job: Pick<PendingJob, "slot" | "capturedUs" | "deadlineUs">,
  ): SettledOutcome {
    const { status, reason, startedUs, settledUs, cpuUs } = settlement;
    const { slot, capturedUs, deadlineUs } = job;
    const hasResults = status === "done" || status === "late";
    if (hasResults) this.estimate.record(settledUs - startedUs);
    else if (reason === "stale") this.estimate.noteStale();
    const giveBack = (): void => this.pool.giveBack(slot);
    if (!hasResults) giveBack();
    const facts = {
      jobId: settlement.jobId,
      status,
      reason,
      capturedUs,
      startedUs,
      settledUs,
      deadlineUs,
      cpuUs,
    };
    this.record(facts);
    return new SettledOutcome(
      { ...facts, message: settlement.message },
      hasResults ? { slot: this.opened.slots[slot]!, outputs: this.outputs, giveBack } : undefined,
    );
  }

  private reject(options: RunOptions): Outcome {
    const nowUs = this.parts.provider.nowUs();
    const capturedUs = options.capturedUs ?? nowUs;
    const facts = {
      jobId: this.parts.provider.nextJobId(),
      status: "rejected",
      reason: this.closing ? "closed" : "no-slot",
      capturedUs,
      startedUs: -1,
      settledUs: nowUs,
      deadlineUs: capturedUs + this.contract.deadlineUs,
      cpuUs: -1,
    } as const;
    this.record(facts);
    return new SettledOutcome({ ...facts, message: undefined }, undefined);
  }

  private judgeInline(
    settlement: Settlement,
    { jobId, deadlineUs }: { jobId: number; deadlineUs: number },
  ): Settlement {
    if (settlement.status !== "done" || settlement.settledUs <= deadlineUs) return { ...settlement, jobId };
    return {
      ...settlement,
      jobId,
      status: "late",
      reason: this.contract.late === "keep" ? "kept" : "unstoppable",
    };
  }

  private record(facts: Omit<SettledFacts, "message">): void {
    const event: RedlineEvent = {
      kind: settlementKind(facts.status),
      atUs: facts.settledUs,
      session: this.name,
      jobId: facts.jobId,
      status: facts.status,
      reason: facts.reason,
      capturedUs: facts.capturedUs,
      startedUs: facts.startedUs,
      deadlineUs: facts.deadlineUs,
      cpuUs: facts.cpuUs,
      detail: "",
    };
    this.counters.count(event);
    this.parts.events.emit(event);
  }
}
