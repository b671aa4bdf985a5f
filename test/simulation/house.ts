// Owns a simulated machine in virtual time with the production scheduler and lanes in it: one event after another, no promise.
// Knows no invariant. Invariant: everything that happens is written to the log at the instant it happens.

import { CRITICALITIES } from "../../runtime/core/contract.js";
import type { LaneJob, Settlement } from "../../runtime/core/lane.js";
import { type OutcomeReason, type OutcomeStatus, outcomeCode } from "../../runtime/core/outcome.js";
import type { Rng } from "../../runtime/core/rng.js";
import { encodeWord, type SessionWord } from "../../runtime/core/session-word.js";
import { MOVE_CAUSES } from "../../runtime/scheduler/ladder.js";
import { LaneAssignment } from "../../runtime/scheduler/lane-assignment.js";
import type { SessionPlan } from "../../runtime/scheduler/scheduled-session.js";
import type { Scheduler } from "../../runtime/scheduler/scheduler.js";
import { WordedLane } from "../../runtime/scheduler/worded-lane.js";
import type { EventLog } from "./event-log.js";
import type { HouseParts } from "./house-parts.js";
import { REOPEN_US, rulesFor } from "./house-rules.js";
import { type LiveSession, liveSession, planSession, rankOf } from "./live-session.js";
import type { Processor, Run } from "./processor.js";
import { drawCostUs, type Scenario, type SimulatedRung, type SimulatedSession } from "./scenario.js";
import { Timers } from "./timers.js";

/** Resources of the machine, by number. */
export const RESOURCES = ["cpu", "npu"] as const;

interface SimulatedLane {
  readonly id: number;
  readonly rank: number;
  readonly resource: number;
  readonly worded: WordedLane;
  run: Run | undefined;
  isDead: boolean;
  wakeUs: number;
}

interface LiveJob {
  readonly session: LiveSession;
  readonly slot: number;
  readonly rung: SimulatedRung;
  readonly laneId: number;
}

/** The house. */
export class House {
  nowUs = 0;
  readonly lanes: SimulatedLane[] = [];
  readonly sessions: LiveSession[] = [];
  readonly processors: Processor[];
  readonly scheduler: Scheduler;
  readonly timers = new Timers();
  isNpuLost = false;
  /** When the last arrival may come. */
  arrivalsUntilUs = Number.POSITIVE_INFINITY;
  private readonly jobs = new Map<number, LiveJob>();
  private readonly settlements: Settlement[] = [];
  private readonly rungOf = new Map<number, number>();
  private nextJobId = 1;
  private nextOrder = 1;

  constructor(
    readonly scenario: Scenario,
    readonly rng: Rng,
    readonly log: EventLog,
    private readonly parts: HouseParts,
    /** Called whenever time has moved, before anything happens. */
    private readonly onAdvance: (house: House) => void,
  ) {
    const { machine } = scenario;
    const { cores, isPreemptive, contention } = machine;
    const shapes = [
      { cores, isPreemptive, contention },
      { cores: 1, isPreemptive: false, contention: 0 },
    ];
    this.processors = shapes.map((shape, resource) =>
      parts.processor(shape, {
        granted: (run) => log.write("grant", this.nowUs, run.jobId, resource, run.rank, run.laneId),
        revoked: (run) => log.write("revoke", this.nowUs, run.jobId, resource, run.rank, run.laneId),
      }),
    );
    for (const [resource, count] of [cores, 1].entries()) {
      for (let rank = 0; rank < CRITICALITIES.length; rank += 1) {
        for (let index = 0; index < count; index += 1) this.addLane({ rank, resource });
      }
    }
    const rules = rulesFor(machine);
    this.scheduler = parts.scheduler({
      rules,
      ladder: parts.ladder(rules.ladder),
      modeChange: parts.modeChange(rules.mode),
      watch: parts.watch(rules.watch),
      ports: {
        admit: parts.admission(machine),
        publish: (sessionId, word) => this.publish(sessionId, word),
        moved: ({ sessionId, from, to, cause }) => {
          this.rungOf.set(sessionId, to.index);
          log.write("move", this.nowUs, sessionId, from.index, to.index, MOVE_CAUSES.indexOf(cause));
        },
        modeChanged: (mode) => log.write("mode", this.nowUs, mode === "protected" ? 1 : 0),
        replaceLane: (laneId) => this.replaceLane(laneId),
        reopen: (sessionId) =>
          this.timers.set(this.nowUs + REOPEN_US, () => this.scheduler.reopened(sessionId)),
      },
    });
    this.openSessions();
  }

  /** Lets time run. */
  runUntil(untilUs: number): void {
    while (this.log.breach === undefined) {
      const nextUs = this.nextUs();
      if (nextUs > untilUs) break;
      this.advance(Math.max(this.nowUs, nextUs));
      this.happen();
    }
    this.advance(untilUs);
  }

  /** Whose job it is, while it is under way. */
  ownerOf(jobId: number): LiveSession | undefined {
    return this.jobs.get(jobId)?.session;
  }

  /** What runs on a lane is lost; the next job finds a lane that works. */
  replaceLane(laneId: number): void {
    const lane = this.lanes[laneId]!;
    this.log.write("lane", this.nowUs, laneId, 1);
    lane.isDead = false;
    if (lane.run) this.endRun(lane.run, "lost");
  }

  /** Ends a run now, whatever it was doing. */
  endRun(run: Run, kind: Run["end"]): void {
    const lane = this.lanes[run.laneId]!;
    this.processors[lane.resource]!.remove(run);
    lane.run = undefined;
    this.log.write("end", this.nowUs, run.jobId, lane.id, lane.resource, lane.rank);
    lane.worded.runEnded({ kind, endedUs: this.nowUs, cpuUs: -1 });
    lane.wakeUs = this.nowUs;
  }

  private addLane({ rank, resource }: { rank: number; resource: number }): void {
    const id = this.lanes.length;
    const core = this.parts.core({
      start: (job) => this.startRun(lane, job),
      terminate: (job) => this.stopRun(lane, job),
      settle: (settlement) => this.settlements.push(settlement),
    });
    const worded = new WordedLane(core, (settlement) => this.settlements.push(settlement));
    const wakeUs = Number.POSITIVE_INFINITY;
    const lane: SimulatedLane = { id, rank, resource, worded, run: undefined, isDead: false, wakeUs };
    this.lanes.push(lane);
  }

  private openSessions(): void {
    const { cores } = this.scenario.machine;
    const places = [new LaneAssignment(cores), new LaneAssignment(1)];
    for (const drawn of this.scenario.sessions) {
      const plan = planSession(drawn, { isPromised: true, places, cores });
      const admitted = this.scheduler.open(plan).isAdmitted;
      if (admitted) this.moveIn(drawn, plan);
      else if (this.rng.next() < 0.5) {
        const humble = planSession(drawn, { isPromised: false, places, cores });
        if (this.scheduler.open(humble).isAdmitted) this.moveIn(drawn, humble);
      }
    }
  }

  private moveIn(drawn: SimulatedSession, plan: SessionPlan): void {
    const firstUs = this.rng.below(plan.contract.periodUs);
    this.sessions.push(liveSession({ drawn, plan, pool: this.parts.slots(drawn.slots), firstUs }));
    this.rungOf.set(plan.sessionId, 0);
    this.log.write("session", this.nowUs, plan.sessionId, rankOf(plan), plan.isPromised ? 1 : 0, drawn.slots);
  }

  private nextUs(): number {
    let nextUs = Math.min(this.timers.nextUs, this.scheduler.nextWakeUs());
    for (const processor of this.processors) nextUs = Math.min(nextUs, processor.nextEndUs());
    for (const lane of this.lanes) if (lane.wakeUs < nextUs) nextUs = lane.wakeUs;
    for (const session of this.sessions) if (session.nextArrivalUs < nextUs) nextUs = session.nextArrivalUs;
    return nextUs;
  }

  private advance(toUs: number): void {
    this.nowUs = toUs;
    for (const processor of this.processors) processor.advance(toUs);
    this.onAdvance(this);
  }

  /** Everything of this instant, in the fixed order of the lane's replay: ends, timers, arrivals, policy, lanes. */
  private happen(): void {
    for (const processor of this.processors) {
      for (let run = processor.ended(); run; run = processor.ended()) this.endRun(run, run.end);
    }
    this.timers.ring(this.nowUs);
    for (const session of this.sessions) while (session.nextArrivalUs <= this.nowUs) this.arrive(session);
    this.drain();
    if (this.scheduler.nextWakeUs() <= this.nowUs) this.scheduler.tick(this.nowUs);
    this.drain();
    for (const processor of this.processors) processor.assign();
  }

  /** Settlements and lanes until nothing more follows at this instant. */
  private drain(): void {
    for (let isQuiet = false; !isQuiet; ) {
      isQuiet = true;
      for (let next = this.settlements.shift(); next; next = this.settlements.shift()) this.conclude(next);
      for (const lane of this.lanes) {
        if (lane.wakeUs > this.nowUs) continue;
        lane.worded.tick(this.nowUs);
        lane.wakeUs = lane.worded.core.nextWakeUs();
        isQuiet = false;
      }
      if (this.settlements.length > 0) isQuiet = false;
    }
  }

  private arrive(session: LiveSession): void {
    const { drawn, ailments } = session;
    const { contract, sessionId } = drawn;
    session.nextArrivalUs = this.nextArrival(session);
    if (ailments.isSilent) return;
    // A wrong frame repeats the last one, or comes from further back.
    const isWrong = ailments.areFramesWrong && this.rng.next() < 0.3;
    if (!isWrong) session.frame += 1;
    const frame = isWrong ? session.frame - this.rng.below(3) : session.frame;
    const jobId = this.nextJobId++;
    const deadlineUs = this.nowUs + contract.deadlineUs;
    this.log.write("arrive", this.nowUs, jobId, sessionId, deadlineUs, frame);
    const slot = session.pool.take();
    if (slot < 0) {
      this.scheduler.foundNoSlot(sessionId);
      this.settleHere(jobId, { status: "rejected", reason: "no-slot" });
      return;
    }
    const dispatch = this.scheduler.arrive({ jobId, sessionId, frame, deadlineUs });
    if (dispatch.kind === "settled") {
      session.pool.giveBack(slot);
      this.settleHere(jobId, dispatch);
      return;
    }
    this.log.write("slot", this.nowUs, sessionId, slot, 1, jobId);
    this.submit({ session, slot, laneId: dispatch.laneId }, { jobId, deadlineUs });
  }

  private submit(
    { session, slot, laneId }: { session: LiveSession; slot: number; laneId: number },
    { jobId, deadlineUs }: { jobId: number; deadlineUs: number },
  ): void {
    const { drawn } = session;
    const rung = drawn.rungs[this.rungOf.get(drawn.sessionId)!]!;
    this.jobs.set(jobId, { session, slot, rung, laneId });
    const lane = this.lanes[laneId]!;
    const { late } = drawn.contract;
    this.log.write("submit", this.nowUs, jobId, laneId, slot, drawn.sessionId);
    const latestStartUs = Number.MAX_SAFE_INTEGER;
    const job = { jobId, sessionId: drawn.sessionId, slot, deadlineUs, latestStartUs, late };
    lane.worded.submit(job, this.nowUs);
    lane.wakeUs = this.nowUs;
    if (!this.processors[lane.resource]!.shape.isPreemptive) this.makeWay(lane);
    // One caller in twenty-five changes its mind.
    if (this.rng.next() < 0.04) {
      const atUs = this.nowUs + this.rng.below(drawn.contract.deadlineUs / 2);
      this.timers.set(atUs, () => this.cancel(jobId));
    }
  }

  /** Lower classes give up a resource that nobody can take from them. */
  private makeWay(forLane: SimulatedLane): void {
    for (const lane of this.lanes) {
      if (lane.resource === forLane.resource && lane.rank > forLane.rank) lane.worded.makeWay(this.nowUs);
    }
  }

  private cancel(jobId: number): void {
    const job = this.jobs.get(jobId);
    if (!job) return;
    const lane = this.lanes[job.laneId]!;
    this.log.write("cancel", this.nowUs, jobId, lane.run?.jobId === jobId ? 1 : 0);
    lane.worded.cancel(jobId, { reason: "signal", nowUs: this.nowUs });
    lane.wakeUs = this.nowUs;
  }

  private settleHere(jobId: number, how: { status: OutcomeStatus; reason: OutcomeReason }): void {
    this.log.write("settle", this.nowUs, jobId, outcomeCode(how.status, how.reason), -1, this.nowUs);
  }

  private conclude(settlement: Settlement): void {
    const { jobId, status, reason, startedUs, settledUs } = settlement;
    this.log.write("settle", this.nowUs, jobId, outcomeCode(status, reason), startedUs, settledUs);
    const job = this.jobs.get(jobId);
    if (!job) return;
    this.jobs.delete(jobId);
    this.lanes[job.laneId]!.worded.noteSettled(jobId);
    this.scheduler.settled(settlement);
    const { session, slot } = job;
    const giveBack = (): void => {
      this.log.write("slot", this.nowUs, session.drawn.sessionId, slot, 0, jobId);
      session.pool.giveBack(slot);
    };
    const hasResults = status === "done" || status === "late";
    // The caller reads for up to a third of a period.
    if (hasResults)
      this.timers.set(this.nowUs + this.rng.below(session.drawn.contract.periodUs / 3), giveBack);
    else giveBack();
  }

  private startRun(lane: SimulatedLane, { jobId }: LaneJob): void {
    const { session, rung } = this.jobs.get(jobId)!;
    const { ailments } = session;
    let leftUs = drawCostUs(this.rng, rung) * ailments.drift;
    if (ailments.isNextSlow) leftUs = rung.soloWcetUs * (2 + 4 * this.rng.next());
    const isHung = ailments.isNextHung || lane.isDead;
    if (isHung) leftUs = Number.POSITIVE_INFINITY;
    ailments.isNextSlow = false;
    ailments.isNextHung = false;
    const isGone = lane.resource === 1 && this.isNpuLost;
    if (isGone) leftUs = 10;
    this.log.write("start", this.nowUs, jobId, lane.id, lane.resource, lane.rank);
    if (leftUs > rung.soloWcetUs) {
      const costUs = Math.min(leftUs, Number.MAX_SAFE_INTEGER);
      this.log.write("over", this.nowUs, jobId, session.drawn.sessionId, costUs, rung.soloWcetUs);
    }
    const order = this.nextOrder++;
    const end = isGone ? ("failed" as const) : ("completed" as const);
    const run = { jobId, laneId: lane.id, rank: lane.rank, order, leftUs, end, isHung, isGranted: false };
    lane.run = run;
    lane.worded.noteStarted(jobId);
    this.processors[lane.resource]!.add(run);
    this.scheduler.started(jobId, { nowUs: this.nowUs });
  }

  private stopRun(lane: SimulatedLane, { jobId }: LaneJob): void {
    this.scheduler.stopAsked(jobId, { nowUs: this.nowUs });
    const { run } = lane;
    const stopUs = this.jobs.get(jobId)?.session.drawn.stopUs ?? 0;
    if (!run || run.isHung || run.leftUs <= stopUs) return;
    run.leftUs = stopUs;
    run.end = "terminated";
  }

  private nextArrival({ drawn, ailments, nextArrivalUs }: LiveSession): number {
    const { periodUs } = drawn.contract;
    const atUs = Math.max(nextArrivalUs, this.nowUs);
    let gapUs = periodUs;
    if (ailments.isBursting) gapUs = Math.floor(periodUs / 3);
    else if (drawn.shape === "sporadic") gapUs = Math.floor(periodUs * (1 + 0.3 * this.rng.next()));
    const nextUs = atUs + gapUs;
    return nextUs > this.arrivalsUntilUs ? Number.POSITIVE_INFINITY : nextUs;
  }

  private publish(sessionId: number, word: SessionWord): void {
    this.log.write("word", this.nowUs, sessionId, encodeWord(word));
    const session = this.sessions.find(({ plan }) => plan.sessionId === sessionId);
    // While a session is being opened its lanes are those of its plan; the house hears of it after.
    for (const laneId of session?.lanes ?? this.lanes.keys()) {
      const lane = this.lanes[laneId]!;
      lane.worded.publish(sessionId, { word, nowUs: this.nowUs });
      lane.wakeUs = this.nowUs;
    }
  }
}
