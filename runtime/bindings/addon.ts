// Owns the TypeScript face of the native addon (native/napi): every function and record it exchanges.
// Knows no policy. Invariant: INTERFACE_VERSION equals the addon's own, or the addon is refused.

import type { Criticality } from "../core/contract.js";
import type { Dtype, TensorData, TensorSpec } from "../core/tensor.js";

/** Raised whenever a function or record below changes shape; native/napi holds the same number. */
export const INTERFACE_VERSION = 7;

/** Raised whenever a line exchanged with the child program changes its meaning; native/child holds the same number. */
export const CHILD_INTERFACE = 1;

/** The API version asked of the ONNX Runtime library; the shipped 1.30 offers it, and the table is append-only. */
export const ORT_API_VERSION = 29;

/** Fields of one completion record, in order; each is one float64. */
export const COMPLETION_FIELDS = [
  "jobId",
  "outcomeCode",
  "startedUs",
  "settledUs",
  "cpuUs",
  "hasMessage",
] as const;

/** Fields of one running job as `runningJobs` writes it, in order; each is one float64. The class is its place in CRITICALITIES. */
export const RUNNING_FIELDS = ["jobId", "startedUs", "criticality", "laneIndex"] as const;

/** Bits of `submit`'s flags. */
export const SUBMIT_KEEP_LATE = 1;
/** Scan float outputs and settle `failed / non-finite` when one holds NaN or infinity. */
export const SUBMIT_CHECK_OUTPUTS = 2;

/** Reasons `cancel` accepts, by number. */
export const CANCEL_CODES = { signal: 0, preempted: 1, closing: 2 } as const;

export interface OrtLibrary {
  /** As the library reports it, for example "1.30.0". */
  readonly version: string;
  /** Whether a copy already loaded in the process was used. */
  readonly isReused: boolean;
  /** Execution providers compiled into the library. */
  readonly providers: readonly string[];
}

/** ONNX Runtime session options the host understands. Everything left out keeps ONNX Runtime's default, except that a session runs on its lane's thread alone. */
export interface OrtOptions {
  /** Threads of one operator, the lane's own included. Default 1: no pool at all. */
  readonly intraOpThreads?: number;
  /** Whether pool threads spin between runs. Default false; only matters with more than one thread. */
  readonly spin?: boolean;
  /** Default `all`. */
  readonly graphOptimization?: "disabled" | "basic" | "extended" | "all";
  readonly cpuMemArena?: boolean;
  readonly memPattern?: boolean;
  /** Concrete sizes for symbolic dimensions, by name. */
  readonly freeDimensions?: Readonly<Record<string, number>>;
  /** ONNX Runtime configuration entries, verbatim, for example `session.set_denormal_as_zero`. */
  readonly configEntries?: Readonly<Record<string, string>>;
  /** Writes the optimised graph here when the session is created. */
  readonly optimizedModelPath?: string;
  /** Writes a profile with this file prefix when the session closes. */
  readonly profilePrefix?: string;
}

/** A run without a model: occupies its thread for a while, then copies nothing. Measures our own overhead and tests lanes. */
export interface NullOptions {
  /** Busy time of each run in microseconds. Default 0. */
  readonly busyUs?: number;
  /** How often a busy run looks at its terminate flag. Default 100. */
  readonly nodeUs?: number;
  /** Every n-th run fails with `failed / provider`. Default 0: never. */
  readonly failEvery?: number;
  /** Inputs and outputs the session pretends to have. Default: `input` and `output`, float32 [1]. */
  readonly inputs?: readonly TensorSpec[];
  readonly outputs?: readonly TensorSpec[];
}

/** A model as a list of ops, see runtime/programs. Words, weights and places are copied before `openSession` returns. */
export interface NativeProgram {
  /** Position in `networkSets`. */
  readonly set: number;
  readonly words: Int32Array;
  readonly weights: Float32Array;
  readonly arenaFloats: number;
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  /** Where each begins in the arena; -1 for an input that nothing reads. */
  readonly inputPlaces: Int32Array;
  readonly outputPlaces: Int32Array;
}

export interface NativeOpenRequest {
  readonly provider: "ort" | "program" | "null";
  /** Exactly one of `path` and `bytes` for `ort`; neither for the others. `bytes` must not change until the open settles. */
  readonly path?: string;
  readonly bytes?: Uint8Array;
  /**
   * This environment lives as long as the process, and `bytes` with it: the host reads them where they are. Default
   * false: it takes a copy on its own thread, since a worker may be terminated while its model loads.
   */
  readonly areBytesLasting?: boolean;
  readonly criticality: Criticality;
  /** Which of the class's lanes runs this session's jobs, from 0. */
  readonly laneIndex: number;
  readonly slots: number;
  readonly ort?: OrtOptions;
  readonly null?: NullOptions;
  /** What a `program` session runs. */
  readonly program?: NativeProgram;
}

export interface NativeSessionInfo {
  readonly sessionId: number;
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
}

/** Memory for one tensor of a slot. Views may lie on a SharedArrayBuffer; the host keeps them alive while bound. */
export interface NativeBinding {
  readonly dtype: Dtype;
  readonly data: TensorData;
  readonly shape: readonly number[];
}

export interface LaneState {
  readonly criticality: Criticality;
  readonly laneIndex: number;
  /** The scheduling the lane's thread really has. */
  readonly regime: "real-time" | "raised" | "normal" | "nice" | "idle";
  /** Processor time of the lane's thread since it started. */
  readonly cpuUs: number;
  readonly queued: number;
  readonly isRunning: boolean;
}

/** Memory that a child process maps too. Copied in and out, so that no view of it can outlive it. */
export interface SharedSlots {
  readonly bytes: number;
  /** To be inherited by the child; -1 on Windows, where `name` takes its place. */
  readonly descriptor: number;
  readonly name: string;
  write(offset: number, bytes: Uint8Array): void;
  read(offset: number, length: number): Uint8Array;
  /** Lets go of it. Idempotent; the memory itself lives until the child has ended too. */
  close(): void;
}

/**
 * The addon. One host per process behind it; each JavaScript environment (main or worker) attaches once and gets
 * its own completion ring. Session and job ids are process-wide. No call but `runInline` blocks on a run.
 *
 * Errors are thrown or rejected as `Error` with a `code` property from the error table.
 */
export interface NativeAddon {
  readonly interfaceVersion: number;
  /** Instruction sets found, for example ["avx2", "avx512", "avx512vnni"]. */
  readonly simd: readonly string[];

  /** Monotonic microseconds, integer: the process-wide clock. */
  nowUs(): number;

  /** Loads the ONNX Runtime library on a thread of its own; later calls answer with the first result. Code PROVIDER_UNAVAILABLE or PROVIDER_VERSION. */
  loadOrt(path: string, apiVersion: number): Promise<OrtLibrary>;

  /**
   * Attaches this environment. `ring` holds capacity x COMPLETION_FIELDS.length float64 in a SharedArrayBuffer,
   * capacity a power of two; `cursor`, an Int32Array on a SharedArrayBuffer too, holds counts that wrap at 2^32:
   * `cursor[0]` is the count of records written (by the host), `cursor[1]` the count read (by JavaScript), both
   * advanced with atomic stores. `wake` is called on this environment's thread after records arrive, coalesced.
   * Returns the first job id of this environment; ids then count up from it. The environment stays alive only
   * while a job or an open is in flight.
   */
  attach(ring: Float64Array, cursor: Int32Array, wake: () => void): number;

  /** Creates a session on a loader thread. Code MODEL_LOAD_FAILED, MODEL_FILE_MISSING or PROVIDER_OPTION. */
  openSession(request: NativeOpenRequest): Promise<NativeSessionInfo>;

  /**
   * Binds a slot's memory, in the order of the session's inputs and outputs. An output of null (or of strings) is
   * allocated by each run and fetched with `takeOutput`. Rebinding costs a few microseconds: only when shapes change.
   */
  bindSlot(
    sessionId: number,
    slot: number,
    inputs: readonly NativeBinding[],
    outputs: readonly (NativeBinding | null)[],
  ): void;

  /** Queues one job on its session's lane; it settles through the ring. A slot runs one job at a time. */
  submit(
    sessionId: number,
    slot: number,
    jobId: number,
    deadlineUs: number,
    latestStartUs: number,
    flags: number,
  ): void;

  /** Stops a queued job now, or asks a running one to stop at its next node. */
  cancel(jobId: number, reason: number): void;

  /** Gives a session its word, as `encodeWord` writes it. Waiting jobs it forbids settle before this returns. */
  publish(sessionId: number, word: number): void;

  /** Writes the jobs that lanes run at this moment, as many as `records` holds, and answers how many it wrote. */
  runningJobs(records: Float64Array): number;

  /** Settles the job that runs on a lane (`failed / lost`) and gives the lane a new thread. Nothing happens when none runs. */
  replaceLane(criticality: Criticality, laneIndex: number): void;

  /** The message of a job settled with `hasMessage`; answers once. */
  takeMessage(jobId: number): string | undefined;

  /** Copies an output of the slot's last run. */
  takeOutput(sessionId: number, slot: number, output: number): NativeBinding;

  /**
   * Runs the slot on the calling thread and answers an outcome code. `times` (length 3) receives startedUs,
   * settledUs, cpuUs; the last is measured on the first and every 16th run of a slot and is -1 otherwise. A message
   * is left under job id -1 when the run failed.
   */
  runInline(sessionId: number, slot: number, flags: number, times: Float64Array): number;

  /**
   * Settles every job of the session (`cancelled / closing`), waits for the running one, then frees it. A run that was given
   * up is not waited for: the session's memory is freed when it returns.
   */
  closeSession(sessionId: number): Promise<void>;

  /** Whether a float32 (or float16, as bits in a Uint16Array) view holds NaN or infinity. */
  hasNonFinite(view: Float32Array | Uint16Array): boolean;

  /**
   * Implementations of the ops, by instruction set, in rising order: `scalar` first. The calls below take the position of one.
   * What they compute is defined in runtime/ops/reference; they check every view and offset again, code OP_ARGUMENT.
   */
  readonly opSets: readonly string[];

  /** `words` is an ImagePlan's block. */
  opImage(
    set: number,
    words: Int32Array,
    source: Uint8Array,
    target: Float32Array | Uint16Array | Uint8Array | Int8Array,
  ): void;

  /** `isLogits` is 0 or 1. */
  opMargins(
    set: number,
    scores: Float32Array,
    margins: Float32Array,
    totals: Float64Array,
    isLogits: number,
  ): void;

  /** `words` is a MaskPlan's block, whose scratch row is written. */
  opMask(set: number, words: Int32Array, margins: Float32Array, mask: Uint8Array): void;

  /** Answers the number of runs, of which those are written that `runs` holds. */
  opRuns(set: number, margins: Float32Array, runs: Float64Array, width: number): number;

  opResample(
    set: number,
    table: Float32Array,
    input: Float32Array,
    output: Float32Array,
    taps: number,
    phases: number,
    up: number,
    down: number,
    start: number,
    fraction: number,
  ): void;

  opLevel(
    set: number,
    samples: Float32Array,
    stats: Float64Array,
    preEmphasis: number,
    previous: number,
    clipsAt: number,
  ): void;

  /** `words` is a SpectrumPlan's block, whose scratch memory is written: one of `planStft`, and one of `planLogMel`. */
  opStft(set: number, words: Int32Array, samples: Float32Array | Int16Array, out: Float32Array): void;
  opLogMel(set: number, words: Int32Array, samples: Float32Array | Int16Array, out: Float32Array): void;

  /** Answers how many samples were held at the limit. */
  opGain(set: number, samples: Float32Array, out: Float32Array, gain: number, limit: number): number;

  /** `words` is a BoxesPlan's block. Answers the number of boxes, of which those are written that `out` holds. */
  opBoxes(
    set: number,
    words: Int32Array,
    scores: Float32Array,
    boxes: Float32Array,
    out: Float32Array,
  ): number;

  /** `isTogether` is 0 or 1; `scratch` is written. Answers the number of rows that stand, at most those `out` holds. */
  opSuppress(
    set: number,
    scratch: Int32Array,
    rows: Float32Array,
    out: Float32Array,
    overlap: number,
    isTogether: number,
  ): number;

  /** `scratch` is a BlurPlan's, and written; `image` is changed in place. */
  opBlur(
    set: number,
    scratch: Int32Array,
    regions: Int32Array,
    image: Uint8Array,
    width: number,
    height: number,
    channels: number,
    strideBytes: number,
    radius: number,
    passes: number,
  ): void;

  /** Implementations of the network ops, by instruction set, in rising order: `scalar` first. */
  readonly networkSets: readonly string[];

  /**
   * Packs the matrices of a list of steps, runs it once over `arena` and forgets it. Every place is held against arena and
   * weights first, code OP_ARGUMENT. What is to run often is opened as a session.
   */
  runNetwork(set: number, words: Int32Array, weights: Float32Array, arena: Float32Array): void;

  /** Every lane that has been created. */
  lanes(): readonly LaneState[];

  /** Which regime each class gets on this machine, found by trying it on a short-lived thread. */
  probeRegimes(): Readonly<Record<Criticality, LaneState["regime"]>>;

  /** Whether critical lanes that start later take real-time priority, where the system permits it. */
  setRealTime(isWanted: boolean): void;

  /**
   * Ends the host's work for good, before the process ends: stops runs and loads and waits until no thread is inside
   * ONNX Runtime, at most some seconds. Jobs submitted later never settle.
   */
  quiesce(): void;

  /**
   * Replays arrivals and orders through the lane's own decision code in virtual time, for the differential test against the
   * TypeScript lane model. Each arrival is 9 float64: arrivalUs, jobId, deadlineUs, latestStartUs, costUs (run time
   * if not stopped), stopUs (time a terminate takes to bite), keepLate (0 or 1), cancelAtUs (-1: never; reason
   * `signal`), sessionId. Each order is 3: atUs, sessionId (-1: the lane is replaced), word. Both are sorted by time. Answers 4
   * float64 per settlement, in order: jobId, outcomeCode, startedUs, settledUs.
   */
  replayLane(arrivals: Float64Array, orders: Float64Array): Float64Array;

  /** Makes memory of zeros to share with a child process. Pages cost nothing until they are written. */
  createShared(bytes: number): SharedSlots;

  /** Resident memory of a process in bytes; -1 when it has ended or may not be looked at. */
  residentBytes(processId: number): number;
}
