// Owns the machine as admission reasons about it: what the lanes' priorities are worth, and what has been measured.
// Knows no session. A pure function. Invariant: a regime whose order nobody guarantees counts as none.

import type { LaneState } from "../bindings/addon.js";
import { CRITICALITIES, type Criticality } from "../core/contract.js";
import type { MachineModel } from "../scheduler/admission/admission-task.js";

/** The scheduling each class's lanes really have. */
export type Regimes = Readonly<Record<Criticality, LaneState["regime"]>>;

/** What is known of the machine that runs the lanes. */
export interface MachineFacts {
  readonly cores: number;
  readonly platform: NodeJS.Platform;
  /** Undefined where lanes have no priorities at all: without the addon. */
  readonly regimes: Regimes | undefined;
  /** How much longer a run takes beside busy neighbours, the most of all models concerned. */
  readonly contention: number;
  readonly dispatchUs: number;
  readonly powerMw: number | "unlimited";
}

/**
 * Shares of the fair scheduler by nice level (`sched_prio_to_weight` in kernel/sched/core.c) and of SCHED_IDLE
 * (`WEIGHT_IDLEPRIO`), for the levels that native/host/thread_priority.cc gives each class.
 */
const LINUX_WEIGHTS: Readonly<Record<Criticality, Readonly<Partial<Record<LaneState["regime"], number>>>>> = {
  critical: { "real-time": Number.POSITIVE_INFINITY, raised: 9548, normal: 1024 },
  interactive: { raised: 3121, normal: 1024, nice: 335 },
  background: { normal: 1024, nice: 15, idle: 3 },
};

/**
 * Windows runs the highest priority that is ready, but for a thread starved for some four seconds, which gets two quanta
 * (Windows Internals, "priority boosts for CPU starvation"): 2 x 30 ms in 4 s are less than 1/64.
 */
const WINDOWS_WEIGHTS = { critical: 4096, interactive: 64, background: 1 } as const;

/** The model for one question of admission. */
export function machineModel(facts: MachineFacts): MachineModel {
  const { cores, contention, dispatchUs, powerMw } = facts;
  const weights = weightsOf(facts);
  const shared = { cores, contention, dispatchUs, powerMw };
  return weights === undefined
    ? { ...shared, preemption: "none", weights: "strict" }
    : { ...shared, preemption: "classes", weights };
}

/** How classes stand to each other, for people. */
export function preemptionText({ preemption, weights }: MachineModel): string {
  if (preemption === "none") return "no order between classes";
  if (weights === "strict") return "classes in strict order";
  const words = CRITICALITIES.map((name) => {
    return `${name} ${Number.isFinite(weights[name]) ? weights[name] : "real-time"}`;
  });
  return `classes by weight: ${words.join(", ")}`;
}

/** Undefined where a class does not outweigh every lower one: then nobody preempts anybody for certain. */
function weightsOf({ platform, regimes }: MachineFacts): Readonly<Record<Criticality, number>> | undefined {
  if (regimes === undefined) return undefined;
  const { critical, interactive, background } = regimes;
  // Quality of service on macOS orders threads, but the kernel lets busy ones decay into each other's range.
  if (platform === "darwin") return undefined;
  if (platform === "win32") {
    const isOrdered = critical === "raised" && interactive === "nice" && background === "idle";
    return isOrdered ? WINDOWS_WEIGHTS : undefined;
  }
  const weights = {
    critical: LINUX_WEIGHTS.critical[critical] ?? 0,
    interactive: LINUX_WEIGHTS.interactive[interactive] ?? 0,
    background: LINUX_WEIGHTS.background[background] ?? 0,
  };
  const isDescending = weights.critical > weights.interactive && weights.interactive > weights.background;
  return isDescending && weights.background > 0 ? weights : undefined;
}
