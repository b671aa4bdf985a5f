// Owns what the scheduler knows of one session: its rungs, its tolerance, why it is held back, and the word that follows.
// Knows no other session and no clock. Invariant: the word depends on this state alone.

import type { FrozenContract } from "../core/contract.js";
import type { Profile } from "../core/profile.js";
import type { Rung } from "../core/rung.js";
import type { SessionWord } from "../core/session-word.js";
import { FirmWindow } from "./firm-window.js";

/** How a session runs on one rung, and what that costs. */
export interface RungPlan {
  readonly rung: Rung;
  readonly profile: Pick<Profile, "p50Us" | "wcetUs" | "cpuUs" | "energyMj">;
  /** How long a run may be there before it counts as an overrun. Default: its worst time. */
  readonly overrunUs?: number;
  /** The lane of its class on the rung's device. */
  readonly laneId: number;
  readonly memoryBytes: number;
}

/** How long a run on this rung may be there. */
export function overrunUsOf({ overrunUs, profile }: RungPlan): number {
  return overrunUs ?? profile.wcetUs;
}

/** A session as it is given to the scheduler. */
export interface SessionPlan {
  readonly sessionId: number;
  readonly contract: FrozenContract;
  /** Rung 0 first. */
  readonly rungs: readonly RungPlan[];
  /** Its model carries state from frame to frame: none of its jobs is skipped on purpose. */
  readonly isTemporal: boolean;
  /** Its provider cannot stop a run: one that goes on past its deadline is slow, not hung. */
  readonly isUnstoppable?: boolean;
  /** True: it is refused unless everything promised holds. False: best effort, as `background`, without a promise. */
  readonly isPromised: boolean;
}

/** Why a session is held back; several can be at once. */
export const HOLDS = { mode: 1, band: 2, reopening: 4, off: 8, device: 16 } as const;
/** A key of `HOLDS`. */
export type Hold = keyof typeof HOLDS;

/** The scheduler's record of one session. */
export class ScheduledSession {
  readonly firm: FirmWindow;
  /** Jobs in the last control window that were late, too late to start, or found no slot. */
  lateJobs = 0;
  /** Whether its tolerance is spent on purpose now. */
  isShedding = false;
  private holds = 0;
  private credit = 0;
  private lastFrame = Number.NEGATIVE_INFINITY;
  private lastRunFrame = Number.NEGATIVE_INFINITY;

  constructor(readonly plan: SessionPlan) {
    this.firm = new FirmWindow(plan.contract.tolerate);
  }

  hold(hold: Hold, { isHeld }: { readonly isHeld: boolean }): void {
    this.holds = isHeld ? this.holds | HOLDS[hold] : this.holds & ~HOLDS[hold];
  }

  get isHeld(): boolean {
    return this.holds !== 0;
  }

  /** Every reason for which it is held back, none when it runs. */
  get heldBy(): Hold[] {
    return (Object.keys(HOLDS) as Hold[]).filter((hold) => (this.holds & HOLDS[hold]) !== 0);
  }

  /** Off by its own ladder: its silence is no miss. */
  get isOff(): boolean {
    return (this.holds & HOLDS.off) !== 0;
  }

  /** Its class: nothing is promised to a best-effort session, so it stands behind whoever has a promise. */
  get criticality(): FrozenContract["criticality"] {
    return this.plan.isPromised ? this.plan.contract.criticality : "background";
  }

  wordOn({ profile }: RungPlan): SessionWord {
    return {
      criticality: this.criticality,
      isSuspended: this.isHeld,
      isCancelledIfBlocking: !this.plan.isPromised,
      latestStartAllowanceUs: profile.p50Us,
    };
  }

  /** Whether the frame is newer than every one before it: a source that repeats itself is not run twice. */
  isNewer(frame: number): boolean {
    if (frame <= this.lastFrame) return false;
    this.lastFrame = frame;
    return true;
  }

  /** Whether this frame follows the last one that ran; a temporal model starts afresh after a gap. */
  followsLastRun(frame: number): boolean {
    const isConsecutive = frame === this.lastRunFrame + 1;
    this.lastRunFrame = frame;
    return isConsecutive;
  }

  /** At a lower rate, whether this job is one of those that run: evenly spread, the first one included. */
  isDue(rate: number): boolean {
    if (rate >= 1) return true;
    this.credit += rate;
    if (this.credit < 1 - 1e-9) return false;
    this.credit -= 1;
    return true;
  }
}
