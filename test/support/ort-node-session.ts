// Owns a Session straight over onnxruntime-node, for tests of pipelines that need a real model but no lanes.
// Knows no scheduler: every job is run at once, one after the other, and is `late` when it settles past its deadline.

import * as ort from "onnxruntime-node";
import type { Alarm, Clock } from "../../runtime/core/clock.js";
import { type Contract, type FrozenContract, freezeContract, isKept } from "../../runtime/core/contract.js";
import { RedlineError } from "../../runtime/core/errors.js";
import {
  isRequested,
  OUTCOME_STATUSES,
  type OutcomeReason,
  type OutcomeStatus,
} from "../../runtime/core/outcome.js";
import {
  carries,
  type Dtype,
  elementCount,
  isStaticShape,
  type Tensor,
  type TensorData,
  type TensorSpec,
  viewOf,
} from "../../runtime/core/tensor.js";
import type {
  Outcome,
  ReservedSlot,
  RunInputs,
  RunOptions,
  Session,
  SessionStats,
} from "../../runtime/sessions/session.js";
import type { Manifest } from "../../runtime/store/manifest.js";

/** The operating system's monotonic clock. */
export const processClock: Clock = {
  nowUs: () => Number(process.hrtime.bigint() / 1000n),
  setAlarm(atUs, ring): Alarm {
    const timer = setTimeout(ring, Math.max(0, (atUs - processClock.nowUs()) / 1000));
    return { cancel: () => clearTimeout(timer) };
  },
};

export interface OrtNodeSessionOptions {
  /** A model's path or bytes. */
  readonly graph: string | Uint8Array;
  readonly contract?: Contract;
  /** Default 3. */
  readonly slots?: number;
  readonly name?: string;
  /** What a store would say of the model. Default: nothing, as for a bare path. */
  readonly manifest?: Manifest;
  readonly clock?: Clock;
  /** Settles the n-th job (from 0) like this instead of running it, to see what a pipeline makes of it. */
  readonly settleInstead?: (
    job: number,
  ) => { readonly status: OutcomeStatus; readonly reason: OutcomeReason } | undefined;
}

/** Opens a model on one thread, without spinning. */
export async function openOrtNodeSession(options: OrtNodeSessionOptions): Promise<OrtNodeSession> {
  const graph = options.graph;
  const settings: ort.InferenceSession.SessionOptions = {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    extra: { session: { intra_op: { allow_spinning: "0" } } },
    logSeverityLevel: 3,
  };
  const inner =
    typeof graph === "string"
      ? await ort.InferenceSession.create(graph, settings)
      : await ort.InferenceSession.create(graph, settings);
  return new OrtNodeSession(inner, options);
}

interface Slot {
  busy: boolean;
  readonly views: Record<string, TensorData>;
  readonly shapes: Record<string, readonly number[]>;
}

export class OrtNodeSession implements Session {
  readonly name: string;
  readonly model: string;
  readonly variant = "";
  readonly device = "cpu";
  readonly threads = 1;
  readonly manifest: Manifest | null;
  readonly contract: FrozenContract;
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  readonly #inner: ort.InferenceSession;
  readonly #clock: Clock;
  readonly #slots: Slot[];
  readonly #settleInstead: OrtNodeSessionOptions["settleInstead"];
  readonly #counts = Object.fromEntries(OUTCOME_STATUSES.map((status) => [status, 0])) as Record<
    OutcomeStatus,
    number
  >;
  readonly #latenciesUs: number[] = [];
  #misses = 0;
  #jobs = 0;
  #tail: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  constructor(inner: ort.InferenceSession, options: OrtNodeSessionOptions) {
    this.#inner = inner;
    this.#clock = options.clock ?? processClock;
    this.#settleInstead = options.settleInstead;
    this.model = typeof options.graph === "string" ? options.graph : "bytes";
    this.name = options.name ?? this.model;
    this.manifest = options.manifest ?? null;
    this.contract = freezeContract(options.contract ?? { periodMs: 1000, deadlineMs: 60_000, late: "keep" });
    this.inputs = inner.inputMetadata.map(specOf);
    this.outputs = inner.outputMetadata.map(specOf);
    this.#slots = Array.from({ length: options.slots ?? 3 }, () => ({ busy: false, views: {}, shapes: {} }));
    for (const slot of this.#slots) {
      for (const { name, dtype, shape } of this.inputs) {
        if (dtype !== "string" && isStaticShape(shape)) shapeSlot(slot, { name, dtype, shape });
      }
    }
  }

  async run(inputs: RunInputs, options: RunOptions = {}): Promise<Outcome> {
    for (const name of Object.keys(inputs)) {
      if (!this.inputs.some((spec) => spec.name === name))
        throw new RedlineError("INPUT_UNKNOWN", { what: name });
    }
    const slot = this.reserve();
    if (slot === null) return this.#settled({ status: "rejected", reason: "no-slot" }, options, undefined);
    for (const spec of this.inputs) {
      const given = inputs[spec.name];
      if (given === undefined) throw new RedlineError("INPUT_MISSING", { what: spec.name });
      const tensor: Tensor =
        Array.isArray(given) || ArrayBuffer.isView(given)
          ? { data: given as TensorData, shape: concrete(spec) }
          : (given as Tensor);
      if (!carries(spec.dtype, tensor.data)) throw new RedlineError("INPUT_DTYPE", { what: spec.name });
      if (tensor.data.length !== elementCount(tensor.shape))
        throw new RedlineError("INPUT_SHAPE", { what: spec.name });
      const view = slot.shapeInput(spec.name, tensor.shape);
      for (let i = 0; i < view.length; i++) view[i] = tensor.data[i] as never;
    }
    return slot.run(options);
  }

  reserve(): ReservedSlot | null {
    if (this.#isClosed) throw new RedlineError("SESSION_CLOSED", { what: this.name });
    const slot = this.#slots.find((candidate) => !candidate.busy);
    if (slot === undefined) return null;
    slot.busy = true;
    return {
      inputs: slot.views,
      shapeInput: (name, shape) => {
        const spec = this.inputs.find((candidate) => candidate.name === name);
        if (spec === undefined) throw new RedlineError("INPUT_UNKNOWN", { what: name });
        return shapeSlot(slot, { name, dtype: spec.dtype, shape });
      },
      run: (options = {}) => this.#run(slot, options),
      release: () => {
        slot.busy = false;
      },
    };
  }

  runSync(): Outcome {
    throw new RedlineError("SESSION_NOT_INLINE", { what: this.name });
  }

  stats(): SessionStats {
    const sorted = this.#latenciesUs.toSorted((a, b) => a - b);
    const at = (quantile: number): number => sorted[Math.ceil(quantile * sorted.length) - 1] ?? 0;
    const n = Object.values(this.#counts).reduce((sum, count) => sum + count, 0);
    return {
      session: this.name,
      model: this.model,
      variant: this.variant,
      device: this.device,
      threads: this.threads,
      periodMs: this.contract.periodUs / 1000,
      deadlineMs: this.contract.deadlineUs / 1000,
      criticality: this.contract.criticality,
      n,
      outcomes: { ...this.#counts },
      latencyUs: { p50: at(0.5), p90: at(0.9), p99: at(0.99), p999: at(0.999), max: sorted.at(-1) ?? 0 },
      cpuUsPerJob: -1,
      misses: this.#misses,
      kept: isKept(this.contract, { misses: this.#misses, n }),
    };
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#tail;
    await this.#inner.release();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #run(slot: Slot, options: RunOptions): Promise<Outcome> {
    const submitted = { ...options, capturedUs: options.capturedUs ?? this.#clock.nowUs() };
    const job = this.#jobs;
    this.#jobs += 1;
    const outcome = this.#tail.then(() => this.#execute(slot, job, submitted));
    this.#tail = outcome;
    return outcome;
  }

  async #execute(
    slot: Slot,
    job: number,
    options: RunOptions & { readonly capturedUs: number },
  ): Promise<Outcome> {
    const forced = this.#settleInstead?.(job);
    if (forced !== undefined) return this.#settled(forced, options, slot);
    if (options.signal?.aborted === true) {
      return this.#settled({ status: "cancelled", reason: "signal" }, options, slot);
    }
    const feeds: Record<string, ort.Tensor> = {};
    for (const { name, dtype } of this.inputs) {
      feeds[name] = new ort.Tensor(
        dtype as "float32",
        slot.views[name] as Float32Array,
        slot.shapes[name] ?? [],
      );
    }
    const startedUs = this.#clock.nowUs();
    try {
      const results = await this.#inner.run(feeds);
      const outputs: Record<string, Tensor> = {};
      for (const [name, result] of Object.entries(results)) {
        outputs[name] = { data: result.data as TensorData, shape: result.dims };
      }
      const isLate = this.#clock.nowUs() > options.capturedUs + this.contract.deadlineUs;
      const verdict = isLate
        ? ({ status: "late", reason: "unstoppable" } as const)
        : ({ status: "done", reason: "ok" } as const);
      return this.#settled(verdict, options, slot, { startedUs, outputs });
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      return this.#settled({ status: "failed", reason: "provider" }, options, slot, { startedUs, message });
    }
  }

  #settled(
    verdict: { readonly status: OutcomeStatus; readonly reason: OutcomeReason },
    options: RunOptions,
    slot: Slot | undefined,
    run: {
      readonly startedUs?: number;
      readonly outputs?: Record<string, Tensor>;
      readonly message?: string;
    } = {},
  ): Outcome {
    const settledUs = this.#clock.nowUs();
    const capturedUs = options.capturedUs ?? settledUs;
    this.#counts[verdict.status] += 1;
    if (verdict.status !== "done" && !isRequested(verdict.reason)) this.#misses += 1;
    if (run.outputs !== undefined) this.#latenciesUs.push(settledUs - capturedUs);
    return {
      ...verdict,
      jobId: this.#jobs,
      capturedUs,
      startedUs: run.startedUs ?? -1,
      settledUs,
      deadlineUs: capturedUs + this.contract.deadlineUs,
      latencyUs: settledUs - capturedUs,
      cpuUs: -1,
      message: run.message,
      outputs: run.outputs ?? {},
      release: () => {
        if (slot !== undefined) slot.busy = false;
      },
    };
  }
}

function specOf(metadata: ort.InferenceSession.ValueMetadata): TensorSpec {
  if (!metadata.isTensor) throw new Error(`${metadata.name} is not a tensor`);
  return {
    name: metadata.name,
    dtype: metadata.type as Dtype,
    shape: metadata.shape.map((dimension) =>
      typeof dimension === "string" && dimension === "" ? "?" : dimension,
    ),
  };
}

function concrete(spec: TensorSpec): readonly number[] {
  if (isStaticShape(spec.shape)) return spec.shape;
  throw new RedlineError("INPUT_SHAPE", { what: spec.name, hint: "give the shape of a dynamic input" });
}

function shapeSlot(
  slot: Slot,
  { name, dtype, shape }: { name: string; dtype: Dtype; shape: readonly number[] },
): TensorData {
  const view = slot.views[name];
  if (view !== undefined && String(slot.shapes[name]) === String(shape)) return view;
  const length = elementCount(shape);
  const made =
    dtype === "string"
      ? new Array<string>(length).fill("")
      : viewOf(dtype, new ArrayBuffer(length * 8), { byteOffset: 0, length });
  slot.views[name] = made;
  slot.shapes[name] = shape;
  return made;
}
