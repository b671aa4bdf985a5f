// Owns a bare driver of the addon for the native tests: attaches, loads the library, runs jobs, collects records.
// Thinner than the provider on purpose: these tests are about the addon, not about what is built on it.

import {
  COMPLETION_FIELDS,
  type NativeAddon,
  type NativeBinding,
  type NativeOpenRequest,
  ORT_API_VERSION,
} from "../../runtime/bindings/addon.js";
import { findOrtLibrary, loadNative } from "../../runtime/bindings/load.js";
import { OUTCOME_CODES } from "../../runtime/core/outcome.js";
import { type Dtype, elementCount, type TensorData, viewOf } from "../../runtime/core/tensor.js";

const FIELDS = COMPLETION_FIELDS.length;

/** How many times slower than a machine of today the processor is: an emulated one (`npm run test:arm64`), else 1. */
export const PATIENCE = Number(process.env.REDLINE_TEST_PATIENCE ?? 1);

/** The addon; these tests are about nothing else, so without it they fail. */
export function requireAddon(): NativeAddon {
  const native = loadNative();
  if (native.addon === null) throw new Error(`the addon is not built:\n${native.reasons.join("\n")}`);
  return native.addon;
}

export interface Settled {
  readonly jobId: number;
  readonly outcome: string;
  readonly startedUs: number;
  readonly settledUs: number;
  readonly cpuUs: number;
  readonly message: string | undefined;
}

export interface JobTimes {
  /** Both relative to now. Default: a minute. */
  readonly deadlineInUs?: number;
  readonly latestStartInUs?: number;
  readonly flags?: number;
  readonly slot?: number;
}

/** One attachment of this environment; a process has one. */
export class NativeHost {
  readonly addon = requireAddon();
  /** Records in the order they came. */
  readonly settled: Settled[] = [];
  wakes = 0;
  private readonly ring: Float64Array;
  private readonly cursor = new Int32Array(new SharedArrayBuffer(8));
  private readonly waiting = new Map<number, (settled: Settled) => void>();
  private nextId: number;

  constructor(readonly ringRecords = 256) {
    this.ring = new Float64Array(new SharedArrayBuffer(ringRecords * FIELDS * 8));
    this.nextId = this.addon.attach(this.ring, this.cursor, () => this.drain());
  }

  async loadOrt(): Promise<void> {
    await this.addon.loadOrt(findOrtLibrary(), ORT_API_VERSION);
  }

  /** Opens a model's bytes with defaults that a test may override. */
  openModel(bytes: Uint8Array, request: Partial<NativeOpenRequest> = {}) {
    return this.addon.openSession({
      provider: "ort",
      bytes,
      criticality: "interactive",
      laneIndex: 0,
      slots: 1,
      ...request,
    });
  }

  openNull(busyUs: number, request: Partial<NativeOpenRequest> = {}) {
    return this.addon.openSession({
      provider: "null",
      criticality: "interactive",
      laneIndex: 0,
      slots: 1,
      null: { busyUs },
      ...request,
    });
  }

  /** Submits a job; the promise settles with its record. */
  submit(sessionId: number, times: JobTimes = {}): { jobId: number; settled: Promise<Settled> } {
    const jobId = this.nextId++;
    const settled = new Promise<Settled>((resolve) => this.waiting.set(jobId, resolve));
    const nowUs = this.addon.nowUs();
    const deadlineUs = nowUs + (times.deadlineInUs ?? 60_000_000);
    const latestStartUs = nowUs + (times.latestStartInUs ?? 60_000_000);
    this.addon.submit(sessionId, times.slot ?? 0, jobId, deadlineUs, latestStartUs, times.flags ?? 0);
    return { jobId, settled };
  }

  run(sessionId: number, times: JobTimes = {}): Promise<Settled> {
    return this.submit(sessionId, times).settled;
  }

  private drain(): void {
    this.wakes += 1;
    const written = Atomics.load(this.cursor, 0);
    for (let read = Atomics.load(this.cursor, 1); read !== written; read = (read + 1) | 0) {
      const record = this.decode(((read >>> 0) % this.ringRecords) * FIELDS);
      Atomics.store(this.cursor, 1, (read + 1) | 0);
      this.settled.push(record);
      this.waiting.get(record.jobId)?.(record);
      this.waiting.delete(record.jobId);
    }
  }

  private decode(at: number): Settled {
    const jobId = this.ring[at]!;
    const { status, reason } = OUTCOME_CODES[this.ring[at + 1]!]!;
    return {
      jobId,
      outcome: `${status}/${reason}`,
      startedUs: this.ring[at + 2]!,
      settledUs: this.ring[at + 3]!,
      cpuUs: this.ring[at + 4]!,
      message: this.ring[at + 5] === 0 ? undefined : this.addon.takeMessage(jobId),
    };
  }
}

/** A binding whose memory is numbers. */
export interface SharedTensor extends NativeBinding {
  readonly data: Exclude<TensorData, string[]>;
}

/** Shared memory for one tensor, filled with `values`. */
export function shared(
  dtype: Exclude<Dtype, "string">,
  shape: readonly number[],
  values: readonly (number | bigint)[] = [],
): SharedTensor {
  const length = elementCount(shape);
  const data = viewOf(dtype, new SharedArrayBuffer(length * 8), { byteOffset: 0, length });
  for (const [index, value] of values.entries()) (data as Float32Array)[index] = value as number;
  return { dtype, data, shape };
}

/** Waits until a condition holds, looking every millisecond. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1));
}
