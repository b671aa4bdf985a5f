// Owns when the promises of timing hold: no fault, no overrun, and every promised job from such times behind. Knows the log only.

import { OUTCOME_CODES } from "../../../runtime/core/outcome.js";
import { decodeWord } from "../../../runtime/core/session-word.js";
import type { LogRecord } from "../event-log.js";
import { FAULT_KINDS, type FaultKind } from "../faults.js";

/** Faults that cost time. Sensors, heat and batteries do not: they are no excuse for a late critical job. */
const COSTS_TIME: ReadonlySet<FaultKind> = new Set([
  "slow-run",
  "hung-run",
  "provider-crash",
  "lane-death",
  "device-lost",
  "burst",
  "drift",
]);

/** Follows the log and says whether a job that arrives now is one the promise covers. */
export class Disturbance {
  private readonly active = new Set<string>();
  private readonly promised = new Set<number>();
  private readonly inFlight = new Set<number>();
  private readonly owners = new Map<number, number>();
  private hasBeenIdle = true;

  see({ kind, a, b, c, d }: LogRecord): void {
    if (kind === "session" && c === 1) this.promised.add(a);
    if (kind === "fault") {
      const fault = FAULT_KINDS[a]!;
      if (!COSTS_TIME.has(fault)) return;
      if (b === 1) this.disturb(`${fault} ${d}`);
      else this.active.delete(`${fault} ${d}`);
      this.hasBeenIdle = false;
    }
    if (kind === "over") this.disturb(`run ${a}`);
    if (kind === "mode" && a === 1) this.disturb("mode");
    if (kind === "mode" && a === 0) this.active.delete("mode");
    if (kind === "lane") this.hasBeenIdle = false;
    if (kind === "submit" && this.promised.has(d)) this.inFlight.add(a);
    if (kind === "submit") this.owners.set(a, d);
    if (kind === "word" && !decodeWord(b).isSuspended) this.active.delete(`reopening ${a}`);
    if (kind === "settle") {
      const owner = this.owners.get(a);
      this.owners.delete(a);
      if (OUTCOME_CODES[b]!.reason === "lost") this.disturb(`reopening ${owner}`);
      this.inFlight.delete(a);
      this.active.delete(`run ${a}`);
    }
    if (this.inFlight.size === 0 && this.active.size === 0) this.hasBeenIdle = true;
  }

  /** Whether nothing has gone wrong since the last moment in which no promised job was under way. */
  get isCalm(): boolean {
    return this.hasBeenIdle && this.active.size === 0;
  }

  private disturb(what: string): void {
    this.active.add(what);
    this.hasBeenIdle = false;
  }
}
