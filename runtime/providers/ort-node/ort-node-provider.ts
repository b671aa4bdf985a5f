// Owns the fallback without the addon: the same session interface over onnxruntime-node in forked processes.
// Knows no contract policy. Invariant: a run cannot be stopped here, so a job over its deadline settles late.

import { monotonicUs } from "../../bindings/system-clock.js";
import type { Clock } from "../../core/clock.js";
import type { Criticality } from "../../core/contract.js";
import { RedlineError } from "../../core/errors.js";
import type { CancelReason, LaneJob, RunningJob } from "../../core/lane.js";
import { initialWord, type SessionWord } from "../../core/session-word.js";
import type { TensorSpec } from "../../core/tensor.js";
import type { OpenRequest, Provider, ProviderSession } from "../provider.js";
import { closeShapes } from "../stated-shapes.js";
import { ForkedLane } from "./forked-lane.js";
import { PrivateSlot } from "./private-slot.js";

// A provider that was never closed and that nobody can reach any more leaves no processes behind.
const abandoned = new FinalizationRegistry<Map<string, ForkedLane>>((lanes) => {
  for (const lane of lanes.values()) lane.process.kill();
});

/** Opens graphs in forked processes, one per lane. */
export class OrtNodeProvider implements Provider {
  readonly name = "ort-node" as const;
  private readonly lanes = new Map<string, ForkedLane>();
  private readonly sessions = new Set<OrtNodeSession>();
  private sessionId = 0;
  private jobId = 0;

  constructor(private readonly clock: Clock) {
    abandoned.register(this, this.lanes, this);
  }

  nowUs(): number {
    return monotonicUs();
  }

  nextJobId(): number {
    this.jobId += 1;
    return this.jobId;
  }

  async open(request: OpenRequest): Promise<ProviderSession> {
    refuseWhatNeedsTheAddon(request);
    const lane = this.laneFor(request);
    this.sessionId += 1;
    const sessionId = this.sessionId;
    const reply = await askToOpen(lane, { sessionId, request });
    if (reply.kind !== "opened") {
      const message = reply.kind === "failed" ? reply.message : `unexpected reply ${reply.kind}`;
      const isMissing = /doesn't exist|does not exist|no such file/i.test(message);
      const what = typeof request.graph === "string" ? `${request.graph}: ${message}` : message;
      throw new RedlineError(isMissing ? "MODEL_FILE_MISSING" : "MODEL_LOAD_FAILED", { what });
    }
    const session = new OrtNodeSession({
      sessionId,
      lane,
      request,
      specs: {
        inputs: closeShapes(reply.inputs, request.statedShapes),
        outputs: closeShapes(reply.outputs, request.statedShapes),
      },
      onClosed: () => this.sessions.delete(session),
    });
    this.sessions.add(session);
    return session;
  }

  runningJobs(): readonly RunningJob[] {
    return [...this.lanes.values()].flatMap(({ running }) => running ?? []);
  }

  /** The process's graphs go with it: they are opened again before the next job runs. */
  replaceLane(criticality: Criticality, laneIndex: number): void {
    const lane = this.lanes.get(keyOf({ criticality, laneIndex }));
    lane?.replace(() => {
      for (const session of this.sessions) session.openAgain(lane);
    });
  }

  async close(): Promise<void> {
    await Promise.all([...this.sessions].map((session) => session.close()));
    abandoned.unregister(this);
    for (const lane of this.lanes.values()) lane.process.kill();
    this.lanes.clear();
  }

  private laneFor({ criticality, laneIndex }: OpenRequest): ForkedLane {
    const key = keyOf({ criticality, laneIndex });
    const existing = this.lanes.get(key);
    // Sessions of a process that died settle `failed / lost`; the next open gets a fresh one.
    if (existing && !existing.process.isLost) return existing;
    const lane = new ForkedLane({ clock: this.clock, criticality, laneIndex });
    this.lanes.set(key, lane);
    return lane;
  }
}

interface OrtNodeSessionParts {
  readonly sessionId: number;
  readonly lane: ForkedLane;
  readonly request: OpenRequest;
  readonly specs: { readonly inputs: readonly TensorSpec[]; readonly outputs: readonly TensorSpec[] };
  readonly onClosed: () => void;
}

class OrtNodeSession implements ProviderSession {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  readonly slots: readonly PrivateSlot[];
  readonly sessionId: number;
  private readonly inFlight = new Map<number, Promise<void>>();
  private closing: Promise<void> | undefined;

  constructor(private readonly parts: OrtNodeSessionParts) {
    this.sessionId = parts.sessionId;
    parts.lane.publish(parts.sessionId, initialWord(parts.request.criticality));
    this.inputs = parts.specs.inputs;
    this.outputs = parts.specs.outputs;
    this.slots = Array.from(
      { length: parts.request.slots },
      (_, index) => new PrivateSlot(index, parts.specs),
    );
  }

  submit(job: Omit<LaneJob, "sessionId">): void {
    const { lane, request } = this.parts;
    const sessionId = this.sessionId;
    const slot = this.slots[job.slot]!;
    let settled = (): void => {};
    this.inFlight.set(
      job.jobId,
      new Promise((resolve) => {
        settled = resolve;
      }),
    );
    lane.submit(
      { ...job, sessionId },
      {
        run: async (process) =>
          slot.take(await process.ask({ kind: "run", sessionId, inputs: slot.tensors() })),
        onSettle: (settlement) => {
          this.inFlight.delete(job.jobId);
          settled();
          request.onSettle(settlement);
        },
      },
    );
  }

  cancel(jobId: number, reason: CancelReason): void {
    this.parts.lane.cancel(jobId, reason);
  }

  publish(word: SessionWord): void {
    this.parts.lane.publish(this.sessionId, word);
  }

  /** The lane has a new process. */
  openAgain(lane: ForkedLane): void {
    // What becomes of it the next run says: the process answers in order, and has the graph or has it not.
    if (lane === this.parts.lane) void askToOpen(lane, this.parts).catch(() => undefined);
  }

  runInline(): never {
    throw new RedlineError("PROVIDER_UNAVAILABLE", {
      what: "runSync",
      expected: "the native addon",
      received: "the fallback, which runs in another process",
      hint: "see redline doctor",
    });
  }

  close(): Promise<void> {
    this.closing ??= this.settleAndFree();
    return this.closing;
  }

  private async settleAndFree(): Promise<void> {
    const pending = [...this.inFlight];
    for (const [jobId] of pending) this.cancel(jobId, "closing");
    await Promise.all(pending.map(([, settled]) => settled));
    // A lane process that has died has nothing left to free.
    await this.parts.lane.process.ask({ kind: "close", sessionId: this.sessionId }).catch(() => undefined);
    this.parts.lane.forget(this.sessionId);
    this.parts.onClosed();
  }
}

function keyOf({ criticality, laneIndex }: Pick<OpenRequest, "criticality" | "laneIndex">): string {
  return `${criticality}/${laneIndex}`;
}

function askToOpen(lane: ForkedLane, given: { readonly sessionId: number; readonly request: OpenRequest }) {
  const { graph, ort = {} } = given.request;
  return lane.process.ask({ kind: "open", sessionId: given.sessionId, graph: graph!, ort });
}

function refuseWhatNeedsTheAddon(request: OpenRequest): void {
  const what =
    request.graph === null ? "the null provider" : request.isInline ? "a session opened inline" : undefined;
  if (what === undefined) return;
  throw new RedlineError("PROVIDER_UNAVAILABLE", {
    what,
    expected: "the native addon",
    received: "the fallback, which runs in another process",
    hint: "see redline doctor for why the addon is not loaded",
  });
}
