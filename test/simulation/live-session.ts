// Owns a session as it lives in the simulated house: its plan for the scheduler, its slots, its frames and its ailments.
// Knows no event.

import { CRITICALITIES } from "../../runtime/core/contract.js";
import type { LaneAssignment } from "../../runtime/scheduler/lane-assignment.js";
import type { SessionPlan } from "../../runtime/scheduler/scheduled-session.js";
import type { SlotPool } from "../../runtime/sessions/slot-pool.js";
import type { SimulatedSession } from "./scenario.js";

/** What goes wrong with a session's next runs. */
export interface Ailments {
  isNextSlow: boolean;
  isNextHung: boolean;
  areFramesWrong: boolean;
  isBursting: boolean;
  isSilent: boolean;
  /** Costs are so many times what they were. */
  drift: number;
}

/** A session that lives in the house. */
export interface LiveSession {
  readonly drawn: SimulatedSession;
  readonly plan: SessionPlan;
  readonly pool: SlotPool;
  readonly ailments: Ailments;
  readonly lanes: readonly number[];
  frame: number;
  nextArrivalUs: number;
}

/** A session that has just moved in. */
export function liveSession(given: {
  readonly drawn: SimulatedSession;
  readonly plan: SessionPlan;
  readonly pool: SlotPool;
  readonly firstUs: number;
}): LiveSession {
  const { drawn, plan, pool, firstUs } = given;
  return {
    drawn,
    plan,
    pool,
    ailments: {
      isNextSlow: false,
      isNextHung: false,
      areFramesWrong: false,
      isBursting: false,
      isSilent: false,
      drift: 1,
    },
    lanes: [...new Set(plan.rungs.map(({ laneId }) => laneId))],
    frame: 0,
    nextArrivalUs: firstUs,
  };
}

/** The class a session runs in: best effort stands behind every promise. */
export function rankOf({ contract, isPromised }: SessionPlan): number {
  return CRITICALITIES.indexOf(isPromised ? contract.criticality : "background");
}

/** A drawn session as the scheduler is given it, with a lane on every device it may stand on. */
export function planSession(
  drawn: SimulatedSession,
  given: { isPromised: boolean; places: readonly LaneAssignment[]; cores: number },
): SessionPlan {
  const { sessionId, contract, rungs, isTemporal } = drawn;
  const { isPromised, places, cores } = given;
  const criticality = isPromised ? contract.criticality : "background";
  const rank = CRITICALITIES.indexOf(criticality);
  const laneOn = new Map<string, number>();
  for (const device of new Set(rungs.map(({ rung }) => rung.device))) {
    const resource = device === "npu" ? 1 : 0;
    const index = places[resource]!.assign(criticality);
    laneOn.set(device, resource === 1 ? 3 * cores + rank : rank * cores + index);
  }
  return {
    sessionId,
    contract,
    isTemporal,
    isPromised,
    rungs: rungs.map(({ rung, p50Us, wcetUs, energyMj }) => ({
      rung,
      profile: { p50Us, wcetUs, cpuUs: p50Us, energyMj },
      laneId: laneOn.get(rung.device)!,
      memoryBytes: 0,
    })),
  };
}
