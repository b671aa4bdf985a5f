// Owns sessions whose graphs run in this very process through onnxruntime-node, for tests of pipelines that need a real
// model but no addon and no built package. Everything but the executor is the production code.

import { SystemClock } from "../../runtime/bindings/system-clock.js";
import type { Clock } from "../../runtime/core/clock.js";
import { type Contract, type Criticality, freezeContract } from "../../runtime/core/contract.js";
import type { CancelReason, LaneJob, RunningJob, Settlement } from "../../runtime/core/lane.js";
import type { OutcomeReason, OutcomeStatus } from "../../runtime/core/outcome.js";
import { initialWord, type SessionWord } from "../../runtime/core/session-word.js";
import type { TensorSpec } from "../../runtime/core/tensor.js";
import type { OpenedPlan } from "../../runtime/plans/open-plan.js";
import { OrtNodeGraphs } from "../../runtime/providers/ort-node/ort-node-graphs.js";
import { PrivateSlot } from "../../runtime/providers/ort-node/private-slot.js";
import type { OpenRequest, Provider, ProviderSession } from "../../runtime/providers/provider.js";
import { ModelLane } from "../../runtime/scheduler/model-lane.js";
import { scanNonFinite } from "../../runtime/sessions/input-check.js";
import { OpenedSession } from "../../runtime/sessions/opened-session.js";
import type { Session } from "../../runtime/sessions/session.js";
import type { Manifest } from "../../runtime/store/manifest.js";
import { freePolicy } from "./free-policy.js";

/** The operating system's monotonic clock. */
export const processClock: Clock = new SystemClock();

/** How the n-th job (from 0) settles instead of running; undefined lets it run. */
type SettleInstead = (job: number) => { status: OutcomeStatus; reason: OutcomeReason } | undefined;

export interface InProcessOptions {
  /** A model's path or bytes. */
  readonly graph: string | Uint8Array;
  /** Default: no hurry, results kept when late. */
  readonly contract?: Contract;
  readonly slots?: number;
  /** What a store would say of the model. Default: nothing, as for a bare path. */
  readonly manifest?: Manifest;
  /** To see what a pipeline makes of a job that settles without outputs. */
  readonly settleInstead?: SettleInstead;
}

/** The plan of a session that no runtime has opened. */
export const UNPLANNED: OpenedPlan = {
  promise: "best-effort",
  because: "nobody planned it",
  laneClass: "background",
  rows: [],
  notes: [],
};

/** Opens a model on one thread, without spinning. */
export function openInProcess(options: InProcessOptions): Promise<Session> {
  const contract = freezeContract(options.contract ?? { periodMs: 1000, deadlineMs: 60_000, late: "keep" });
  return OpenedSession.open({
    name: "test",
    model: typeof options.graph === "string" ? options.graph : "bytes",
    threads: 1,
    manifest: options.manifest ?? null,
    contract,
    plan: UNPLANNED,
    provider: new InProcessProvider(options.settleInstead ?? (() => undefined)),
    graphs: [
      {
        variant: "file",
        bytes: 0,
        request: {
          graph: options.graph,
          criticality: contract.criticality,
          laneIndex: 0,
          slots: options.slots ?? 3,
          statedShapes: {},
          isInline: false,
        },
      },
    ],
    admit: async () => freePolicy(),
    isInlineWhenShort: false,
    events: { emit: () => {} },
    hasNonFinite: scanNonFinite,
    onClosed: () => {},
  });
}

class InProcessProvider implements Provider {
  readonly name = "ort-node" as const;
  readonly #sessions: InProcessProviderSession[] = [];
  #jobId = 0;

  constructor(readonly settleInstead: SettleInstead) {}

  nowUs(): number {
    return processClock.nowUs();
  }

  nextJobId(): number {
    this.#jobId += 1;
    return this.#jobId;
  }

  async open(request: OpenRequest): Promise<ProviderSession> {
    const graphs = new OrtNodeGraphs();
    const reply = await graphs.answer({ kind: "open", id: 0, sessionId: 1, graph: request.graph!, ort: {} });
    if (reply.kind !== "opened") throw new Error(reply.kind === "failed" ? reply.message : reply.kind);
    const { settleInstead } = this;
    const session = new InProcessProviderSession({ graphs, request, specs: reply, settleInstead });
    this.#sessions.push(session);
    return session;
  }

  runningJobs(): readonly RunningJob[] {
    return this.#sessions.flatMap(({ running }) => running ?? []);
  }

  replaceLane(): never {
    throw new Error("a run of this very process cannot be given up");
  }

  async close(): Promise<void> {}
}

class InProcessProviderSession implements ProviderSession {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  readonly slots: readonly PrivateSlot[];
  readonly sessionId = 1;
  readonly #lane: ModelLane;
  readonly #graphs: OrtNodeGraphs;
  readonly #criticality: Criticality;
  readonly #settleInstead: SettleInstead;
  readonly #onSettle: (settlement: Settlement) => void;
  readonly #inFlight = new Map<number, () => void>();
  #jobs = 0;

  constructor(given: {
    graphs: OrtNodeGraphs;
    request: OpenRequest;
    specs: { inputs: readonly TensorSpec[]; outputs: readonly TensorSpec[] };
    settleInstead: SettleInstead;
  }) {
    const { graphs, request, specs } = given;
    this.inputs = specs.inputs;
    this.outputs = specs.outputs;
    this.slots = Array.from({ length: request.slots }, (_, index) => new PrivateSlot(index, specs));
    this.#graphs = graphs;
    this.#criticality = request.criticality;
    this.#settleInstead = given.settleInstead;
    this.#onSettle = (settlement) => {
      this.#inFlight.get(settlement.jobId)?.();
      this.#inFlight.delete(settlement.jobId);
      request.onSettle(settlement);
    };
    this.#lane = new ModelLane({
      clock: processClock,
      executor: {
        start: (job, ended) => void this.#run(job).then(ended),
        terminate: () => {},
      },
      onSettle: this.#onSettle,
    });
    this.#lane.publish(this.sessionId, initialWord(request.criticality));
  }

  get running(): RunningJob | undefined {
    return this.#lane.started && { ...this.#lane.started, criticality: this.#criticality, laneIndex: 0 };
  }

  publish(word: SessionWord): void {
    this.#lane.publish(this.sessionId, word);
  }

  submit(job: Omit<LaneJob, "sessionId">): void {
    const forced = this.#settleInstead(this.#jobs);
    this.#jobs += 1;
    if (forced !== undefined) {
      const { jobId } = job;
      const times = { startedUs: -1, settledUs: processClock.nowUs(), cpuUs: -1 };
      queueMicrotask(() => this.#onSettle({ jobId, ...forced, ...times }));
      return;
    }
    this.#inFlight.set(job.jobId, () => {});
    this.#lane.submit({ ...job, sessionId: this.sessionId });
  }

  cancel(jobId: number, reason: CancelReason): void {
    this.#lane.cancel(jobId, reason);
  }

  runInline(): never {
    throw new Error("no test here runs inline");
  }

  async close(): Promise<void> {
    const settled = [...this.#inFlight.keys()].map(
      (jobId) => new Promise<void>((resolve) => this.#inFlight.set(jobId, resolve)),
    );
    for (const jobId of this.#inFlight.keys()) this.cancel(jobId, "closing");
    await Promise.all(settled);
    await this.#graphs.answer({ kind: "close", id: 0, sessionId: this.sessionId });
  }

  async #run(job: LaneJob) {
    const slot = this.slots[job.slot]!;
    const request = { kind: "run", id: 0, sessionId: this.sessionId, inputs: slot.tensors() } as const;
    return slot.take(await this.#graphs.answer(request));
  }
}
