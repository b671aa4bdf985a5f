// Owns what a seed means: a machine, its sessions with their contracts, costs and ladders, and a budget. Knows no event.
// Invariant: everything is drawn from one generator in one order.

import { CRITICALITIES, type FrozenContract, freezeContract } from "../../runtime/core/contract.js";
import type { Rng } from "../../runtime/core/rng.js";
import { freezeLadder, type LadderStep, type Rung } from "../../runtime/core/rung.js";

/** The machine as it really is. */
export interface SimulatedMachine {
  readonly cores: number;
  /** Whether a class preempts the lower ones on the processor. */
  readonly isPreemptive: boolean;
  /** How much each other busy core slows a run. */
  readonly contention: number;
  readonly hasNpu: boolean;
  readonly coreWatts: number;
  readonly npuWatts: number;
  readonly idleWatts: number;
}

/** One rung as it really costs. */
export interface SimulatedRung {
  readonly rung: Rung;
  /** The longest run within the profile, alone on the machine. */
  readonly soloWcetUs: number;
  /** The usual share of it. */
  readonly usual: number;
  /** The longest run with every core busy: what the profile says. */
  readonly wcetUs: number;
  readonly p50Us: number;
  readonly energyMj: number;
}

/** How often its frames come: as the contract says, later at times, or with silences. */
export type ArrivalShape = "periodic" | "sporadic" | "silences";

/** One session to be opened. */
export interface SimulatedSession {
  readonly sessionId: number;
  readonly contract: FrozenContract;
  readonly rungs: readonly SimulatedRung[];
  readonly slots: number;
  readonly shape: ArrivalShape;
  readonly isTemporal: boolean;
  /** How long a stop takes to bite. */
  readonly stopUs: number;
}

/** What one seed gives. */
export interface Scenario {
  readonly machine: SimulatedMachine;
  readonly sessions: readonly SimulatedSession[];
}

/** The longest a run takes to notice a stop. */
export const STOP_US_MAX = 4000;

const PERIODS_MS = [20, 32, 33, 50, 66, 80, 100, 200, 500];
const TOLERANCES = [
  { misses: 0, outOf: 1 },
  { misses: 1, outOf: 10 },
  { misses: 2, outOf: 5 },
  { misses: 1, outOf: 20 },
  { misses: 1, outOf: 1000 },
];

/** Draws a scenario. */
export function drawScenario(rng: Rng): Scenario {
  const machine: SimulatedMachine = {
    cores: 1 + rng.below(4),
    isPreemptive: rng.next() < 0.75,
    contention: 0.25 * rng.next(),
    hasNpu: rng.next() < 0.5,
    coreWatts: 2 + 4 * rng.next(),
    npuWatts: 1 + 2 * rng.next(),
    idleWatts: 1 + 3 * rng.next(),
  };
  const count = 2 + rng.below(5);
  const sessions = Array.from({ length: count }, (_, index) => drawSession(rng, { machine, index }));
  const rank = (session: SimulatedSession): number => CRITICALITIES.indexOf(session.contract.criticality);
  return { machine, sessions: sessions.sort((a, b) => rank(a) - rank(b) || a.sessionId - b.sessionId) };
}

function drawSession(
  rng: Rng,
  { machine, index }: { machine: SimulatedMachine; index: number },
): SimulatedSession {
  const criticality = index === 0 ? "critical" : CRITICALITIES[rng.below(3)]!;
  const periodMs = pick(rng, PERIODS_MS);
  const deadlineMs = criticality === "critical" && rng.next() < 0.4 ? periodMs * 0.8 : periodMs;
  const isKept = criticality === "background" && rng.next() < 0.5;
  const contract = freezeContract({
    periodMs,
    deadlineMs,
    criticality,
    tolerate: pick(rng, TOLERANCES),
    late: isKept ? "keep" : "cancel",
  });
  const share = criticality === "background" ? 0.05 + 0.4 * rng.next() : 0.04 + 0.26 * rng.next();
  const isOnNpu = machine.hasNpu && rng.next() < 0.4;
  const rungs = drawRungs(rng, { machine, periodUs: contract.periodUs, share, isOnNpu });
  return {
    sessionId: index,
    contract,
    rungs,
    slots: 3,
    shape: pick(rng, ["periodic", "periodic", "sporadic", "silences"] as const),
    isTemporal: rng.next() < 0.2,
    stopUs: 200 + rng.below(STOP_US_MAX - 200),
  };
}

function drawRungs(
  rng: Rng,
  given: { machine: SimulatedMachine; periodUs: number; share: number; isOnNpu: boolean },
): SimulatedRung[] {
  const { machine, isOnNpu } = given;
  const steps: LadderStep[] = [];
  if (isOnNpu && rng.next() < 0.6) steps.push({ device: "cpu" });
  if (rng.next() < 0.6) steps.push("int8");
  if (rng.next() < 0.4) steps.push("small");
  if (rng.next() < 0.6) steps.push({ rate: 0.5 });
  if (rng.next() < 0.7) steps.push("off");
  const rungs = freezeLadder(steps, {
    plan: { variant: "full", device: isOnNpu ? "npu" : "cpu" },
    variants: [
      { id: "full", inputElements: 4 },
      { id: "int8", inputElements: 4 },
      { id: "small", inputElements: 2 },
    ],
    devices: machine.hasNpu ? ["cpu", "npu"] : ["cpu"],
  });
  const usual = 0.4 + 0.3 * rng.next();
  const factors: Record<string, number> = { full: 1, int8: 0.6, small: 0.35 };
  return rungs.map((rung) => {
    const factor = factors[rung.variant]! * (isOnNpu && rung.device === "cpu" ? 1.5 : 1);
    const soloWcetUs = Math.max(200, Math.round(given.share * given.periodUs * factor));
    const isOnCpu = rung.device === "cpu";
    const crowd = isOnCpu ? 1 + machine.contention * (machine.cores - 1) : 1;
    const wcetUs = Math.ceil(soloWcetUs * crowd) + 1;
    const p50Us = Math.round(soloWcetUs * usual);
    const watts = isOnCpu ? machine.coreWatts : machine.npuWatts;
    // The mean of the costs below and the slowest crowd: a profile measured beside busy neighbours.
    const energyMj = (p50Us * 1.05 * crowd * watts) / 1000;
    return { rung, soloWcetUs, usual, wcetUs, p50Us, energyMj };
  });
}

/** What a run within its profile costs alone: near the usual, one in fifty out to the worst. */
export function drawCostUs(rng: Rng, { soloWcetUs, usual }: SimulatedRung): number {
  const isTail = rng.next() < 0.02;
  const share = isTail ? usual + (1 - usual) * rng.next() : usual * (0.85 + 0.3 * rng.next());
  return Math.max(1, Math.min(soloWcetUs, Math.floor(share * soloWcetUs)));
}

/** One of a list. */
export function pick<T>(rng: Rng, from: readonly T[]): T {
  return from[rng.below(from.length)]!;
}
