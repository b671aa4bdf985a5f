// Owns a session whose runtime lives in another thread: checks nothing, copies inputs across and reads results where they lie.
// Knows no provider. Invariant: an outcome's outputs stay valid until it is released, as those of any session.

import type { FrozenContract } from "../core/contract.js";
import { RedlineError } from "../core/errors.js";
import type { Rung } from "../core/rung.js";
import type { Tensor, TensorData, TensorSpec } from "../core/tensor.js";
import type { OpenedPlan } from "../plans/open-plan.js";
import { SlotMemory } from "../providers/slot-memory.js";
import { checkShape, findSpec } from "../sessions/input-check.js";
import type {
  Outcome,
  ReservedSlot,
  RunInputs,
  RunOptions,
  Session,
  SessionStats,
} from "../sessions/session.js";
import type { Manifest } from "../store/manifest.js";
import type { HostLink } from "./host-link.js";
import type { OutcomeFacts, SessionFace } from "./messages.js";

/** What a hosted session needs of the runtime it belongs to. */
export interface HostedSessionPorts {
  readonly link: HostLink;
  nowUs(): number;
  /** The session's statistics as last heard of. */
  stats(name: string): SessionStats;
}

/** A session of a hosted runtime. */
export class HostedSession implements Session {
  readonly name: string;
  readonly model: string;
  readonly manifest: Manifest | null;
  readonly contract: FrozenContract;
  newestFrame = -1;
  /** Those of the rung it was opened on. */
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  readonly plan: OpenedPlan;
  /** Memory that both threads see, written by whoever reserved it; made at the first reserve of each. */
  private readonly reserves: (SlotMemory | undefined)[];
  private readonly free: number[];
  private held = 0;
  private closing: Promise<void> | undefined;

  constructor(
    private readonly face: SessionFace,
    private readonly ports: HostedSessionPorts,
  ) {
    this.name = face.name;
    this.model = face.model;
    this.manifest = face.manifest;
    this.contract = face.contract;
    this.inputs = face.inputs;
    this.outputs = face.outputs;
    this.plan = face.plan;
    this.reserves = new Array(face.slots).fill(undefined);
    this.free = Array.from({ length: face.slots }, (_, index) => index).reverse();
  }

  /** As last heard of: at its open, then four times a second. */
  get rung(): Rung {
    return this.ports.stats(this.name).rung;
  }

  get variant(): string {
    return this.rung.variant;
  }

  get device(): string {
    return this.rung.device;
  }

  get threads(): number {
    return this.ports.stats(this.name).threads;
  }

  async run(inputs: RunInputs, options: RunOptions = {}): Promise<Outcome> {
    this.held += 1;
    return this.launch(copyOf(inputs), options, () => {
      this.held -= 1;
    });
  }

  reserve(): ReservedSlot | null {
    if (this.closing !== undefined || this.held >= this.face.slots) return null;
    const index = this.free.pop();
    if (index === undefined) return null;
    const { inputs: specs } = this;
    // Outputs lie in the host's own slots: here only what is written has a place.
    this.reserves[index] ??= new SlotMemory({ inputs: specs, outputs: [] }, "shared");
    const memory = this.reserves[index];
    this.held += 1;
    let isReserved = true;
    const giveBack = (): void => {
      this.held -= 1;
      this.free.push(index);
    };
    const spend = (): void => {
      if (!isReserved) {
        const hint = "reserve() takes another one";
        throw new RedlineError("INPUT_SLOT", { what: `slot ${index} of ${this.name}`, hint });
      }
      isReserved = false;
    };
    return {
      rung: this.rung,
      inputs: memory.views,
      shapeInput: (name, shape): TensorData => {
        checkShape(findSpec(specs, name), shape);
        const tensor = memory.input(name);
        memory.shape(tensor, shape);
        return tensor.data!;
      },
      run: async (options = {}) => {
        const inputs = memory.filledInputs();
        spend();
        const given = Object.fromEntries(inputs.map(({ spec, data, shape }) => [spec.name, { data, shape }]));
        return this.launch({ inputs: given, transfer: [] }, options, giveBack);
      },
      release: () => {
        if (isReserved) giveBack();
        isReserved = false;
      },
    };
  }

  runSync(): Outcome {
    throw new RedlineError("SESSION_NOT_INLINE", {
      what: this.name,
      received: "a session of a hosted runtime, whose jobs never run on this thread",
      hint: "use run(), or open it on a runtime that is not hosted",
    });
  }

  stats(): SessionStats {
    return this.ports.stats(this.name);
  }

  close(): Promise<void> {
    this.closing ??= this.ports.link.ask<void>({ ask: "close-session", session: this.name }).answered;
    return this.closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  private async launch(
    { inputs, transfer }: CrossingInputs,
    options: RunOptions,
    giveBack: () => void,
  ): Promise<Outcome> {
    const { link } = this.ports;
    // The capture time is taken here: the way to the other thread is part of the latency.
    const capturedUs = options.capturedUs ?? this.ports.nowUs();
    const { frame } = options;
    if (frame === undefined) this.newestFrame += 1;
    else if (frame > this.newestFrame) this.newestFrame = frame;
    const { id, answered } = link.ask<OutcomeFacts>(
      { ask: "run", session: this.name, inputs, capturedUs, frame },
      transfer,
    );
    const stop = (): void => link.tell({ ask: "stop", question: id });
    options.signal?.addEventListener("abort", stop, { once: true });
    if (options.signal?.aborted === true) stop();
    try {
      return new HostedOutcome(await answered, () => {
        giveBack();
        link.tell({ ask: "release", outcome: id });
      });
    } catch (error) {
      giveBack();
      return this.lostOutcome(error, capturedUs);
    } finally {
      options.signal?.removeEventListener("abort", stop);
    }
  }

  /** With the thread gone a job still settles; bad input still throws. */
  private lostOutcome(error: unknown, capturedUs: number): Outcome {
    const code = error instanceof RedlineError ? error.code : undefined;
    const isClosed = this.closing !== undefined || code === "RUNTIME_CLOSED";
    if (code !== "PROVIDER_LOST" && code !== "RUNTIME_CLOSED") throw error;
    const facts: OutcomeFacts = {
      status: isClosed ? "rejected" : "failed",
      reason: isClosed ? "closed" : "lost",
      jobId: -1,
      rung: this.rung,
      isConsecutive: false,
      capturedUs,
      startedUs: -1,
      settledUs: this.ports.nowUs(),
      deadlineUs: capturedUs + this.contract.deadlineUs,
      cpuUs: -1,
      message: undefined,
      outputs: {},
    };
    return new HostedOutcome(facts, () => {});
  }
}

/** Inputs as they cross: plain copies, given away, or memory that both threads see. */
interface CrossingInputs {
  readonly inputs: RunInputs;
  readonly transfer: readonly ArrayBuffer[];
}

/** Copies what a caller may write again while the message is on its way; a view's copy holds the view, not its buffer. */
function copyOf(inputs: RunInputs): CrossingInputs {
  const transfer: ArrayBuffer[] = [];
  const copied: Record<string, TensorData | Tensor> = {};
  const copy = (data: TensorData): TensorData => {
    if (!ArrayBuffer.isView(data)) return data;
    const own = data.slice();
    transfer.push(own.buffer as ArrayBuffer);
    return own;
  };
  for (const [name, given] of Object.entries(inputs)) {
    const isTensor = typeof given === "object" && given !== null && "shape" in given;
    copied[name] = isTensor ? { data: copy(given.data), shape: given.shape } : copy(given as TensorData);
  }
  return { inputs: copied, transfer };
}

/** How a job settled in the other thread; its outputs are views of the host's slot. */
class HostedOutcome implements Outcome {
  readonly status: Outcome["status"];
  readonly reason: Outcome["reason"];
  readonly jobId: number;
  readonly rung: Rung;
  readonly isConsecutive: boolean;
  readonly capturedUs: number;
  readonly startedUs: number;
  readonly settledUs: number;
  readonly deadlineUs: number;
  readonly cpuUs: number;
  readonly message: string | undefined;
  readonly outputs: Readonly<Record<string, Tensor>>;
  private letGo: (() => void) | undefined;

  constructor(facts: OutcomeFacts, letGo: () => void) {
    this.status = facts.status;
    this.reason = facts.reason;
    this.jobId = facts.jobId;
    this.rung = facts.rung;
    this.isConsecutive = facts.isConsecutive;
    this.capturedUs = facts.capturedUs;
    this.startedUs = facts.startedUs;
    this.settledUs = facts.settledUs;
    this.deadlineUs = facts.deadlineUs;
    this.cpuUs = facts.cpuUs;
    this.message = facts.message;
    this.outputs = facts.outputs;
    const hasResults = facts.status === "done" || facts.status === "late";
    if (hasResults) this.letGo = letGo;
    else letGo();
  }

  get latencyUs(): number {
    return this.settledUs - this.capturedUs;
  }

  release(): void {
    this.letGo?.();
    this.letGo = undefined;
  }
}
