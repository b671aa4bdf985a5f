// Owns the one scheduler of a runtime: its alarm, the numbers of its lanes, and how its decisions reach sessions and events.
// Knows no model and no thread. Invariant: it keeps no process alive, and looks at nothing while no session is open.

import type { BudgetSource, ThreadAsk } from "./core/budget.js";
import type { Alarm, Clock } from "./core/clock.js";
import { CRITICALITIES, type Criticality } from "./core/contract.js";
import { RedlineError, reasonOf } from "./core/errors.js";
import { type EventSink, eventOf } from "./core/events.js";
import type { Settlement } from "./core/lane.js";
import type { Provider } from "./providers/provider.js";
import type { AdmissionPort } from "./scheduler/admission-port.js";
import { laneEvent, modeEvent, moveEvent } from "./scheduler/policy-event.js";
import { type Hold, overrunUsOf, type SessionPlan } from "./scheduler/scheduled-session.js";
import { type Dispatch, SCHEDULER_RULES, Scheduler, type SchedulerRules } from "./scheduler/scheduler.js";
import { Seat, type SeatDesk } from "./scheduler-seat.js";
import type { ArrivingJob, SessionPolicy } from "./sessions/session-policy.js";

/** What the scheduler of a runtime works with. */
export interface RuntimeSchedulerOptions {
  /** Its alarms must keep no process alive. */
  readonly clock: Clock;
  readonly events: EventSink;
  readonly providers: readonly Pick<Provider, "runningJobs" | "replaceLane">[];
  readonly admit: AdmissionPort;
  /** Bytes the models of all sessions may take. Default: no limit. */
  readonly memoryBytes?: number;
  readonly rules?: SchedulerRules;
}

/**
 * The rules of a running program. A run notices that it has to stop at its next node, and reaches that only when its thread
 * gets a processor: on a busy machine a lower class waits longer than the tenth of a second that a simulated one does, and
 * giving up a run that is merely starved costs a model that must be opened anew.
 */
export const RUNTIME_RULES: SchedulerRules = {
  ...SCHEDULER_RULES,
  watch: { ...SCHEDULER_RULES.watch, graceUs: 1_000_000 },
};

/** More lanes than one class has. */
const LANE_STRIDE = 4096;

/** The number of a lane, as the scheduler knows it. */
export function laneIdOf(criticality: Criticality, laneIndex: number): number {
  return CRITICALITIES.indexOf(criticality) * LANE_STRIDE + laneIndex;
}

/** Why a session is opened anew. */
const LOST = "after its provider lost a job";

/** What runs on a lane, and whose it is. */
interface Run {
  readonly jobId: number;
  /** Lanes are the process's: another runtime's job may run there. */
  readonly isOurs: boolean;
  readonly provider: Pick<Provider, "runningJobs" | "replaceLane">;
}

/** Policy over every session of one runtime. */
export class RuntimeScheduler implements SeatDesk {
  private readonly scheduler: Scheduler;
  private readonly seats = new Map<number, Seat>();
  private readonly runs = new Map<number, Run>();
  /** Critical jobs not yet seen to start, and how long each may run. */
  private readonly awaited = new Map<number, number>();
  /** Critical jobs under way: while there is one, nothing is opened or let go. */
  private readonly critical = new Set<number>();
  private readonly clock: Clock;
  private readonly events: EventSink;
  private budget: BudgetSource | undefined;
  private pressureUs = Number.NEGATIVE_INFINITY;
  private alarm: { readonly atUs: number; readonly alarm: Alarm } | undefined;
  private sessionId = 0;

  constructor(private readonly options: RuntimeSchedulerOptions) {
    this.clock = options.clock;
    this.events = options.events;
    this.scheduler = new Scheduler(options.rules ?? RUNTIME_RULES, {
      admit: options.admit,
      publish: (sessionId, word) => this.seats.get(sessionId)!.publish(word),
      moved: (move) => {
        const seat = this.seats.get(move.sessionId)!;
        seat.rung = move.to;
        this.events.emit(moveEvent(move, seat.name));
      },
      modeChanged: (mode, { nowUs }) => this.events.emit(modeEvent(mode, nowUs)),
      replaceLane: (laneId, { nowUs }) => this.replaceLane(laneId, nowUs),
      reopen: (sessionId) => void this.reopen(this.seats.get(sessionId)!, LOST),
    });
  }

  /** From now on the budget is looked at ten times a second. */
  watchBudget(budget: BudgetSource): void {
    this.budget = budget;
  }

  /**
   * Admits a session beside those there are.
   *
   * @param seated told of the session's number before the analysis is asked about it
   * @throws RedlineError `PLAN_INFEASIBLE` with the arithmetic
   */
  admit(plan: Omit<SessionPlan, "sessionId">, seated: (sessionId: number) => void = () => {}): SessionPolicy {
    this.sessionId += 1;
    const { sessionId } = this;
    seated(sessionId);
    const seat = new Seat(this, { ...plan, sessionId });
    this.seats.set(sessionId, seat);
    const answer = this.scheduler.open(seat.plan);
    if (!answer.isAdmitted) {
      this.seats.delete(sessionId);
      throw new RedlineError("PLAN_INFEASIBLE", { what: answer.reasons.join("; ") });
    }
    this.arm(this.clock.nowUs());
    return seat;
  }

  /** Looks no more. */
  close(): void {
    this.alarm?.alarm.cancel();
    this.alarm = undefined;
  }

  arrive(seat: Seat, job: ArrivingJob): Dispatch {
    const { sessionId, rungs, contract } = seat.plan;
    const { jobId, frame, deadlineUs, rung } = job;
    const dispatch = this.scheduler.arrive({ jobId, sessionId, frame, deadlineUs, rung });
    if (dispatch.kind === "run" && contract.criticality === "critical") {
      this.critical.add(jobId);
      const overrunUs = overrunUsOf(rungs[rung]!);
      if (overrunUs !== Number.POSITIVE_INFINITY) {
        this.awaited.set(jobId, overrunUs);
        this.arm(deadlineUs - contract.deadlineUs + overrunUs + 1);
      }
    }
    return dispatch;
  }

  settled(settlement: Settlement): void {
    this.awaited.delete(settlement.jobId);
    this.critical.delete(settlement.jobId);
    this.scheduler.settled(settlement);
  }

  foundNoSlot(sessionId: number): void {
    this.scheduler.foundNoSlot(sessionId);
  }

  stopAsked(jobId: number): void {
    this.scheduler.stopAsked(jobId, { nowUs: this.clock.nowUs() });
  }

  leave(sessionId: number): void {
    this.scheduler.close(sessionId);
    this.seats.delete(sessionId);
  }

  private ring(): void {
    this.alarm = undefined;
    this.look();
  }

  private look(): void {
    const nowUs = this.clock.nowUs();
    this.noteStarts(nowUs);
    this.takePower();
    this.scheduler.tick(nowUs);
    this.lookAtMemory();
    this.lookAtThreads();
    if (this.seats.size > 0) this.arm(this.scheduler.nextWakeUs());
  }

  /** Models nobody uses are let go while they are too many, and opened anew when their sessions come back. */
  private lookAtMemory(): void {
    const { memoryBytes } = this.options;
    if (memoryBytes === undefined) return;
    const seats = [...this.seats.values()].sort((a, b) => b.rank - a.rank);
    const usedBytes = (): number => seats.reduce((sum, seat) => sum + seat.openBytes, 0);
    const { isQuiet } = this;
    const hasLetGo = isQuiet && usedBytes() > memoryBytes && seats.some((seat) => this.letGo(seat));
    // Nobody moves down for what was just let go.
    const shortBytes = usedBytes();
    this.scheduler.memoryChanged(
      shortBytes > memoryBytes ? `models of ${shortBytes} bytes, ${memoryBytes} are allowed` : undefined,
    );
    if (!isQuiet || hasLetGo) return;
    const isBack = (seat: Seat): boolean =>
      seat.isGone && !seat.isReopening && this.holdsOf(seat).every((hold) => hold === "reopening");
    const back = seats.find(isBack);
    if (!back) return;
    this.scheduler.released(back.plan.sessionId);
    void this.reopen(back, "as it may run again");
  }

  /** Lets go of what a session has open and cannot use now: everything while it is held back, else its other variants. */
  private letGo(seat: Seat): boolean {
    const isHeld = this.holdsOf(seat).some((hold) => hold !== "reopening" && hold !== "mode");
    const bytes = seat.release(isHeld ? "idle" : "unused");
    if (bytes === 0) return false;
    if (seat.isGone) this.scheduler.released(seat.plan.sessionId);
    const detail = `${bytes} bytes, ${isHeld ? "held back" : "not on its rung"}: memory is short`;
    this.events.emit(
      eventOf({ kind: "session.release", atUs: this.clock.nowUs(), session: seat.name, detail }),
    );
    return true;
  }

  /** What costs processor time, and is never done beside a critical job. */
  private get isQuiet(): boolean {
    return this.critical.size === 0 && this.scheduler.mode !== "protected";
  }

  /**
   * Sessions of which nothing was promised take the threads that the budget asks for, one after another. A promise was shown
   * to hold with the threads of its plan, and keeps them.
   */
  private lookAtThreads(): void {
    const ask = this.budget?.ask();
    if (ask === undefined || !this.isQuiet) return;
    const seats = [...this.seats.values()].filter(({ plan }) => !plan.isPromised);
    const behind = seats.find((seat) => seat.isBehind(ask) && !seat.isReopening);
    if (behind && !seats.some(({ following }) => following)) behind.following = this.follow(behind, ask);
  }

  private async follow(seat: Seat, ask: ThreadAsk): Promise<void> {
    // Also where it fails: the same is not tried again before something else is asked.
    seat.threadAsk = ask;
    try {
      if ((await seat.follow(ask)) > 0) this.tellReopened(seat, `opened anew ${threadWords(ask)}`);
    } catch (error) {
      this.tellReopened(seat, `stays as it was, not opened anew ${threadWords(ask)}: ${reasonOf(error)}`);
    }
    seat.following = undefined;
  }

  private holdsOf(seat: Seat): readonly Hold[] {
    return this.scheduler.standing(seat.plan.sessionId)?.holds ?? [];
  }

  private takePower(): void {
    this.takeEnergy();
    const pressure = this.budget?.pressure();
    if (pressure === undefined || pressure.atUs === this.pressureUs) return;
    this.pressureUs = pressure.atUs;
    this.scheduler.takePower(pressure);
  }

  /** The budget knows sessions by their names. */
  private takeEnergy(): void {
    const overspent = this.budget?.overspent();
    if (overspent === undefined) return;
    const found = new Map<number, string>();
    for (const [sessionId, { name }] of this.seats) {
      const because = overspent.get(name);
      if (because !== undefined) found.set(sessionId, because);
    }
    this.scheduler.takeEnergy(found);
  }

  /** Lanes do not tell of starts: what they run is looked at, at the latest when a critical job may be overrunning. */
  private noteStarts(nowUs: number): void {
    for (const provider of this.options.providers) {
      for (const { jobId, startedUs, criticality, laneIndex } of provider.runningJobs()) {
        const laneId = laneIdOf(criticality, laneIndex);
        if (this.runs.get(laneId)?.jobId === jobId) continue;
        this.awaited.delete(jobId);
        const isOurs = this.scheduler.started(jobId, { nowUs: startedUs });
        this.runs.set(laneId, { jobId, provider, isOurs });
      }
    }
    for (const overrunUs of this.awaited.values()) this.arm(nowUs + overrunUs + 1);
  }

  private replaceLane(laneId: number, atUs: number): void {
    const criticality = CRITICALITIES[Math.floor(laneId / LANE_STRIDE)]!;
    const laneIndex = laneId % LANE_STRIDE;
    const run = this.runs.get(laneId);
    // What was seen last may have ended meanwhile, and another job may run in its place.
    const isThere = run?.isOurs && run.provider.runningJobs().some(({ jobId }) => jobId === run.jobId);
    if (!run || !isThere) return;
    this.events.emit(laneEvent({ criticality, laneIndex, atUs }));
    run.provider.replaceLane(criticality, laneIndex);
  }

  private async reopen(seat: Seat, why: string): Promise<void> {
    if (seat.isReopening) return;
    seat.isReopening = true;
    await seat.following;
    try {
      await seat.reopen();
      seat.isReopening = false;
      this.tellReopened(seat, `opened anew ${why}`);
      this.scheduler.reopened(seat.plan.sessionId);
    } catch (error) {
      this.tellReopened(seat, `stays suspended, not opened anew ${why}: ${reasonOf(error)}`);
    }
  }

  private tellReopened({ name }: Seat, detail: string): void {
    this.events.emit(eventOf({ kind: "session.reopen", atUs: this.clock.nowUs(), session: name, detail }));
  }

  /** Looks at or after `atUs`, or sooner. */
  private arm(atUs: number): void {
    if (this.alarm && this.alarm.atUs <= atUs) return;
    this.alarm?.alarm.cancel();
    // A timer is a root: through it a runtime that was dropped without being closed would never be collected.
    const self = new WeakRef(this);
    this.alarm = { atUs, alarm: this.clock.setAlarm(atUs, () => self.deref()?.ring()) };
  }
}

function threadWords({ threads, spin }: ThreadAsk): string {
  if (threads === "one") return "with one thread, as the power budget asks";
  return spin === "never" ? "with threads that do not spin, as the power budget asks" : "as planned";
}
