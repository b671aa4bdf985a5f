// Owns the record of one contract in a live run: what its session settled, and the frames that never reached it.
// Knows no pipeline and no clock. Invariant: a frame that was lost on the way counts as dropped, and as missed.

import { isKept } from "./core/contract.js";
import type { SessionIdentity, SessionStats } from "./sessions/session.js";
import type { PacedSource } from "./sources/paced.js";
import { SessionCounters } from "./telemetry/session-counters.js";

/** One contract's record: the session's statistics since the warm-up, and frames that never reached the session. */
export interface ContractRecord extends SessionStats {
  /** Frames overwritten at the source because the one before was not taken in time. Counted as dropped, and missed. */
  readonly skipped: number;
  /** Frames the supervisor refused as late or out of order. Counted as dropped, and missed. */
  readonly refused: number;
  /** Periods without a frame because reading the source took longer than one: the load was lighter than promised. */
  readonly starved: number;
  /** Processor time of the session's runs as a share of one core since the warm-up. */
  readonly cpuShare: number;
  /** The tolerance the verdict was given by. */
  readonly tolerate: { readonly misses: number; readonly outOf: number };
}

/** Counts one contract. Give it the events of its session from the warm-up on. */
export class ContractTally {
  readonly counters = new SessionCounters();
  /** Frames the supervisor refused. */
  refused = 0;
  /** Where the session's frames come from, if they come from a camera. */
  camera: Pick<PacedSource<unknown>, "skipped" | "starved"> | undefined;
  readonly #session: SessionIdentity;

  constructor(session: SessionIdentity) {
    this.#session = session;
  }

  /** The record after `elapsedUs` microseconds. */
  read(elapsedUs: number): ContractRecord {
    const { counters, refused } = this;
    const { skipped = 0, starved = 0 } = this.camera ?? {};
    const { name, model, variant, device, rung, threads, contract } = this.#session;
    const lost = skipped + refused;
    const n = counters.n + lost;
    const misses = counters.misses + lost;
    const { outcomes } = counters;
    return {
      session: name,
      model,
      variant,
      device,
      rung,
      threads,
      periodMs: contract.periodUs / 1000,
      deadlineMs: contract.deadlineUs / 1000,
      criticality: contract.criticality,
      n,
      outcomes: { ...outcomes, dropped: outcomes.dropped + lost },
      latencyUs: counters.latencyUs,
      cpuUsPerJob: Math.round(counters.cpuUsPerJob),
      misses,
      kept: isKept(contract, { misses, n }),
      skipped,
      refused,
      starved,
      cpuShare: (counters.cpuUsPerJob * counters.started) / elapsedUs,
      tolerate: contract.tolerate,
    };
  }
}
