// Owns the provider port: a way to open a graph and run jobs on it. Knows no contract policy and no store.
// Invariant: every job submitted to a provider session is settled exactly once through `onSettle`.

import type { NullOptions, OrtOptions } from "../bindings/addon.js";
import type { Criticality } from "../core/contract.js";
import type { CancelReason, LaneJob, RunningJob, Settlement } from "../core/lane.js";
import type { SessionWord } from "../core/session-word.js";
import type { Tensor, TensorData, TensorSpec } from "../core/tensor.js";
import type { Program } from "../programs/program.js";
import type { StatedShapes } from "./stated-shapes.js";

/** The providers there are. */
export type ProviderName = "ort" | "program" | "ort-node" | "null";

/** Whose graph it is, and what its manifest says of it. */
export interface GraphOrigin {
  readonly model: string;
  readonly variant: string;
  readonly sha256: string;
  /** What the model is for, as its manifest has it. */
  readonly task?: string;
  /** The file of golden vectors. */
  readonly golden?: string;
  /** Inputs that always have this value, by name. */
  readonly constants?: Readonly<Record<string, number>>;
  /** Outputs that are the next run's inputs: output by input. */
  readonly feeds?: Readonly<Record<string, string>>;
}

/** Which provider runs a session, and why not the one before it. */
export interface ProviderChoice {
  readonly provider: ProviderName;
  readonly detail: string;
}

/** What to open and how. */
export interface OpenRequest {
  /** A path, the model's bytes, or null for the null provider. */
  readonly graph: string | Uint8Array | null;
  /** Absent for a graph without a manifest. */
  readonly origin?: GraphOrigin;
  readonly criticality: Criticality;
  readonly laneIndex: number;
  readonly slots: number;
  /** Shapes of tensors the model's manifest states, for dimensions the graph leaves open. */
  readonly statedShapes: StatedShapes;
  /** The session must be able to run on the caller's thread; a provider that cannot refuses to open it. */
  readonly isInline: boolean;
  readonly ort?: OrtOptions;
  readonly null?: NullOptions;
  /** The one provider that may open it; default: whichever is best. */
  readonly only?: "ort" | "program";
  /** What the `program` provider is to run. */
  readonly program?: Program;
  /** Told which of several providers opened it. */
  readonly onChosen?: (choice: ProviderChoice) => void;
  /** Called once per submitted job, on the environment that opened the session. */
  readonly onSettle: (settlement: Settlement) => void;
}

/**
 * One set of input and output buffers. `inputs` are the slot's own views, to be written in place; for an input whose
 * shape is not static, or of strings, `shapeInput` makes the view first.
 */
export interface ProviderSlot {
  readonly index: number;
  /** By input name; absent until shaped when the input's shape is dynamic. */
  readonly inputs: Readonly<Record<string, TensorData>>;
  /** Gives a dynamic input its concrete shape and answers its view. Costs nothing when the shape is unchanged. */
  shapeInput(name: string, shape: readonly number[]): TensorData;
  /** Sets the elements of a string input. */
  fillStrings(
    name: string,
    tensor: { readonly data: readonly string[]; readonly shape: readonly number[] },
  ): void;
  /** An output of the last run: a view of the slot for static shapes, a copy for dynamic ones. */
  output(name: string): Tensor;
}

/** One opened graph. */
export interface ProviderSession {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  readonly slots: readonly ProviderSlot[];
  /** The lane-facing handle, process-wide unique within the provider. */
  readonly sessionId: number;
  /** Queues a job; never throws. */
  submit(job: Omit<LaneJob, "sessionId">): void;
  cancel(jobId: number, reason: CancelReason): void;
  /** Takes the scheduler's word: at once, also for jobs that wait. Until the first one a session has its class's plain word. Never throws. */
  publish(word: SessionWord): void;
  /** Runs a slot on the calling thread. Throws `PROVIDER_UNAVAILABLE` where graphs run in another process. */
  runInline(slot: number): Settlement;
  /** Settles every job first, then frees; what a lost run still holds, once that returns. Idempotent. */
  close(): Promise<void>;
}

/** A way to run graphs on this machine. */
export interface Provider {
  readonly name: ProviderName;
  /** Monotonic microseconds on the clock this provider's settlements carry. */
  nowUs(): number;
  /** The next job id, unique in the process. */
  nextJobId(): number;
  open(request: OpenRequest): Promise<ProviderSession>;
  /** What each lane runs at this moment, other environments' jobs on the same lanes included. */
  runningJobs(): readonly RunningJob[];
  /**
   * A lane hangs: the job it runs settles `failed / lost` at once, and what waits goes on on a new thread or process. The slot of
   * the lost job takes no other until its run returns: `rejected / no-slot`. Without a job running there nothing happens.
   */
  replaceLane(criticality: Criticality, laneIndex: number): void;
  /** Closes what is still open and lets go of threads and processes. Idempotent. */
  close(): Promise<void>;
}
