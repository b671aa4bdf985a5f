// Owns a sufficient test of admission in one page, for the simulated machine. Knows no scheduler.
// Invariant: what it admits holds; what it refuses might have held as well.

import { CRITICALITIES } from "../../runtime/core/contract.js";
import type { AdmissionAsk, AdmissionPort } from "../../runtime/scheduler/admission-port.js";
import { type SimulatedMachine, STOP_US_MAX } from "./scenario.js";

/**
 * Each lane is one processor running its jobs non-preemptively, earliest deadline first, held up by other lanes of its class
 * and of higher ones, and where nothing is preempted by one run of a lower class. For the deadline d of each task: blocking + demand(d) +
 * hold-up(d) <= d, all of them straight lines above the real curves, so that only the deadlines need to be looked at.
 */
export function plainAdmission(machine: SimulatedMachine): AdmissionPort {
  return (asks) => {
    const reasons: string[] = [];
    for (const ask of asks) {
      if (!ask.isPromised) continue;
      const needUs = needOf(ask, { asks, machine });
      if (needUs > ask.deadlineUs)
        reasons.push(`session ${ask.sessionId} on ${ask.device}: ${needUs} of ${ask.deadlineUs} us`);
    }
    return { isAdmitted: reasons.length === 0, reasons };
  };
}

function needOf(
  ask: AdmissionAsk,
  { asks, machine }: { asks: readonly AdmissionAsk[]; machine: SimulatedMachine },
): number {
  const isCpu = ask.device === "cpu";
  const cores = isCpu ? machine.cores : 1;
  const isPreemptive = isCpu && machine.isPreemptive;
  const here = asks.filter(({ device }) => device === ask.device);
  // A lane stands still while its job waits for another device: its mates there count with all they may take.
  const mates = here.filter(({ laneId }) => laneId === ask.laneId);
  const others = here.filter(
    ({ laneId, criticality }) => laneId !== ask.laneId && rank(criticality) <= rank(ask.criticality),
  );
  const lower = here.filter(({ criticality }) => rank(criticality) > rank(ask.criticality));
  const dUs = ask.deadlineUs;
  let needUs = 0;
  let load = 0;
  for (const mate of mates) {
    const share = mate.wcetUs / mate.periodUs;
    load += share;
    if (mate.deadlineUs <= dUs) needUs += mate.wcetUs + share * (dUs - mate.deadlineUs);
  }
  needUs += Math.max(0, ...mates.filter(({ deadlineUs }) => deadlineUs > dUs).map(({ wcetUs }) => wcetUs));
  const lanes = new Set(others.map(({ laneId }) => laneId)).size;
  const canWait = lanes + 1 > cores || (!isPreemptive && lower.length > 0);
  if (!canWait) return load > 1 ? Number.POSITIVE_INFINITY : needUs;
  let heldUs = 0;
  for (const other of others) {
    const share = other.wcetUs / other.periodUs;
    load += share / cores;
    // One job carried in, one more than the line, and one that is late by as much as its class allows.
    heldUs += share * dUs + (other.isPromised ? 2 : 3) * other.wcetUs;
  }
  needUs += heldUs / cores;
  if (!isPreemptive) {
    // A best-effort run is stopped when it is in the way.
    const blocked = lower.map(({ isPromised, wcetUs }) =>
      isPromised ? wcetUs : Math.min(wcetUs, STOP_US_MAX),
    );
    needUs += Math.max(0, ...blocked);
  }
  return load > 1 ? Number.POSITIVE_INFINITY : needUs;
}

function rank(criticality: AdmissionAsk["criticality"]): number {
  return CRITICALITIES.indexOf(criticality);
}
