// Owns the public face of a session: what an opened model under a contract offers. Knows no lane and no file.
// Invariant: `run` rejects for bad input alone; everything else, a closed session included, is an outcome.

import type { FrozenContract } from "../core/contract.js";
import type { OutcomeReason, OutcomeStatus } from "../core/outcome.js";
import type { Rung } from "../core/rung.js";
import type { Tensor, TensorData, TensorSpec } from "../core/tensor.js";
import type { OpenedPlan } from "../plans/open-plan.js";
import type { Manifest } from "../store/manifest.js";
import type { LatencyQuantiles } from "../telemetry/session-counters.js";

/** Inputs by name: bare elements where the model's shape is static, elements with a shape where it is not. */
export type RunInputs = Readonly<Record<string, TensorData | Tensor>>;

/** What a run is told besides its inputs. */
export interface RunOptions {
  /** When the input was captured, on `runtime.clock`; the deadline counts from it. Default: now. */
  readonly capturedUs?: number;
  /**
   * The number of the input among its source's, from 0. Once a newer one has come, an older or repeated one settles
   * `dropped / superseded`. All jobs of a session that give one are of one source. Default: one more than the newest.
   */
  readonly frame?: number;
  /** Stops the job: `cancelled / signal`. */
  readonly signal?: AbortSignal;
}

/** How a job settled. Times are integer microseconds on `runtime.clock`; -1 where there is none. */
export interface Outcome {
  readonly status: OutcomeStatus;
  readonly reason: OutcomeReason;
  readonly jobId: number;
  /** The rung the job ran on, or would have. */
  readonly rung: Rung;
  /**
   * Whether the job before that gave outputs was of the frame before. Where it was not, a model that carries state from
   * frame to frame has missed one: whoever feeds the state back decides whether it starts afresh.
   */
  readonly isConsecutive: boolean;
  readonly capturedUs: number;
  readonly startedUs: number;
  readonly settledUs: number;
  readonly deadlineUs: number;
  /** Settlement minus capture. */
  readonly latencyUs: number;
  /** Processor time of the run; -1 when unknown. */
  readonly cpuUs: number;
  /** The provider's message when `failed / provider`. */
  readonly message: string | undefined;
  /**
   * Outputs by name when `done` or `late`, else empty. Views of the slot's memory: valid until `release()`.
   */
  readonly outputs: Readonly<Record<string, Tensor>>;
  /** Gives the slot back. Idempotent. A session whose slots are all held settles `rejected / no-slot`. */
  release(): void;
}

/**
 * A slot taken before its inputs exist, so that they can be written in place. Run it or release it.
 *
 * @example
 * const slot = session.reserve();
 * if (slot !== null) {
 *   (slot.inputs.image as Float32Array).fill(0.5);
 *   const outcome = await slot.run({ capturedUs: runtime.clock.nowUs() });
 *   outcome.release();
 * }
 */
export interface ReservedSlot {
  /** The rung the session stood on: the slot stays that variant's, also when the session moves meanwhile. */
  readonly rung: Rung;
  /** The slot's own views by input name; a dynamic input has none before `shapeInput`. */
  readonly inputs: Readonly<Record<string, TensorData>>;
  /**
   * Gives a dynamic input its shape and answers its view.
   * @throws RedlineError `INPUT_UNKNOWN` or `INPUT_SHAPE`.
   */
  shapeInput(name: string, shape: readonly number[]): TensorData;
  /**
   * Runs what was written, as `Session.run` does. The slot is the outcome's from then on.
   * @throws RedlineError `INPUT_SLOT` after an earlier run or release, `INPUT_MISSING` or `INPUT_NON_FINITE`.
   */
  run(options?: RunOptions): Promise<Outcome>;
  /** Gives the slot back unused. Without effect once it was run. */
  release(): void;
}

/** Counts and quantiles since the session opened. */
export interface SessionStats {
  readonly session: string;
  readonly model: string;
  readonly variant: string;
  readonly device: string;
  /** Where the session stands on its ladder; index 0 is as planned. */
  readonly rung: Rung;
  readonly threads: number;
  readonly periodMs: number;
  readonly deadlineMs: number;
  readonly criticality: string;
  /** Settled jobs. */
  readonly n: number;
  readonly outcomes: Readonly<Record<OutcomeStatus, number>>;
  /** Capture to settlement of jobs that ran to their end, in microseconds. */
  readonly latencyUs: LatencyQuantiles;
  /** Mean processor time of a run whose processor time is known, in microseconds. */
  readonly cpuUsPerJob: number;
  /** Outcomes that were not `done` and that the caller did not ask for. */
  readonly misses: number;
  readonly kept: boolean;
}

/** What a session is, from its opening to its end. */
export interface SessionIdentity {
  /** Unique in the runtime; the model's name unless `open` was given one. */
  readonly name: string;
  readonly model: string;
  /** Variant and device of the rung it stands on now. */
  readonly variant: string;
  readonly device: string;
  /** Where it stands on its ladder: new jobs run there, jobs under way end where they are. */
  readonly rung: Rung;
  /** Threads of one job, its lane's own included. */
  readonly threads: number;
  /** The model's manifest; null when it was opened by a bare path, from bytes, or without a model. */
  readonly manifest: Manifest | null;
  readonly contract: FrozenContract;
}

/**
 * One opened model bound to a contract, owning preallocated slots.
 *
 * @example
 * const outcome = await session.run({ image }, { capturedUs: runtime.clock.nowUs() });
 * if (outcome.status === "done") console.log(outcome.outputs.drivable?.shape);
 * outcome.release();
 */
export interface Session extends SessionIdentity, AsyncDisposable {
  /** The highest number a frame has had; -1 before the first job. */
  readonly newestFrame: number;
  /** Of the variant that new jobs run on: a move to another rung may change the shapes. */
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  /** Why it runs as it does, what else was considered, and whether its contract is a promise. */
  readonly plan: OpenedPlan;

  /**
   * Copies the inputs into the next free slot and queues the job; on a session opened `inline: "when-short"` whose
   * recent runs were under a millisecond, runs it on the caller's thread instead.
   * @throws RedlineError `INPUT_*` for a wrong name, type, shape or a NaN.
   */
  run(inputs: RunInputs, options?: RunOptions): Promise<Outcome>;

  /** Takes a free slot; null when every slot is held or the session is closed. */
  reserve(): ReservedSlot | null;

  /**
   * Runs on the caller's thread, for jobs under about 100 us.
   * @throws RedlineError `SESSION_NOT_INLINE`, `SESSION_CLOSED`, `SESSION_NO_SLOT` or `INPUT_*`.
   */
  runSync(inputs: RunInputs, options?: Pick<RunOptions, "capturedUs" | "frame">): Outcome;

  /** What has settled since the session opened. */
  stats(): SessionStats;

  /** Settles every job, then frees. Idempotent. */
  close(): Promise<void>;
}
