// Owns one session's place at the scheduler of a runtime: its rung, its word, what it was asked to be. Knows no rule.
// Invariant: a word that comes before the session is there reaches it when it attaches.

import { AS_PLANNED, type ThreadAsk } from "./core/budget.js";
import { CRITICALITIES } from "./core/contract.js";
import type { Settlement } from "./core/lane.js";
import type { Rung } from "./core/rung.js";
import type { SessionWord } from "./core/session-word.js";
import type { SessionPlan } from "./scheduler/scheduled-session.js";
import type { Dispatch } from "./scheduler/scheduler.js";
import type { ArrivingJob, GovernedSession, SessionPolicy } from "./sessions/session-policy.js";

/** What a seat passes on to the scheduler of its runtime. */
export interface SeatDesk {
  arrive(seat: Seat, job: ArrivingJob): Dispatch;
  foundNoSlot(sessionId: number): void;
  stopAsked(jobId: number): void;
  settled(settlement: Settlement): void;
  leave(sessionId: number): void;
}

/** One session's place at the scheduler. */
export class Seat implements SessionPolicy {
  rung: Rung;
  /** Also once it could not be reopened: nobody tries again. */
  isReopening = false;
  /** The threads it was last asked to have. */
  threadAsk: ThreadAsk = AS_PLANNED;
  /** While it takes them. */
  following: Promise<void> | undefined;
  private session: GovernedSession | undefined;
  private word: SessionWord | undefined;

  constructor(
    private readonly desk: SeatDesk,
    readonly plan: SessionPlan,
  ) {
    this.rung = plan.rungs[0]!.rung;
  }

  get name(): string {
    return this.session?.name ?? "";
  }

  arrive(job: ArrivingJob): Dispatch {
    return this.desk.arrive(this, job);
  }

  foundNoSlot(): void {
    this.desk.foundNoSlot(this.plan.sessionId);
  }

  stopAsked(jobId: number): void {
    this.desk.stopAsked(jobId);
  }

  settled(settlement: Settlement): void {
    this.desk.settled(settlement);
  }

  attach(session: GovernedSession): void {
    this.session = session;
    if (this.word) session.publish(this.word);
  }

  closed(): void {
    this.desk.leave(this.plan.sessionId);
  }

  publish(word: SessionWord): void {
    this.word = word;
    this.session?.publish(word);
  }

  async reopen(): Promise<void> {
    await this.session?.reopen();
  }

  /** Whether it was asked for other threads than are asked for now. */
  isBehind({ threads, spin }: ThreadAsk): boolean {
    return this.session !== undefined && (this.threadAsk.threads !== threads || this.threadAsk.spin !== spin);
  }

  async follow(ask: ThreadAsk): Promise<number> {
    return (await this.session?.follow(ask)) ?? 0;
  }

  /** Higher is less critical. */
  get rank(): number {
    return CRITICALITIES.indexOf(this.plan.isPromised ? this.plan.contract.criticality : "background");
  }

  get openBytes(): number {
    return this.session?.openBytes ?? 0;
  }

  get isGone(): boolean {
    return this.session?.isGone === true;
  }

  release(which: "idle" | "unused"): number {
    return this.session?.release(which) ?? 0;
  }
}
