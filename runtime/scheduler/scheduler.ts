// Owns policy over all sessions: who is admitted, held back, skipped or moved, and the word that says so. Knows no model,
// no thread and no clock: whoever drives it says what time it is. Invariant: nothing here waits for a lane, no lane for it.

import { BAND_KEEPS, type PowerPressure } from "../core/budget.js";
import { CRITICALITIES, type Criticality } from "../core/contract.js";
import type { Settlement } from "../core/lane.js";
import { isRequested, type OutcomeReason, type OutcomeStatus } from "../core/outcome.js";
import type { Rung } from "../core/rung.js";
import { isSameWord, type SessionWord } from "../core/session-word.js";
import type { AdmissionAnswer, AdmissionAsk, AdmissionPort } from "./admission-port.js";
import {
  LADDER_RULES,
  Ladder,
  type LadderMove,
  type LadderRules,
  type MoveCause,
  type Pressure,
} from "./ladder.js";
import { LaneWatch, WATCH_RULES, type WatchRules } from "./lane-watch.js";
import { MODE_RULES, type Mode, ModeChange, type ModeRules } from "./mode-change.js";
import { POWER_NEED_RULES, PowerNeed, type PowerNeedRules } from "./power-need.js";
import {
  type Hold,
  overrunUsOf,
  type RungPlan,
  ScheduledSession,
  type SessionPlan,
} from "./scheduled-session.js";

/** The numbers of every policy in one place. */
export interface SchedulerRules {
  /** Between two looks at pressure; the governor publishes no more often. */
  readonly controlUs: number;
  readonly mode: ModeRules;
  readonly ladder: LadderRules;
  readonly watch: WatchRules;
  readonly power: PowerNeedRules;
  /** Devices on which a running job cannot be preempted: waiting there is no overrun. */
  readonly nonPreemptive: ReadonlySet<string>;
}

/** A tenth of a second between looks, as the governor; the other rules where they are made. */
export const SCHEDULER_RULES: SchedulerRules = {
  controlUs: 100_000,
  mode: MODE_RULES,
  ladder: LADDER_RULES,
  watch: WATCH_RULES,
  power: POWER_NEED_RULES,
  nonPreemptive: new Set(["gpu", "npu"]),
};

/** What the scheduler asks of whoever composes it. None of them may call back into it. */
export interface SchedulerPorts {
  readonly admit: AdmissionPort;
  /** The word of a session has changed: for every lane it may use. */
  publish(sessionId: number, word: SessionWord): void;
  /** A session stands on another rung. */
  moved(move: LadderMove): void;
  modeChanged(mode: Mode, at: { readonly nowUs: number }): void;
  /** A lane hangs: what runs on it is lost, and another executor takes its place. */
  replaceLane(laneId: number, at: { readonly nowUs: number }): void;
  /** A session's provider died with a job; `reopened` is called when it is back. */
  reopen(sessionId: number): void;
}

/** What becomes of a job that arrives. */
export type Dispatch =
  | { readonly kind: "run"; readonly laneId: number; readonly isConsecutive: boolean }
  | { readonly kind: "settled"; readonly status: OutcomeStatus; readonly reason: OutcomeReason };

interface ReleasedJob {
  readonly session: ScheduledSession;
  readonly number: number;
  readonly plan: RungPlan;
  readonly deadlineUs: number;
}

/** The policies, in the order they act: watch, mode, ladder, words. */
export class Scheduler {
  protected readonly sessions = new Map<number, ScheduledSession>();
  protected readonly jobs = new Map<number, ReleasedJob>();
  private readonly words = new Map<number, SessionWord>();
  private readonly lostDevices = new Set<string>();
  private readonly power: PowerNeed;
  private memoryShort: string | undefined;
  private overspent: ReadonlyMap<number, string> = new Map();
  private nextControlUs = 0;

  constructor(
    private readonly rules: SchedulerRules,
    private readonly ports: SchedulerPorts,
    private readonly ladder: Ladder = new Ladder(rules.ladder),
    private readonly modeChange: ModeChange = new ModeChange(rules.mode),
    private readonly watch: LaneWatch = new LaneWatch(rules.watch),
  ) {
    this.power = new PowerNeed(rules.power);
  }

  /** Admits a session beside those there are. One that is refused leaves no trace. */
  open(plan: SessionPlan): AdmissionAnswer {
    const others = [...this.sessions.values()].flatMap((session) => asksOf(session.plan));
    const answer = this.ports.admit([...others, ...asksOf(plan)]);
    if (!answer.isAdmitted) return answer;
    const session = new ScheduledSession(plan);
    this.sessions.set(plan.sessionId, session);
    const { sessionId } = plan;
    this.ladder.add({
      sessionId,
      criticality: session.criticality,
      rungs: plan.rungs.map((rung) => costOf(plan, rung)),
    });
    this.publish(session);
    return answer;
  }

  close(sessionId: number): void {
    this.sessions.delete(sessionId);
    this.words.delete(sessionId);
    this.ladder.remove(sessionId);
  }

  /** Jobs the scheduler still waits for; bounded by the slots of all sessions. */
  get jobCount(): number {
    return this.jobs.size;
  }

  get mode(): Mode {
    return this.modeChange.mode;
  }

  /** How a session runs now: the rung it stands on and why it is held back, for its outcomes and for tables. */
  standing(sessionId: number): { readonly rung: Rung; readonly holds: readonly Hold[] } | undefined {
    const session = this.sessions.get(sessionId);
    return session && { rung: this.planOf(session).rung, holds: session.heldBy };
  }

  /** A job has its inputs: it goes to a lane, or is settled here and now. Its rung is the current one unless it says which. */
  arrive(job: {
    jobId: number;
    sessionId: number;
    frame: number;
    deadlineUs: number;
    rung?: number;
  }): Dispatch {
    const session = this.sessions.get(job.sessionId);
    if (session === undefined) return { kind: "settled", status: "rejected", reason: "closed" };
    const standing = this.planOf(session);
    const plan = job.rung === undefined ? standing : session.plan.rungs[job.rung]!;
    if (!session.isNewer(job.frame)) return { kind: "settled", status: "dropped", reason: "superseded" };
    if (session.isOff) return { kind: "settled", status: "rejected", reason: "suspended" };
    const { isTemporal } = session.plan;
    if (!isTemporal && !session.isDue(standing.rung.rate)) {
      return { kind: "settled", status: "dropped", reason: "skipped" };
    }
    const maySkip = session.isShedding && !isTemporal && !session.isHeld && session.firm.maySkip();
    const number = session.firm.release();
    if (maySkip || session.isHeld) {
      session.firm.settle(number, { isMiss: true });
      return maySkip
        ? { kind: "settled", status: "dropped", reason: "skipped" }
        : { kind: "settled", status: "rejected", reason: "suspended" };
    }
    this.jobs.set(job.jobId, { session, number, plan, deadlineUs: job.deadlineUs });
    return { kind: "run", laneId: plan.laneId, isConsecutive: session.followsLastRun(job.frame) };
  }

  /** A job found no slot: it counts as missed, and as a sign of overload. */
  foundNoSlot(sessionId: number): void {
    const session = this.sessions.get(sessionId);
    if (session === undefined) return;
    session.firm.settle(session.firm.release(), { isMiss: true });
    session.lateJobs += 1;
  }

  /** A lane has started a job; answers whether it is one of these sessions'. */
  started(jobId: number, { nowUs }: { readonly nowUs: number }): boolean {
    const job = this.jobs.get(jobId);
    if (job === undefined) return false;
    const { session, plan } = job;
    const isStopped = session.plan.contract.late === "cancel" && session.plan.isUnstoppable !== true;
    this.watch.started(plan.laneId, {
      jobId,
      startedUs: nowUs,
      wcetUs: overrunUsOf(plan) + this.waitingUs(plan.rung.device, session),
      stopUs: isStopped ? job.deadlineUs : Number.POSITIVE_INFINITY,
      isCritical: session.criticality === "critical",
    });
    return true;
  }

  /** A running job was asked to stop from outside. */
  stopAsked(jobId: number, at: { readonly nowUs: number }): void {
    this.watch.stopAsked(jobId, at);
  }

  /** A job that `arrive` sent to a lane has settled there. */
  settled({ jobId, status, reason, settledUs }: Settlement): void {
    const job = this.jobs.get(jobId);
    if (job === undefined) return;
    this.jobs.delete(jobId);
    const { session } = job;
    session.firm.settle(job.number, { isMiss: status !== "done" && !isRequested(reason) });
    if (status === "late" || reason === "stale" || reason === "deadline") session.lateJobs += 1;
    this.watch.ended({ laneId: job.plan.laneId, jobId });
    this.modeChange.ended(jobId, { nowUs: settledUs });
    const isOpen = this.sessions.get(session.plan.sessionId) === session;
    if (reason !== "lost" || !isOpen) return;
    session.hold("reopening", { isHeld: true });
    this.publish(session);
    this.ports.reopen(session.plan.sessionId);
  }

  /** A session's models were let go: it is held back until `reopened`. */
  released(sessionId: number): void {
    const session = this.sessions.get(sessionId);
    session?.hold("reopening", { isHeld: true });
    if (session) this.publish(session);
  }

  /** A session whose provider had died is back. */
  reopened(sessionId: number): void {
    const session = this.sessions.get(sessionId);
    session?.hold("reopening", { isHeld: false });
    if (session) this.publish(session);
  }

  /** The governor has published. */
  takePower(pressure: PowerPressure): void {
    this.power.take(pressure, this.ladder.plannedWatts());
    this.refresh();
  }

  /** The sessions whose jobs take more energy than their contracts allow, each with the figures in words. */
  takeEnergy(overspent: ReadonlyMap<number, string>): void {
    this.overspent = overspent;
  }

  /** A device is gone or back. */
  deviceChanged(device: string, { isLost }: { readonly isLost: boolean }): void {
    if (isLost) this.lostDevices.add(device);
    else this.lostDevices.delete(device);
    this.refresh();
  }

  /** Memory is short, with what is asked for in words, or no longer. */
  memoryChanged(short: string | undefined): void {
    this.memoryShort = short;
  }

  nextWakeUs(): number {
    return Math.min(this.nextControlUs, this.watch.nextWakeUs(), this.modeChange.nextWakeUs());
  }

  tick(nowUs: number): void {
    const before = this.modeChange.mode;
    const { overrun, hung } = this.watch.tick(nowUs);
    for (const jobId of overrun) this.modeChange.overran(jobId, { nowUs });
    this.modeChange.tick(nowUs);
    if (this.modeChange.mode !== before) {
      this.ports.modeChanged(this.modeChange.mode, { nowUs });
      this.refresh();
    }
    for (const laneId of hung) this.ports.replaceLane(laneId, { nowUs });
    if (nowUs < this.nextControlUs) return;
    this.nextControlUs = nowUs + this.rules.controlUs;
    this.control(nowUs);
  }

  private control(nowUs: number): void {
    const planned = this.ladder.plannedWatts();
    const pressures = this.pressures(planned);
    const last = this.power.last;
    const isCalm = this.mode === "normal" && (last === undefined || last.band === "green");
    const move = this.ladder.decide({
      nowUs,
      pressures,
      mayClimb: isCalm,
      hasRoomFor: (extraWatts) => this.power.hasRoomFor(extraWatts, { planned }),
      lostDevices: this.lostDevices,
    });
    for (const session of this.sessions.values()) {
      session.lateJobs = 0;
      session.isShedding = pressures.some(
        ({ cause, payers }) => HELPED_BY_SKIPS.has(cause) && rankOf(session.criticality) >= rankOf(payers),
      );
    }
    if (!move) return;
    const now = this.ladder.plannedWatts();
    this.power.noteMove(planned === "unknown" || now === "unknown" ? "unknown" : now - planned, { nowUs });
    this.ports.moved(move);
    this.refresh();
  }

  private pressures(planned: number | "unknown"): Pressure[] {
    const found: Pressure[] = [];
    for (const device of this.lostDevices) {
      found.push({ cause: "device lost", payers: "critical", device, because: `${device} is gone` });
    }
    const need = this.power.needWatts(planned);
    const last = this.power.last;
    if (last !== undefined && need > 0) {
      const because = `${need.toFixed(2)} W over ${last.budgetWatts.toFixed(2)} W (${last.source})`;
      found.push({ cause: last.band === "green" ? "power" : "thermal", payers: "interactive", because });
    }
    if (this.memoryShort !== undefined) {
      found.push({ cause: "memory", payers: "interactive", because: this.memoryShort });
    }
    for (const session of this.sessions.values()) {
      if (session.lateJobs === 0 || !session.firm.isBroken || !session.plan.isPromised) continue;
      const { misses, outOf } = session.plan.contract.tolerate;
      const because = `session ${session.plan.sessionId}: ${session.lateJobs} late, more than ${misses} of ${outOf} missed`;
      found.push({ cause: "late", payers: session.criticality, because });
    }
    for (const [sessionId, because] of this.overspent) {
      if (this.sessions.has(sessionId))
        found.push({ cause: "energy", payers: "critical", sessionId, because });
    }
    return found;
  }

  /** Brings every hold and word up to date. */
  private refresh(): void {
    const band = this.power.last?.band ?? "green";
    for (const session of this.sessions.values()) {
      const { rung } = this.planOf(session);
      session.hold("mode", { isHeld: this.mode === "protected" && session.criticality !== "critical" });
      session.hold("band", { isHeld: rankOf(session.criticality) > rankOf(BAND_KEEPS[band]) });
      session.hold("off", { isHeld: rung.kind === "off" });
      session.hold("device", { isHeld: this.lostDevices.has(rung.device) });
      this.publish(session);
    }
  }

  private publish(session: ScheduledSession): void {
    const { sessionId } = session.plan;
    const word = session.wordOn(this.planOf(session));
    const last = this.words.get(sessionId);
    if (last !== undefined && isSameWord(last, word)) return;
    this.words.set(sessionId, word);
    this.ports.publish(sessionId, word);
  }

  private planOf(session: ScheduledSession): RungPlan {
    return session.plan.rungs[this.ladder.costOf(session.plan.sessionId).rung.index]!;
  }

  /** How long a run may wait on a device that preempts nobody: one run of each other session that may use it. */
  private waitingUs(device: string, own: ScheduledSession): number {
    if (!this.rules.nonPreemptive.has(device)) return 0;
    let sumUs = 0;
    for (const session of this.sessions.values()) {
      if (session === own) continue;
      const worst = session.plan.rungs.filter(({ rung }) => rung.device === device);
      sumUs += Math.max(0, ...worst.map(({ profile }) => profile.wcetUs));
    }
    return sumUs;
  }
}

/** A job that is left out gives nobody memory or a device back, and makes no other job of its session cheaper. */
const HELPED_BY_SKIPS: ReadonlySet<MoveCause> = new Set(["power", "thermal", "late"]);

/** Asked for on every device it may stand on: when one is lost, the other is already reserved. */
function asksOf({ sessionId, contract, rungs, isPromised }: SessionPlan): AdmissionAsk[] {
  const asks = new Map<string, AdmissionAsk>();
  for (const { rung, profile, laneId } of rungs) {
    const { energyMj } = profile;
    const watts = energyMj === "unknown" ? "unknown" : (energyMj * 1000) / contract.periodUs;
    const soFar = asks.get(rung.device);
    if (rung.kind === "off" || (soFar && soFar.wcetUs >= profile.wcetUs)) continue;
    asks.set(rung.device, {
      sessionId,
      criticality: isPromised ? contract.criticality : "background",
      device: rung.device,
      laneId,
      periodUs: contract.periodUs,
      deadlineUs: contract.deadlineUs,
      wcetUs: profile.wcetUs,
      watts,
      isPromised,
    });
  }
  return [...asks.values()];
}

function costOf({ contract }: SessionPlan, { rung, profile, memoryBytes }: RungPlan) {
  const share = rung.rate / contract.periodUs;
  const watts = profile.energyMj === "unknown" ? ("unknown" as const) : profile.energyMj * 1000 * share;
  return { rung, cpuShare: Math.max(0, profile.cpuUs) * share, watts, memoryBytes };
}

function rankOf(criticality: Criticality): number {
  return CRITICALITIES.indexOf(criticality);
}
