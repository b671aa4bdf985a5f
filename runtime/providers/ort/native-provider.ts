// Owns the native host's providers: `ort` (ONNX Runtime), `program` (fused ops) and `null` (no model). Knows no policy.
// Invariant: neither open nor submit blocks the event loop; runInline does, by design.

import { isMainThread } from "node:worker_threads";
import type {
  NativeAddon,
  NativeOpenRequest,
  NativeProgram,
  NativeSessionInfo,
  OrtLibrary,
} from "../../bindings/addon.js";
import {
  CANCEL_CODES,
  ORT_API_VERSION,
  SUBMIT_CHECK_OUTPUTS,
  SUBMIT_KEEP_LATE,
} from "../../bindings/addon.js";
import { remedyForLibrary } from "../../bindings/load.js";
import type { Criticality } from "../../core/contract.js";
import { ERROR_TABLE, type ErrorCode, RedlineError } from "../../core/errors.js";
import type { CancelReason, LaneJob, RunningJob, Settlement } from "../../core/lane.js";
import { OUTCOME_CODES } from "../../core/outcome.js";
import { encodeWord, type SessionWord } from "../../core/session-word.js";
import type { TensorSpec } from "../../core/tensor.js";
import type { Program } from "../../programs/program.js";
import type { OpenRequest, Provider, ProviderSession } from "../provider.js";
import type { MemorySharing } from "../slot-memory.js";
import { closeShapes } from "../stated-shapes.js";
import { type NativeEnvironment, nativeEnvironment } from "./native-environment.js";
import { NativeSlot } from "./native-slot.js";

type NativeName = "ort" | "program" | "null";

/** Which of the providers, over which addon. */
export interface NativeProviderOptions {
  readonly name: NativeName;
  readonly addon: NativeAddon;
  /** Where the ONNX Runtime library lies; asked for at the first open of the `ort` provider. */
  readonly ortLibraryPath: () => string;
  readonly sharing: MemorySharing;
}

// A session that was never closed and that nobody can reach any more is closed in the host, which knows it as a number.
const abandoned = new FinalizationRegistry<{ readonly addon: NativeAddon; readonly sessionId: number }>(
  ({ addon, sessionId }) => void addon.closeSession(sessionId),
);

/** Opens graphs in the native host. */
export class NativeProvider implements Provider {
  readonly name: NativeName;
  private readonly environment: NativeEnvironment;
  private readonly sessions = new Set<NativeProviderSession>();
  private library: Promise<OrtLibrary> | undefined;

  constructor(private readonly options: NativeProviderOptions) {
    this.name = options.name;
    this.environment = nativeEnvironment(options.addon);
  }

  nowUs(): number {
    return this.options.addon.nowUs();
  }

  nextJobId(): number {
    return this.environment.nextJobId();
  }

  async open(request: OpenRequest): Promise<ProviderSession> {
    const { addon } = this.options;
    if (this.name === "ort") await this.loadLibrary();
    const info = await asRedlineError(
      addon.openSession(nativeRequest(this.name, { request, addon })),
      request.graph,
    );
    try {
      const session = new NativeProviderSession(this.environment, info, {
        request,
        sharing: this.options.sharing,
        onClosed: () => this.sessions.delete(session),
      });
      this.sessions.add(session);
      return session;
    } catch (error) {
      // The graph is open in the host, but its shapes are not those the manifest states.
      await addon.closeSession(info.sessionId);
      throw error;
    }
  }

  runningJobs(): readonly RunningJob[] {
    return this.environment.runningJobs();
  }

  replaceLane(criticality: Criticality, laneIndex: number): void {
    this.options.addon.replaceLane(criticality, laneIndex);
  }

  async close(): Promise<void> {
    await Promise.all([...this.sessions].map((session) => session.close()));
  }

  /** Loads ONNX Runtime if need be, and answers its version. */
  async libraryVersion(): Promise<string> {
    return (await this.loadLibrary()).version;
  }

  private loadLibrary(): Promise<OrtLibrary> {
    this.library ??= this.options.addon
      .loadOrt(this.options.ortLibraryPath(), ORT_API_VERSION)
      .catch((error: unknown) => {
        throw redlineErrorOf(error, { hint: remedyForLibrary(String(error)) });
      });
    return this.library;
  }
}

class NativeProviderSession implements ProviderSession {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  readonly slots: readonly NativeSlot[];
  readonly sessionId: number;
  private readonly inlineTimes = new Float64Array(3);
  private readonly onSettle: (settlement: Settlement) => void;
  private closing: Promise<void> | undefined;

  constructor(
    private readonly environment: NativeEnvironment,
    info: NativeSessionInfo,
    private readonly options: { request: OpenRequest; sharing: MemorySharing; onClosed: () => void },
  ) {
    const { addon } = environment;
    this.sessionId = info.sessionId;
    abandoned.register(this, { addon, sessionId: info.sessionId }, this);
    this.inputs = closeShapes(info.inputs, options.request.statedShapes);
    this.outputs = closeShapes(info.outputs, options.request.statedShapes);
    this.onSettle = options.request.onSettle;
    const specs = { inputs: this.inputs, outputs: this.outputs, sharing: options.sharing };
    this.slots = Array.from(
      { length: options.request.slots },
      (_, index) => new NativeSlot({ addon, sessionId: info.sessionId }, index, specs),
    );
  }

  submit(job: Omit<LaneJob, "sessionId">): void {
    const { addon } = this.environment;
    this.slots[job.slot]!.bind();
    this.environment.expect(job.jobId, this.onSettle);
    const flags = SUBMIT_CHECK_OUTPUTS | (job.late === "keep" ? SUBMIT_KEEP_LATE : 0);
    addon.submit(this.sessionId, job.slot, job.jobId, job.deadlineUs, job.latestStartUs, flags);
  }

  cancel(jobId: number, reason: CancelReason): void {
    this.environment.addon.cancel(jobId, CANCEL_CODES[reason]);
  }

  publish(word: SessionWord): void {
    this.environment.addon.publish(this.sessionId, encodeWord(word));
  }

  runInline(slot: number): Settlement {
    const { addon } = this.environment;
    this.slots[slot]!.bind();
    const code = addon.runInline(this.sessionId, slot, SUBMIT_CHECK_OUTPUTS, this.inlineTimes);
    const { status, reason } = OUTCOME_CODES[code]!;
    const message = status === "failed" ? addon.takeMessage(-1) : undefined;
    return {
      jobId: -1,
      status,
      reason,
      startedUs: this.inlineTimes[0]!,
      settledUs: this.inlineTimes[1]!,
      cpuUs: this.inlineTimes[2]!,
      ...(message === undefined ? {} : { message }),
    };
  }

  close(): Promise<void> {
    this.closing ??= this.settleAndFree();
    return this.closing;
  }

  private async settleAndFree(): Promise<void> {
    abandoned.unregister(this);
    await this.environment.addon.closeSession(this.sessionId);
    this.options.onClosed();
  }
}

function nativeRequest(
  provider: NativeName,
  { request, addon }: { request: OpenRequest; addon: NativeAddon },
): NativeOpenRequest {
  const { graph, criticality, laneIndex, slots, program } = request;
  const common = { provider, criticality, laneIndex, slots };
  if (program !== undefined) return { ...common, program: nativeProgram(program, addon) };
  return {
    ...common,
    ...(typeof graph === "string" ? { path: graph } : {}),
    ...(graph instanceof Uint8Array ? { bytes: graph, areBytesLasting: isMainThread } : {}),
    ...(request.ort ? { ort: request.ort } : {}),
    ...(request.null ? { null: request.null } : {}),
  };
}

/** A program for the widest instruction set of this processor: the same one each time, so that results repeat to the bit. */
function nativeProgram(program: Program, addon: NativeAddon): NativeProgram {
  const { words, weights, arenaFloats, inputs, outputs } = program;
  const placesOf = (tensors: Program["inputs"]): Int32Array => Int32Array.from(tensors, ({ place }) => place);
  return {
    set: addon.networkSets.length - 1,
    words,
    weights,
    arenaFloats,
    inputs,
    outputs,
    inputPlaces: placesOf(inputs),
    outputPlaces: placesOf(outputs),
  };
}

/** The addon's errors carry a code of our table; anything else is the provider's own failure. */
async function asRedlineError<T>(work: Promise<T>, graph: OpenRequest["graph"]): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw redlineErrorOf(error, typeof graph === "string" ? { path: graph } : {});
  }
}

/** The host's error as one of ours: the same code, its message behind the file it is about. */
function redlineErrorOf(
  error: unknown,
  given: { readonly path?: string; readonly hint?: string },
): RedlineError {
  const { code, message } = error as { code?: string; message: string };
  const known = code !== undefined && code in ERROR_TABLE ? (code as ErrorCode) : "PROVIDER_FAILED";
  const what = given.path === undefined ? message : `${given.path}: ${message}`;
  return new RedlineError(known, {
    what,
    cause: error,
    ...(given.hint === undefined ? {} : { hint: given.hint }),
  });
}
