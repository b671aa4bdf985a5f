// Owns a provider in virtual time: the real lane rules over runs of a chosen length. Knows no model.
// Its graphs double their single float input `x` of four elements into `y`.

import type { Criticality } from "../../runtime/core/contract.js";
import type { CancelReason, LaneJob, RunningJob, Settlement } from "../../runtime/core/lane.js";
import { initialWord, type SessionWord } from "../../runtime/core/session-word.js";
import type { Tensor, TensorData, TensorSpec } from "../../runtime/core/tensor.js";
import type {
  OpenRequest,
  Provider,
  ProviderSession,
  ProviderSlot,
} from "../../runtime/providers/provider.js";
import type { RunEnd } from "../../runtime/scheduler/lane-core.js";
import { ModelLane } from "../../runtime/scheduler/model-lane.js";
import type { VirtualClock } from "./virtual-clock.js";

/** What the next runs do. */
export interface VirtualWork {
  busyUs: number;
  stopUs: number;
  kind: RunEnd["kind"];
  message: string | undefined;
}

export class VirtualProvider implements Provider {
  readonly name = "null" as const;
  readonly work: VirtualWork = { busyUs: 1000, stopUs: 10, kind: "completed", message: undefined };
  /** Every request that was granted. */
  readonly requests: OpenRequest[] = [];
  /** Sessions that have closed. */
  closed = 0;
  /** Set: nothing more is opened, and this is why. */
  refusal: string | undefined;
  private jobId = 0;
  private readonly sessions: VirtualSession[] = [];

  constructor(private readonly clock: VirtualClock) {}

  nowUs(): number {
    return this.clock.nowUs();
  }

  nextJobId(): number {
    this.jobId += 1;
    return this.jobId;
  }

  async open(request: OpenRequest): Promise<ProviderSession> {
    if (this.refusal !== undefined) throw new Error(this.refusal);
    this.requests.push(request);
    const sessionId = this.sessions.length + 1;
    const onClosed = (): void => {
      this.closed += 1;
    };
    const session = new VirtualSession({ clock: this.clock, work: this.work, sessionId, onClosed }, request);
    this.sessions.push(session);
    return session;
  }

  runningJobs(): readonly RunningJob[] {
    return this.sessions.flatMap((session) => session.running ?? []);
  }

  replaceLane(criticality: Criticality, laneIndex: number): void {
    for (const session of this.sessions) session.replace(criticality, laneIndex);
  }

  async close(): Promise<void> {}
}

class VirtualSession implements ProviderSession {
  readonly inputs: readonly TensorSpec[] = [{ name: "x", dtype: "float32", shape: [4] }];
  readonly outputs: readonly TensorSpec[] = [{ name: "y", dtype: "float32", shape: [4] }];
  readonly slots: readonly VirtualSlot[];
  readonly sessionId: number;
  private readonly clock: VirtualClock;
  private readonly work: VirtualWork;
  private readonly onClosed: () => void;
  private readonly lane: ModelLane;
  private readonly inFlight = new Set<number>();
  private finish: ((kind: RunEnd["kind"]) => void) | undefined;

  constructor(
    {
      clock,
      work,
      sessionId,
      onClosed,
    }: { clock: VirtualClock; work: VirtualWork; sessionId: number; onClosed: () => void },
    private readonly request: OpenRequest,
  ) {
    this.clock = clock;
    this.work = work;
    this.sessionId = sessionId;
    this.onClosed = onClosed;
    this.slots = Array.from({ length: request.slots }, (_, index) => new VirtualSlot(index));
    this.lane = new ModelLane({
      clock,
      executor: {
        start: (job, ended) => this.start(job, ended),
        terminate: () => {
          const { finish } = this;
          clock.setAlarm(clock.nowUs() + work.stopUs, () => {
            if (this.finish === finish) finish?.("terminated");
          });
        },
      },
      onSettle: (settlement: Settlement) => {
        this.inFlight.delete(settlement.jobId);
        request.onSettle(settlement);
      },
    });
    this.lane.publish(sessionId, initialWord(request.criticality));
  }

  get running(): RunningJob | undefined {
    const { criticality, laneIndex } = this.request;
    return this.lane.started && { ...this.lane.started, criticality, laneIndex };
  }

  replace(criticality: Criticality, laneIndex: number): void {
    if (criticality === this.request.criticality && laneIndex === this.request.laneIndex) this.lane.replace();
  }

  publish(word: SessionWord): void {
    this.lane.publish(this.sessionId, word);
  }

  submit(job: Omit<LaneJob, "sessionId">): void {
    this.inFlight.add(job.jobId);
    this.lane.submit({ ...job, sessionId: this.sessionId });
  }

  cancel(jobId: number, reason: CancelReason): void {
    this.lane.cancel(jobId, reason);
  }

  runInline(slot: number): Settlement {
    this.slots[slot]!.compute();
    const nowUs = this.clock.nowUs();
    return { jobId: -1, status: "done", reason: "ok", startedUs: nowUs, settledUs: nowUs, cpuUs: 0 };
  }

  async close(): Promise<void> {
    for (const jobId of this.inFlight) this.cancel(jobId, "closing");
    while (this.inFlight.size > 0) await new Promise((resolve) => setImmediate(resolve));
    this.onClosed();
  }

  private start(job: LaneJob, ended: (end: RunEnd) => void): void {
    const startedUs = this.clock.nowUs();
    const alarm = this.clock.setAlarm(startedUs + this.work.busyUs, () => {
      // A run that was given up does not end its successor.
      if (this.finish === finish) finish(this.work.kind);
    });
    const finish = (kind: RunEnd["kind"]): void => {
      this.finish = undefined;
      alarm.cancel();
      if (kind === "completed") this.slots[job.slot]!.compute();
      const endedUs = this.clock.nowUs();
      const { message } = this.work;
      ended({ kind, endedUs, cpuUs: endedUs - startedUs, ...(message === undefined ? {} : { message }) });
    };
    this.finish = finish;
  }
}

class VirtualSlot implements ProviderSlot {
  private readonly x = new Float32Array(4);
  private readonly y = new Float32Array(4);
  readonly inputs: Readonly<Record<string, TensorData>> = { x: this.x };

  constructor(readonly index: number) {}

  shapeInput(): TensorData {
    return this.x;
  }

  fillStrings(): void {}

  output(): Tensor {
    return { data: this.y, shape: [4] };
  }

  compute(): void {
    this.y.set(this.x.map((element) => element * 2));
  }
}
