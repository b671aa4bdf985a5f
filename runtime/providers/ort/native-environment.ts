// Owns this JavaScript environment's attachment to the native host: its job ids and its completion ring.
// Knows no session. Invariant: each record of the ring is delivered once, to the handler of its job.

import { isMainThread } from "node:worker_threads";
import { COMPLETION_FIELDS, type NativeAddon, RUNNING_FIELDS } from "../../bindings/addon.js";
import { CRITICALITIES } from "../../core/contract.js";
import type { RunningJob, Settlement } from "../../core/lane.js";
import { OUTCOME_CODES } from "../../core/outcome.js";

// More than the jobs one environment keeps in flight in practice; what does not fit waits in the host.
const RING_RECORDS = 1024;
const FIELDS = COMPLETION_FIELDS.length;
// More lanes than any machine here has cores, for each class.
const MOST_RUNNING = 256;

/** Receives the settlement of one job. */
export type SettleHandler = (settlement: Settlement) => void;

/** The one attachment of an environment. */
export class NativeEnvironment {
  private readonly ring = new Float64Array(
    new SharedArrayBuffer(RING_RECORDS * FIELDS * Float64Array.BYTES_PER_ELEMENT),
  );
  private readonly cursor = new Int32Array(new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT));
  private readonly running = new Float64Array(MOST_RUNNING * RUNNING_FIELDS.length);
  private readonly handlers = new Map<number, SettleHandler>();
  private jobId: number;

  constructor(readonly addon: NativeAddon) {
    this.jobId = addon.attach(this.ring, this.cursor, () => this.drain());
    // The library's statics are destroyed while the process ends, those made last first: a load under way must be over
    // before. A worker that ends takes only its own work with it, and the host sees to that.
    if (isMainThread) process.once("exit", () => addon.quiesce());
  }

  nextJobId(): number {
    this.jobId += 1;
    return this.jobId;
  }

  /** Registers who is told of a job before it is submitted. */
  expect(jobId: number, handler: SettleHandler): void {
    this.handlers.set(jobId, handler);
  }

  /** What the process's lanes run at this moment. */
  runningJobs(): readonly RunningJob[] {
    const records = this.running;
    return Array.from({ length: this.addon.runningJobs(records) }, (_, index) => {
      const at = index * RUNNING_FIELDS.length;
      return {
        jobId: records[at]!,
        startedUs: records[at + 1]!,
        criticality: CRITICALITIES[records[at + 2]!]!,
        laneIndex: records[at + 3]!,
      };
    });
  }

  private drain(): void {
    const written = Atomics.load(this.cursor, 0);
    let read = Atomics.load(this.cursor, 1);
    while (read !== written) {
      const settlement = this.decode(((read >>> 0) % RING_RECORDS) * FIELDS);
      read = (read + 1) | 0;
      Atomics.store(this.cursor, 1, read);
      const handler = this.handlers.get(settlement.jobId);
      this.handlers.delete(settlement.jobId);
      handler?.(settlement);
    }
  }

  private decode(at: number): Settlement {
    const { ring } = this;
    const jobId = ring[at]!;
    const { status, reason } = OUTCOME_CODES[ring[at + 1]!]!;
    const message = ring[at + 5] === 0 ? undefined : this.addon.takeMessage(jobId);
    return {
      jobId,
      status,
      reason,
      startedUs: ring[at + 2]!,
      settledUs: ring[at + 3]!,
      cpuUs: ring[at + 4]!,
      ...(message === undefined ? {} : { message }),
    };
  }
}

const environments = new WeakMap<NativeAddon, NativeEnvironment>();

/** This environment's attachment, made on first use. */
export function nativeEnvironment(addon: NativeAddon): NativeEnvironment {
  let environment = environments.get(addon);
  if (!environment) {
    environment = new NativeEnvironment(addon);
    environments.set(addon, environment);
  }
  return environment;
}
