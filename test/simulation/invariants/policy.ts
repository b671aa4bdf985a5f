// Owns the laws about rungs, recovery and power. Knows the log, what a seed draws and the stated bounds.

import { decodeWord } from "../../../runtime/core/session-word.js";
import { MOVE_CAUSES } from "../../../runtime/scheduler/ladder.js";
import type { SchedulerRules } from "../../../runtime/scheduler/scheduler.js";
import type { Invariant } from "../event-log.js";
import { FAULT_KINDS } from "../faults.js";
import type { Scenario, SimulatedSession } from "../scenario.js";

interface Standing {
  rung: number;
  climbedUs: number;
  calmUs: number;
}

/** Whether a rung may be passed over: its device is gone, or it costs more than the upper end of the step. */
function isPassable(
  at: number,
  { drawn, upper, isNpuLost }: { drawn: SimulatedSession; upper: number; isNpuLost: boolean },
): boolean {
  const costOf = (index: number): number => drawn.rungs[index]!.energyMj * drawn.rungs[index]!.rung.rate;
  return (isNpuLost && drawn.rungs[at]!.rung.device === "npu") || costOf(at) > costOf(upper);
}

/** 6. */
export function steadyLadder(
  { sessions, machine }: Scenario,
  { ladder }: Pick<SchedulerRules, "ladder">,
): Invariant {
  const lostNpus = new Set<number>();
  const standings = new Map<number, Standing>();
  let movedUs = Number.NEGATIVE_INFINITY;
  let downUs = Number.NEGATIVE_INFINITY;
  const self: Invariant = {
    number: 6,
    law: "the ladder moves at most one rung per window and never oscillates inside its hysteresis",
    judged: 0,
    see({ kind, atUs, a, b, c, d }) {
      if (kind === "session") {
        standings.set(a, { rung: 0, climbedUs: Number.NEGATIVE_INFINITY, calmUs: ladder.calmUs });
      }
      if (kind === "fault" && FAULT_KINDS[a] === "device-lost" && machine.hasNpu) {
        if (b === 1) lostNpus.add(d);
        else lostNpus.delete(d);
      }
      if (kind !== "move") return undefined;
      self.judged += 1;
      const standing = standings.get(a)!;
      const isUp = c < b;
      const sinceMoveUs = atUs - movedUs;
      movedUs = atUs;
      const upper = Math.min(b, c);
      const drawn = sessions.find(({ sessionId }) => sessionId === a)!;
      for (let at = upper + 1; at < Math.max(b, c); at += 1) {
        if (isPassable(at, { drawn, upper, isNpuLost: lostNpus.size > 0 })) continue;
        return `session ${a} goes from rung ${b} to ${c} at once`;
      }
      if (b !== standing.rung || b === c)
        return `session ${a} goes from rung ${b} and stood on ${standing.rung}`;
      standing.rung = c;
      if (sinceMoveUs < ladder.windowUs) return `session ${a} moves ${sinceMoveUs} us after the last move`;
      if (isUp !== (MOVE_CAUSES[d] === "calm"))
        return `session ${a} goes ${isUp ? "up" : "down"} because of ${MOVE_CAUSES[d]}`;
      if (!isUp) {
        // A climb that is undone soon must be waited for twice as long next time.
        const isUndone = atUs - standing.climbedUs < ladder.relapseUs;
        standing.calmUs = isUndone ? Math.min(2 * standing.calmUs, ladder.calmUsMax) : ladder.calmUs;
        downUs = atUs;
        return undefined;
      }
      standing.climbedUs = atUs;
      const calmUs = atUs - downUs;
      return calmUs < standing.calmUs
        ? `session ${a} climbs ${calmUs} us after a move down, ${standing.calmUs} asked for`
        : undefined;
    },
  };
  return self;
}

/** 8. */
export function recovers(): Invariant {
  const rungs = new Map<number, number>();
  const suspended = new Map<number, boolean>();
  const promised = new Set<number>();
  let isProtected = false;
  let dueUs = Number.POSITIVE_INFINITY;
  let hasFallen = false;
  const self: Invariant = {
    number: 8,
    law: "when faults stop, rung 0 returns within the stated time, with no admitted session suspended",
    judged: 0,
    see({ kind, atUs, a, b, c }) {
      if (kind === "phase") dueUs = a === 1 ? atUs + b : Number.POSITIVE_INFINITY;
      const isDue = atUs > dueUs;
      if (kind === "move") {
        rungs.set(a, c);
        hasFallen = true;
      }
      if (kind === "mode") isProtected = a === 1;
      if (kind === "session" && c === 1) promised.add(a);
      if (kind === "word") suspended.set(a, decodeWord(b).isSuspended);
      if (!isDue) return undefined;
      if (hasFallen) self.judged += 1;
      hasFallen = false;
      const low = [...rungs].find(([, rung]) => rung > 0);
      if (low) return `session ${low[0]} still stands on rung ${low[1]}`;
      const held = [...suspended].find(([session, isHeld]) => isHeld && promised.has(session));
      if (held) return `session ${held[0]} is still suspended`;
      return isProtected ? "the mode is still protected" : undefined;
    },
  };
  return self;
}

const COSTS_POWER: ReadonlySet<string> = new Set([
  "slow-run",
  "hung-run",
  "burst",
  "drift",
  "sensor-lies",
  "lane-death",
  "device-lost",
]);

/** 9. */
export function underBudget({ settlingUs }: { readonly settlingUs: number }): Invariant {
  const active = new Set<string>();
  const suspended = new Map<number, boolean>();
  let disturbedUs = 0;
  let budget = Number.POSITIVE_INFINITY;
  let highest = 0;
  const self: Invariant = {
    number: 9,
    law: "average power over any window stays under budget once the governor's settling time has passed",
    judged: 0,
    see({ kind, atUs, a, b, d }) {
      if (active.size > 0) disturbedUs = atUs;
      if (kind === "fault") {
        const fault = FAULT_KINDS[a]!;
        disturbedUs = fault === "sensor-lost" ? disturbedUs : atUs;
        if (!COSTS_POWER.has(fault)) return undefined;
        if (b === 1) active.add(`${fault} ${d}`);
        else active.delete(`${fault} ${d}`);
      }
      // A run beyond its profile draws until it has settled.
      if (kind === "over") active.add(`run ${a}`);
      if (kind === "settle") active.delete(`run ${a}`);
      if (kind === "mode") disturbedUs = atUs;
      if (kind === "word") {
        // A session that is let go again draws what it drew before.
        const isHeld = decodeWord(b).isSuspended;
        if (suspended.get(a) === true && !isHeld) disturbedUs = atUs;
        suspended.set(a, isHeld);
      }
      if (kind !== "power") return undefined;
      if (b < budget) disturbedUs = atUs;
      budget = b;
      highest = Math.max(highest, b);
      const isSettled = active.size === 0 && atUs - disturbedUs > settlingUs;
      // Only a budget below the usual one has to be worked for.
      if (isSettled && b < highest) self.judged += 1;
      return isSettled && !(a <= b) ? `${a.toFixed(0)} mW on average of ${b.toFixed(0)} mW` : undefined;
    },
  };
  return self;
}
