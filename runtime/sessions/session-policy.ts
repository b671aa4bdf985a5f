// Owns the port through which a session asks policy about its jobs, and the face it shows to policy. Knows no scheduler
// object. Invariant: every job that `arrive` lets run is told of by `settled` exactly once.

import type { ThreadAsk } from "../core/budget.js";
import type { Settlement } from "../core/lane.js";
import type { Rung } from "../core/rung.js";
import type { SessionWord } from "../core/session-word.js";
import type { Dispatch } from "../scheduler/scheduler.js";

/** A job whose inputs are there. */
export interface ArrivingJob {
  readonly jobId: number;
  /** Rises from job to job; one that does not is not run twice. */
  readonly frame: number;
  readonly deadlineUs: number;
  /** The index of the rung whose slot it lies in: the current one, or an earlier one that was reserved. */
  readonly rung: number;
}

/** Policy over one session. All calls return at once. */
export interface SessionPolicy {
  /** Where new jobs run. */
  readonly rung: Rung;
  /** Whether the job runs, or how it settles here and now. */
  arrive(job: ArrivingJob): Dispatch;
  /** A job found every slot held. */
  foundNoSlot(): void;
  /** A job was asked to stop from outside. */
  stopAsked(jobId: number): void;
  /** A job that was let run has settled. */
  settled(settlement: Settlement): void;
  /** The session takes words from now on. */
  attach(session: GovernedSession): void;
  /** The session has closed. */
  closed(): void;
}

/** A session as policy sees it. */
export interface GovernedSession {
  readonly name: string;
  /** Takes a word for every graph it has open. */
  publish(word: SessionWord): void;
  /** Opens anew what is gone. Rejects with the provider's RedlineError. */
  reopen(): Promise<void>;
  /**
   * Opens anew what has other threads than are asked for; jobs under way end where they are. Answers how many variants that
   * were. Rejects with the provider's RedlineError; what is open then stays.
   */
  follow(ask: ThreadAsk): Promise<number>;
  /** Bytes of the models it has open. */
  readonly openBytes: number;
  /** Whether the variant of its rung is gone: nothing can run before it is opened anew. */
  readonly isGone: boolean;
  /**
   * Lets go of models of which nobody holds a slot, that of its rung only if it is `idle`; answers their bytes. What is let go
   * comes back by `reopen`.
   */
  release(which: "idle" | "unused"): number;
}
