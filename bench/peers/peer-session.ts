// Owns onnxruntime-node behind the session face, so that Redline's own pipelines can run on it unchanged.
// Knows no deadline but to judge by: nothing is dropped or stopped, as onnxruntime-node offers neither.

import { InferenceSession, Tensor as PeerTensor } from "onnxruntime-node";
import { monotonicUs } from "../../runtime/bindings/system-clock.js";
import { type Contract, freezeContract, isKept } from "../../runtime/core/contract.js";
import { type EventSink, eventOf, settlementKind } from "../../runtime/core/events.js";
import { planRung } from "../../runtime/core/rung.js";
import { elementCount, isStaticShape, type Tensor, type TensorSpec } from "../../runtime/core/tensor.js";
import { RedlineError } from "../../runtime/index.js";
import type {
  Outcome,
  ReservedSlot,
  RunInputs,
  RunOptions,
  Session,
} from "../../runtime/sessions/session.js";
import { SessionCounters } from "../../runtime/telemetry/session-counters.js";
import { PEER_OPTIONS } from "./ort-options.js";

type Elements = Float32Array | BigInt64Array;

/** Opens a model of float32 and int64 tensors on tuned onnxruntime-node. */
export async function openPeerSession(given: {
  readonly path: string;
  readonly name: string;
  readonly contract: Contract;
  /** Told of every settlement, as Redline's sessions tell theirs. */
  readonly events: EventSink;
}): Promise<Session> {
  const session = await InferenceSession.create(given.path, PEER_OPTIONS.tuned);
  const { name, contract, events } = given;
  return new PeerSession(session, { name, contract: freezeContract(contract), events });
}

class PeerSession implements Session {
  readonly name: string;
  readonly model = "peer";
  readonly variant = "file";
  readonly device = "cpu";
  readonly rung = planRung(this);
  readonly newestFrame = -1;
  readonly threads = 1;
  readonly manifest = null;
  readonly contract: Session["contract"];
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  readonly plan = {
    promise: "best-effort",
    because: "the peer promises nothing",
    laneClass: "interactive",
    rows: [],
    notes: [],
  } as const;
  readonly #session: InferenceSession;
  readonly #events: EventSink;
  readonly #counters = new SessionCounters();
  #jobs = 0;

  constructor(
    session: InferenceSession,
    given: { readonly name: string; readonly contract: Session["contract"]; readonly events: EventSink },
  ) {
    this.#session = session;
    this.#events = given.events;
    this.name = given.name;
    this.contract = given.contract;
    this.inputs = session.inputMetadata.map(specOf);
    this.outputs = session.outputMetadata.map(specOf);
  }

  run(inputs: RunInputs, options: RunOptions = {}): Promise<Outcome> {
    const feeds = Object.fromEntries(
      this.inputs.map(({ name, shape }) => {
        const given = inputs[name];
        if (given === undefined) throw new RedlineError("INPUT_MISSING", { what: name });
        const tensor = "shape" in given ? given : { data: given, shape: shape as readonly number[] };
        return [name, tensorOf(tensor.data as Elements, tensor.shape)];
      }),
    );
    return this.#settle(feeds, options);
  }

  reserve(): ReservedSlot {
    const inputs: Record<string, Elements> = {};
    const feeds: Record<string, PeerTensor> = {};
    const shapeInput = (name: string, shape: readonly number[]): Elements => {
      const spec = this.inputs.find((input) => input.name === name);
      const count = elementCount(shape);
      const data = spec?.dtype === "int64" ? new BigInt64Array(count) : new Float32Array(count);
      inputs[name] = data;
      feeds[name] = tensorOf(data, shape);
      return data;
    };
    for (const { name, shape } of this.inputs) if (isStaticShape(shape)) shapeInput(name, shape);
    const run = (options = {}): Promise<Outcome> => this.#settle(feeds, options);
    return { rung: this.rung, inputs, shapeInput, run, release: () => {} };
  }

  runSync(): Outcome {
    throw new RedlineError("SESSION_NOT_INLINE", { what: "onnxruntime-node" });
  }

  stats() {
    const { name: session, model, variant, device, rung, threads, contract } = this;
    const { n, outcomes, latencyUs, cpuUsPerJob, misses } = this.#counters;
    const promise = {
      periodMs: contract.periodUs / 1000,
      deadlineMs: contract.deadlineUs / 1000,
      criticality: contract.criticality,
    };
    const kept = isKept(contract, { misses, n });
    return {
      session,
      model,
      variant,
      device,
      rung,
      threads,
      ...promise,
      n,
      outcomes,
      latencyUs,
      cpuUsPerJob,
      misses,
      kept,
    };
  }

  close(): Promise<void> {
    return this.#session.release();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #settle(feeds: Record<string, PeerTensor>, options: RunOptions): Promise<Outcome> {
    const startedUs = monotonicUs();
    const capturedUs = options.capturedUs ?? startedUs;
    const results = await this.#session.run(feeds);
    const settledUs = monotonicUs();
    const deadlineUs = capturedUs + this.contract.deadlineUs;
    const isLate = settledUs > deadlineUs;
    const status = isLate ? "late" : "done";
    const reason = isLate ? "unstoppable" : "ok";
    this.#jobs += 1;
    const facts = {
      jobId: this.#jobs,
      status,
      reason,
      capturedUs,
      startedUs,
      deadlineUs,
      cpuUs: -1,
    } as const;
    const event = eventOf({ kind: settlementKind(status), atUs: settledUs, session: this.name, ...facts });
    this.#counters.count(event);
    this.#events.emit(event);
    const outputs = Object.fromEntries(
      Object.entries(results).map(([name, value]) => [name, plain(value as PeerTensor)]),
    );
    const latencyUs = settledUs - capturedUs;
    const { rung } = this;
    const about = { rung, isConsecutive: true, message: undefined };
    return { ...facts, ...about, settledUs, latencyUs, outputs, release: () => {} };
  }
}

function specOf(meta: InferenceSession.ValueMetadata): TensorSpec {
  if (!meta.isTensor) throw new RedlineError("MODEL_UNSUITABLE", { what: meta.name });
  return { name: meta.name, dtype: meta.type as TensorSpec["dtype"], shape: meta.shape };
}

function tensorOf(data: Elements, shape: readonly number[]): PeerTensor {
  return data instanceof BigInt64Array
    ? new PeerTensor("int64", data, shape)
    : new PeerTensor("float32", data, shape);
}

function plain({ data, dims }: PeerTensor): Tensor {
  return { data: data as Float32Array, shape: dims };
}
