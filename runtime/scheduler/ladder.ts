// Owns which session moves on its ladder, when, and why. Knows no provider, no sensor and no clock.
// Invariant: one step between usable rungs per window, over all sessions; up only after a calm, longer where a climb was undone.

import { CRITICALITIES, type Criticality } from "../core/contract.js";
import type { Rung } from "../core/rung.js";

/** Why a session moves; `calm` is the way up. */
export const MOVE_CAUSES = ["device lost", "power", "thermal", "memory", "late", "energy", "calm"] as const;
/** One of `MOVE_CAUSES`. */
export type MoveCause = (typeof MOVE_CAUSES)[number];

/** How fast the ladder moves. */
export interface LadderRules {
  /** At most one move in so long. */
  readonly windowUs: number;
  /** Without pressure and without a move down for so long, one session may climb. */
  readonly calmUs: number;
  /** The calm of a session doubles each time its climb is undone within `relapseUs`, up to this. */
  readonly calmUsMax: number;
  readonly relapseUs: number;
}

/** A second is the governor's window: the effect of a move is in its readings before the next one. */
export const LADDER_RULES: LadderRules = {
  windowUs: 1_000_000,
  calmUs: 5_000_000,
  calmUsMax: 60_000_000,
  relapseUs: 20_000_000,
};

/** What a session costs while it stands on a rung. */
export interface RungCost {
  readonly rung: Rung;
  /** Processor time per time, at the contract's rate: 0.5 is half a core. */
  readonly cpuShare: number;
  readonly watts: number | "unknown";
  readonly memoryBytes: number;
}

/** Something that asks for less. */
export interface Pressure {
  readonly cause: Exclude<MoveCause, "calm">;
  /** The highest class that may pay for it. */
  readonly payers: Criticality;
  /** The device that was lost: only a session that stands on it moves, to a rung elsewhere. */
  readonly device?: string;
  /** The one session that may pay, whoever stands below it. */
  readonly sessionId?: number;
  /** What is asked for and what there is, in words with units, for the event. */
  readonly because: string;
}

/** One step of one session. */
export interface LadderMove {
  readonly sessionId: number;
  readonly from: Rung;
  readonly to: Rung;
  readonly cause: MoveCause;
  readonly because: string;
  readonly atUs: number;
}

/** A session on its ladder. */
export interface Climber {
  readonly sessionId: number;
  readonly criticality: Criticality;
  readonly rungs: readonly RungCost[];
}

interface Standing extends Climber {
  at: number;
  calmUs: number;
  climbedUs: number;
  /** The last pressure on this session alone. */
  restlessUs: number;
}

/** What the ladder looks at when it decides. */
export interface LadderView {
  readonly nowUs: number;
  readonly pressures: readonly Pressure[];
  /** Whether a session may climb at all: false while headroom is not known. */
  readonly mayClimb: boolean;
  /** Whether there is room for a climb that costs so much more than now, in watts. */
  readonly hasRoomFor: (extraWatts: number | "unknown") => boolean;
  /** Devices that cannot be used now. */
  readonly lostDevices: ReadonlySet<string>;
}

/** Every session's place on its ladder. */
export class Ladder {
  protected readonly standings = new Map<number, Standing>();
  private lastMoveUs = Number.NEGATIVE_INFINITY;
  /** The last pressure, and the last move down. */
  private restlessUs = Number.NEGATIVE_INFINITY;
  private downUs = Number.NEGATIVE_INFINITY;

  constructor(protected readonly rules: LadderRules = LADDER_RULES) {}

  add(climber: Climber): void {
    const { calmUs } = this.rules;
    const never = Number.NEGATIVE_INFINITY;
    this.standings.set(climber.sessionId, { ...climber, at: 0, calmUs, climbedUs: never, restlessUs: never });
  }

  remove(sessionId: number): void {
    this.standings.delete(sessionId);
  }

  /** What the session costs and how it runs where it stands. */
  costOf(sessionId: number): RungCost {
    const { rungs, at } = this.standings.get(sessionId)!;
    return rungs[at]!;
  }

  /** Watts of all sessions where they stand, at their contracts' rates; unknown if one is. */
  plannedWatts(): number | "unknown" {
    let sum = 0;
    for (const { rungs, at } of this.standings.values()) {
      const { watts } = rungs[at]!;
      if (watts === "unknown") return "unknown";
      sum += watts;
    }
    return sum;
  }

  /** The one move there is to make now, already made here; undefined when none. */
  decide(view: LadderView): LadderMove | undefined {
    const { nowUs } = view;
    // A device that is gone presses only while somebody can leave it.
    const pressures = view.pressures.filter((each) => each.device === undefined || this.payerOf(each, view));
    const shared = pressures.filter(({ sessionId }) => sessionId === undefined);
    if (shared.length > 0) this.restlessUs = nowUs;
    this.noteOwn(pressures, nowUs);
    if (nowUs - this.lastMoveUs < this.rules.windowUs) return undefined;
    for (const cause of MOVE_CAUSES) {
      for (const pressure of pressures) {
        if (pressure.cause !== cause) continue;
        const step = this.payerOf(pressure, view);
        if (step) return this.stepDown(step, { pressure, nowUs });
      }
    }
    if (shared.length === 0) return view.mayClimb ? this.climb(view, { isPressed: false }) : undefined;
    // Nobody is left to pay: whoever stands on a dearer device than the one above saves by climbing back to it.
    const isAboutPower = shared.every(({ cause }) => cause === "power" || cause === "thermal");
    return isAboutPower
      ? this.climb({ ...view, hasRoomFor: (watts) => watts !== "unknown" && watts < 0 }, { isPressed: true })
      : undefined;
  }

  /** What presses on one session is no reason for another to wait. */
  private noteOwn(pressures: readonly Pressure[], nowUs: number): void {
    for (const { sessionId } of pressures) {
      const standing = sessionId === undefined ? undefined : this.standings.get(sessionId);
      if (standing) standing.restlessUs = nowUs;
    }
  }

  /** The least critical class pays first; within it, whoever saves most of what is short. */
  private payerOf(pressure: Pressure, { lostDevices }: LadderView): Step | undefined {
    let best: Step | undefined;
    for (const standing of this.standings.values()) {
      if (rankOf(standing.criticality) < rankOf(pressure.payers)) continue;
      if (pressure.sessionId !== undefined && standing.sessionId !== pressure.sessionId) continue;
      const isStranded = standing.rungs[standing.at]!.rung.device === pressure.device;
      if (pressure.device !== undefined && !isStranded) continue;
      const to = rungBelow(standing, lostDevices);
      if (to === undefined) continue;
      const step = { standing, to };
      if (!best || isBetterPayer(step, { best, cause: pressure.cause })) best = step;
    }
    return best;
  }

  private stepDown(
    { standing, to }: Step,
    { pressure, nowUs }: { pressure: Pressure; nowUs: number },
  ): LadderMove {
    const { rules } = this;
    const isRelapse = nowUs - standing.climbedUs < rules.relapseUs;
    standing.calmUs = isRelapse ? Math.min(2 * standing.calmUs, rules.calmUsMax) : rules.calmUs;
    if (pressure.sessionId === undefined) {
      this.restlessUs = nowUs;
      this.downUs = nowUs;
    }
    return this.step(standing, { to, cause: pressure.cause, because: pressure.because, nowUs });
  }

  /** The most critical session that stands lower than planned climbs first, the cheapest step first within a class. */
  private climb(view: LadderView, { isPressed }: { readonly isPressed: boolean }): LadderMove | undefined {
    const { nowUs } = view;
    const sinceUs = isPressed ? this.downUs : this.restlessUs;
    const calmOf = ({ restlessUs }: Standing): number => nowUs - Math.max(sinceUs, restlessUs);
    let best: Step | undefined;
    for (const standing of this.standings.values()) {
      if (standing.at === 0 || calmOf(standing) < standing.calmUs) continue;
      const to = rungAbove(standing, view.lostDevices);
      if (to === undefined) continue;
      const step = { standing, to };
      if (!view.hasRoomFor(extraWatts(step))) continue;
      if (!best || isBetterClimber(step, best)) best = step;
    }
    if (!best) return undefined;
    best.standing.climbedUs = nowUs;
    const seconds = (calmOf(best.standing) / 1e6).toFixed(1);
    const because = `no ${isPressed ? "move down" : "pressure"} for ${seconds} s`;
    return this.step(best.standing, { to: best.to, cause: "calm", because, nowUs });
  }

  protected step(
    standing: Standing,
    given: { to: number; cause: MoveCause; because: string; nowUs: number },
  ): LadderMove {
    const from = standing.rungs[standing.at]!.rung;
    standing.at = given.to;
    this.lastMoveUs = given.nowUs;
    const to = standing.rungs[standing.at]!.rung;
    const { cause, because, nowUs } = given;
    return { sessionId: standing.sessionId, from, to, cause, because, atUs: nowUs };
  }
}

interface Step {
  readonly standing: Standing;
  readonly to: number;
}

/** Whether a rung's device is there; off needs none. */
function isThere({ rung }: RungCost, lostDevices: ReadonlySet<string>): boolean {
  return rung.kind === "off" || !lostDevices.has(rung.device);
}

/**
 * The next rung down that can be used and is not dearer: another device may be a fallback without being a saving. Who stands
 * on a lost device goes to the next one elsewhere; off would only keep it from going on when the device is back. A critical
 * session is degraded and never turned off.
 */
function rungBelow(
  { rungs, at, criticality }: Standing,
  lostDevices: ReadonlySet<string>,
): number | undefined {
  const now = rungs[at]!;
  const isStranded = !isThere(now, lostDevices);
  const below = rungs.findIndex((cost, index) => {
    if (index <= at || !isThere(cost, lostDevices)) return false;
    if (cost.rung.kind === "off" && (isStranded || criticality === "critical")) return false;
    return isStranded || !isDearer(cost, now);
  });
  return below < 0 ? undefined : below;
}

/** The next rung up that can be used, past those that are dearer than one further up. */
function rungAbove({ rungs, at }: Standing, lostDevices: ReadonlySet<string>): number | undefined {
  let cheapest: RungCost | undefined;
  let above: number | undefined;
  for (const [index, cost] of rungs.slice(0, at).entries()) {
    if (!isThere(cost, lostDevices) || (cheapest && isDearer(cost, cheapest))) continue;
    cheapest = cost;
    above = index;
  }
  return above;
}

function isDearer(cost: RungCost, than: RungCost): boolean {
  if (cost.watts !== "unknown" && than.watts !== "unknown") return cost.watts > than.watts;
  return cost.cpuShare > than.cpuShare;
}

function rankOf(criticality: Criticality): number {
  return CRITICALITIES.indexOf(criticality);
}

function isBetterPayer(candidate: Step, { best, cause }: { best: Step; cause: MoveCause }): boolean {
  const byClass = rankOf(candidate.standing.criticality) - rankOf(best.standing.criticality);
  if (byClass !== 0) return byClass > 0;
  return savingOf(candidate, cause) > savingOf(best, cause);
}

function isBetterClimber(candidate: Step, best: Step): boolean {
  const byClass = rankOf(candidate.standing.criticality) - rankOf(best.standing.criticality);
  if (byClass !== 0) return byClass < 0;
  return savingOf(candidate, "late") > savingOf(best, "late");
}

/** What a step saves of what the cause is short of; energy nobody measured is taken to follow processor time. */
function savingOf({ standing, to }: Step, cause: MoveCause): number {
  const now = standing.rungs[standing.at]!;
  const then = standing.rungs[to]!;
  if (cause === "memory") return now.memoryBytes - then.memoryBytes;
  const isAboutPower = cause === "power" || cause === "thermal";
  if (isAboutPower && now.watts !== "unknown" && then.watts !== "unknown") return now.watts - then.watts;
  return now.cpuShare - then.cpuShare;
}

function extraWatts({ standing, to }: Step): number | "unknown" {
  const now = standing.rungs[standing.at]!.watts;
  const then = standing.rungs[to]!.watts;
  return now === "unknown" || then === "unknown" ? "unknown" : then - now;
}
