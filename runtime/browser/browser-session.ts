// Owns a session in a browser: slots, one run at a time, outcomes by the contract. Knows no model file.
// Invariant: `run` throws for bad input alone; everything else is an outcome, and each job has exactly one.

import type { Clock } from "../core/clock.js";
import { type FrozenContract, isKept } from "../core/contract.js";
import { RedlineError, reasonOf } from "../core/errors.js";
import { type OutcomeReason, type OutcomeStatus, zeroOutcomes } from "../core/outcome.js";
import { planRung, type Rung } from "../core/rung.js";
import {
  DTYPE_BYTES,
  elementCount,
  isStaticShape,
  type Tensor,
  type TensorData,
  type TensorSpec,
  viewOf,
} from "../core/tensor.js";
import {
  checkFinite,
  checkFrame,
  checkInputs,
  checkShape,
  findSpec,
  scanNonFinite,
} from "../sessions/input-check.js";
import type { Outcome, ReservedSlot, RunInputs, RunOptions } from "../sessions/session.js";
import { SettledOutcome } from "../sessions/settled-outcome.js";
import type { Manifest } from "../store/manifest.js";
import type { BrowserGraph, TensorsByName } from "./browser-graph.js";

/** Slots of a session: one that runs, one that is read. */
const SLOTS = 2;

/** What a session is opened with. */
export interface SessionFacts {
  readonly name: string;
  readonly model: string;
  readonly variant: string;
  readonly manifest: Manifest | null;
  readonly contract: FrozenContract;
  readonly clock: Clock;
}

/** Memory of one job. */
class Slot {
  readonly inputs: Record<string, Tensor> = {};
  /** Copies of the last run's outputs. */
  outputs: Record<string, Tensor> = {};

  constructor(specs: readonly TensorSpec[]) {
    for (const spec of specs) if (isStaticShape(spec.shape)) this.shape(spec, spec.shape);
  }

  shape(spec: TensorSpec, shape: readonly number[]): TensorData {
    const held = this.inputs[spec.name];
    const count = elementCount(shape);
    if (held !== undefined && held.data.length === count) {
      this.inputs[spec.name] = { data: held.data, shape };
      return held.data;
    }
    const data =
      spec.dtype === "string"
        ? new Array<string>(count).fill("")
        : viewOf(spec.dtype, new ArrayBuffer(DTYPE_BYTES[spec.dtype] * count), {
            byteOffset: 0,
            length: count,
          });
    this.inputs[spec.name] = { data, shape };
    return data;
  }

  /** Copies outputs into the slot's own memory, which is made once for each size. */
  keep(outputs: TensorsByName): void {
    for (const [name, { data, shape }] of Object.entries(outputs)) {
      const held = this.outputs[name];
      if (held === undefined || held.data.length !== data.length) {
        this.outputs[name] = { data: data.slice() as TensorData, shape };
        continue;
      }
      if (Array.isArray(held.data)) held.data.splice(0, data.length, ...(data as string[]));
      else (held.data as { set(from: unknown): void }).set(data);
      this.outputs[name] = { data: held.data, shape };
    }
  }

  output(name: string): Tensor {
    return this.outputs[name]!;
  }
}

/** Counts since the session opened. */
export interface BrowserSessionStats {
  readonly n: number;
  readonly outcomes: Readonly<Record<OutcomeStatus, number>>;
  readonly kept: boolean;
}

/**
 * One opened model in a browser. Jobs run one after the other on the thread of the page: a browser gives no priorities, and a run
 * that has begun cannot be stopped.
 */
export class BrowserSession implements AsyncDisposable {
  readonly name: string;
  readonly model: string;
  readonly variant: string;
  readonly device: string;
  readonly provider: BrowserGraph["provider"];
  /** What the model runs as, and why not as something better. */
  readonly detail: string;
  readonly manifest: Manifest | null;
  readonly contract: FrozenContract;
  readonly rung: Rung;
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  readonly #graph: BrowserGraph;
  readonly #clock: Clock;
  readonly #free: Slot[];
  readonly #counts = zeroOutcomes();
  #last: Promise<unknown> = Promise.resolve();
  #newestFrame = -1;
  #lastDone = -1;
  #jobs = 0;
  #isOpen = true;

  constructor(graph: BrowserGraph, facts: SessionFacts) {
    this.#graph = graph;
    this.#clock = facts.clock;
    this.name = facts.name;
    this.model = facts.model;
    this.variant = facts.variant;
    this.manifest = facts.manifest;
    this.contract = facts.contract;
    this.device = graph.device;
    this.provider = graph.provider;
    this.detail = graph.detail;
    this.inputs = graph.inputs;
    this.outputs = graph.outputs;
    this.rung = planRung({ variant: facts.variant, device: graph.device });
    this.#free = Array.from({ length: SLOTS }, () => new Slot(graph.inputs));
  }

  /** The highest number a frame has had; -1 before the first job. */
  get newestFrame(): number {
    return this.#newestFrame;
  }

  /**
   * Copies the inputs into the next free slot and runs them in turn.
   * @throws RedlineError `INPUT_*` for a wrong name, type, shape or a NaN.
   */
  async run(inputs: RunInputs, options: RunOptions = {}): Promise<Outcome> {
    const checked = checkInputs(this.inputs, inputs, scanNonFinite);
    checkFrame(options.frame);
    const slot = this.#take();
    for (const { spec, data, shape } of slot === undefined ? [] : checked) {
      const target = slot!.shape(spec, shape);
      if (Array.isArray(target)) target.splice(0, data.length, ...(data as string[]));
      else (target as { set(from: unknown): void }).set(data);
    }
    return this.#submit(slot, options);
  }

  /** Takes a free slot; null when every slot is held or the session is closed. */
  reserve(): ReservedSlot | null {
    const slot = this.#take();
    if (slot === undefined) return null;
    let isHeld = true;
    const views = this.inputs.flatMap(({ name }) => {
      const held = slot.inputs[name];
      return held === undefined ? [] : [[name, held.data] as const];
    });
    return {
      rung: this.rung,
      inputs: Object.fromEntries(views),
      shapeInput: (name, shape) => {
        const spec = findSpec(this.inputs, name);
        checkShape(spec, shape);
        return slot.shape(spec, shape);
      },
      run: async (options = {}) => {
        if (!isHeld) throw new RedlineError("INPUT_SLOT", { what: "the slot of this reservation" });
        checkFrame(options.frame);
        for (const spec of this.inputs) {
          const held = slot.inputs[spec.name];
          if (held !== undefined) checkFinite({ spec, data: held.data }, scanNonFinite);
        }
        isHeld = false;
        return this.#submit(slot, options);
      },
      release: () => {
        if (isHeld) this.#free.push(slot);
        isHeld = false;
      },
    };
  }

  /** What has settled since the session opened. */
  stats(): BrowserSessionStats {
    const n = Object.values(this.#counts).reduce((sum, count) => sum + count, 0);
    const misses = n - this.#counts.done;
    return { n, outcomes: { ...this.#counts }, kept: isKept(this.contract, { misses, n }) };
  }

  /** Lets the job under way end, then frees. Idempotent. */
  async close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    await this.#last;
    await this.#graph.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #take(): Slot | undefined {
    return this.#isOpen ? this.#free.pop() : undefined;
  }

  async #submit(slot: Slot | undefined, options: RunOptions): Promise<Outcome> {
    const capturedUs = options.capturedUs ?? this.#clock.nowUs();
    const frame = options.frame ?? this.#newestFrame + 1;
    const job = { id: this.#jobs, frame, capturedUs, deadlineUs: capturedUs + this.contract.deadlineUs };
    this.#jobs += 1;
    if (slot === undefined)
      return this.#settled(job, { status: "rejected", reason: this.#isOpen ? "no-slot" : "closed" });
    if (frame <= this.#newestFrame)
      return this.#settled(job, { slot, status: "dropped", reason: "superseded" });
    this.#newestFrame = frame;
    const before = this.#last;
    let end = (): void => {};
    this.#last = new Promise<void>((resolve) => {
      end = resolve;
    });
    try {
      await before;
      return await this.#start(job, { slot, signal: options.signal });
    } finally {
      end();
    }
  }

  async #start(
    job: Job,
    { slot, signal }: { readonly slot: Slot; readonly signal: AbortSignal | undefined },
  ): Promise<Outcome> {
    if (!this.#isOpen) return this.#settled(job, { slot, status: "cancelled", reason: "closing" });
    if (signal?.aborted === true) return this.#settled(job, { slot, status: "cancelled", reason: "signal" });
    const startedUs = this.#clock.nowUs();
    const isKept = this.contract.late === "keep";
    if (!isKept && startedUs > job.deadlineUs)
      return this.#settled(job, { slot, status: "dropped", reason: "stale" });
    try {
      const running = this.#graph.run(slot.inputs);
      slot.keep(running instanceof Promise ? await running : running);
    } catch (error) {
      const failure = { slot, startedUs, message: reasonOf(error) };
      return this.#settled(job, { ...failure, status: "failed", reason: "provider" });
    }
    const floats = Object.values(slot.outputs).map(({ data }) => data);
    if (floats.some((data) => data instanceof Float32Array && scanNonFinite(data)))
      return this.#settled(job, { slot, startedUs, status: "failed", reason: "non-finite" });
    return this.#clock.nowUs() <= job.deadlineUs
      ? this.#settled(job, { slot, startedUs, status: "done", reason: "ok" })
      : this.#settled(job, { slot, startedUs, status: "late", reason: isKept ? "kept" : "unstoppable" });
  }

  #settled(job: Job, end: End): Outcome {
    const { slot, status, reason, startedUs = -1, message } = end;
    this.#counts[status] += 1;
    const hasOutputs = status === "done" || status === "late";
    const isConsecutive = job.frame === this.#lastDone + 1;
    if (hasOutputs) this.#lastDone = job.frame;
    if (slot !== undefined && !hasOutputs) this.#free.push(slot);
    const held = { slot: slot!, outputs: this.outputs, giveBack: () => this.#free.push(slot!) };
    return new SettledOutcome(
      {
        status,
        reason,
        jobId: job.id,
        rung: this.rung,
        isConsecutive,
        capturedUs: job.capturedUs,
        startedUs,
        settledUs: this.#clock.nowUs(),
        deadlineUs: job.deadlineUs,
        cpuUs: -1,
        message,
      },
      hasOutputs ? held : undefined,
    );
  }
}

interface Job {
  readonly id: number;
  readonly frame: number;
  readonly capturedUs: number;
  readonly deadlineUs: number;
}

interface End {
  readonly slot?: Slot;
  readonly status: OutcomeStatus;
  readonly reason: OutcomeReason;
  readonly startedUs?: number;
  readonly message?: string;
}
