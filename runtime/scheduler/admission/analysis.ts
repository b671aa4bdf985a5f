// Owns admission: whether every promised task meets its deadline on this machine, and within the power budget.
// Knows no session. A pure function. Invariant: sound before sharp; a set it admits misses nothing while every task
// keeps to its period and profiled cost.

import { CRITICALITIES } from "../../core/contract.js";
import {
  type AdmissionTask,
  checkMachine,
  checkTask,
  type LoadedTask,
  loadTasks,
  type MachineModel,
} from "./admission-task.js";
import { explainLoad, explainPower, explainResponse } from "./arithmetic.js";
import { Interference, type WaitShare } from "./interference.js";
import { LaneDemand } from "./lane-demand.js";
import { type LaneResponse, laneResponse, type TaskResponse } from "./lane-response.js";

/** What was found for one task. */
export interface TaskVerdict {
  readonly name: string;
  readonly deadlineUs: number;
  /** Bound on the worst response; Infinity when the lane's work does not end. */
  readonly worstResponseUs: number;
  /** True for a best-effort task, whatever its response. */
  readonly isMet: boolean;
  /** Every term of the bound, in words and numbers. */
  readonly arithmetic: string;
}

/** The power of all tasks beside the budget, in milliwatts. */
export interface PowerVerdict {
  readonly neededMw: number | "unknown";
  readonly allowedMw: number | "unlimited";
  readonly isMet: boolean;
  readonly arithmetic: string;
}

/** The answer of an admission. */
export interface Admission {
  readonly isAdmitted: boolean;
  /** In the order the tasks were given. */
  readonly tasks: readonly TaskVerdict[];
  readonly power: PowerVerdict;
  /** What is not met, in words; empty when admitted. */
  readonly reasons: readonly string[];
}

/** Rounds of sharpening responses by one another; each is sound by itself. */
const ROUNDS_MAX = 8;

/**
 * Analyses what really runs: one thread per lane, each class of lanes preempted by higher ones on all cores, several
 * lanes of a class sharing what is left in whatever order, and jobs of a lane one at a time by earliest deadline.
 *
 * @throws RedlineError `CONTRACT_INVALID` for a task or machine with numbers that make no sense
 *
 * @example
 * const { isAdmitted, reasons } = admit(tasks, machine);
 */
export function admit(tasks: readonly AdmissionTask[], machine: MachineModel): Admission {
  checkMachine(machine);
  for (const task of tasks) checkTask(task, machine);
  const loaded = loadTasks(tasks, machine);
  const lanes = lanesOf(loaded);
  const found = new Map<LaneDemand, LaneResponse>();
  for (const group of groupsOf(lanes, machine)) analyseGroup(group, { machine, found });
  const verdicts = new Map<LoadedTask, TaskVerdict>();
  for (const [lane, response] of found) {
    const interference = interferenceOn(lane, groupAround(lane, { lanes, machine }), machine);
    lane.tasks.forEach((task, index) => {
      const bound = response.kind === "bounded" ? response.responses[index]! : undefined;
      verdicts.set(task, verdictOf(task, { lane, bound, interference }));
    });
  }
  const inOrder = loaded.map((task) => verdicts.get(task)!);
  const power = powerOf(tasks, machine);
  const missed = inOrder.filter(({ isMet }) => !isMet).map(({ arithmetic }) => arithmetic);
  const reasons = power.isMet ? missed : [...missed, power.arithmetic];
  return { isAdmitted: reasons.length === 0, tasks: inOrder, power, reasons };
}

interface LaneGroup {
  readonly higher: readonly LaneDemand[];
  readonly equal: readonly LaneDemand[];
}

function lanesOf(tasks: readonly LoadedTask[]): LaneDemand[] {
  const byLane = new Map<string, LoadedTask[]>();
  for (const task of tasks) {
    const key = `${task.criticality} ${task.laneIndex}`;
    byLane.set(key, [...(byLane.get(key) ?? []), task]);
  }
  return [...byLane.values()].map((mates) => new LaneDemand(mates));
}

/** Lanes that share processors in no known order, with those that always run before them: highest first. */
function groupsOf(lanes: readonly LaneDemand[], machine: MachineModel): LaneGroup[] {
  if (machine.preemption === "none") return [{ higher: [], equal: lanes }];
  return CRITICALITIES.map((name, rank) => ({
    higher: lanes.filter(({ criticality }) => CRITICALITIES.indexOf(criticality) < rank),
    equal: lanes.filter(({ criticality }) => criticality === name),
  }));
}

function groupAround(lane: LaneDemand, given: { lanes: LaneDemand[]; machine: MachineModel }): LaneGroup {
  return groupsOf(given.lanes, given.machine).find(({ equal }) => equal.includes(lane))!;
}

function interferenceOn(lane: LaneDemand, group: LaneGroup, { cores }: MachineModel): Interference {
  const equal = group.equal.filter((other) => other !== lane);
  return new Interference({ cores, width: lane.width, higher: group.higher, equal });
}

/** Bounds every lane of a group; each round uses what the one before has shown of the other lanes. */
function analyseGroup(
  group: LaneGroup,
  { machine, found }: { machine: MachineModel; found: Map<LaneDemand, LaneResponse> },
): void {
  for (let round = 0; round < ROUNDS_MAX; round += 1) {
    let isSharper = false;
    for (const lane of group.equal) {
      const response = laneResponse(lane, interferenceOn(lane, group, machine));
      found.set(lane, response);
      if (response.kind === "bounded") isSharper = sharpen(lane, response) || isSharper;
    }
    if (!isSharper) return;
  }
}

/** Keeps what was shown where it says more than what was assumed. Whether anything changed. */
function sharpen(lane: LaneDemand, response: LaneResponse & { kind: "bounded" }): boolean {
  let isSharper = false;
  response.responses.forEach(({ responseUs }, index) => {
    if (responseUs >= lane.responsesUs[index]!) return;
    lane.responsesUs[index] = responseUs;
    isSharper = true;
  });
  if (response.heldUpUs < lane.heldUpUs) {
    lane.heldUpUs = response.heldUpUs;
    isSharper = true;
  }
  return isSharper;
}

function verdictOf(
  task: LoadedTask,
  given: { lane: LaneDemand; bound: TaskResponse | undefined; interference: Interference },
): TaskVerdict {
  const { name, deadlineUs, isPromised } = task;
  const { lane, bound, interference } = given;
  const worstResponseUs = bound?.responseUs ?? Number.POSITIVE_INFINITY;
  const shares: readonly WaitShare[] = bound === undefined ? [] : interference.shares(bound.windowUs);
  const arithmetic =
    bound === undefined ? explainLoad(task, lane) : explainResponse(bound, { laneName: lane.name, shares });
  return {
    name,
    deadlineUs,
    worstResponseUs,
    isMet: !isPromised || worstResponseUs <= deadlineUs,
    arithmetic,
  };
}

/**
 * Energy per job x rate over what is promised. One unknown makes the sum unknown: it is never counted as nothing. Best effort is
 * left out: where power is short the governor takes it from there first.
 */
function powerOf(tasks: readonly AdmissionTask[], { powerMw }: MachineModel): PowerVerdict {
  const promised = tasks.filter(({ isPromised }) => isPromised);
  let neededMw: number | "unknown" = 0;
  for (const { energyMj, periodUs } of promised) {
    if (energyMj === "unknown" || neededMw === "unknown") neededMw = "unknown";
    else neededMw += (energyMj * 1e6) / periodUs;
  }
  const isMet = powerMw === "unlimited" || (neededMw !== "unknown" && neededMw <= powerMw);
  const arithmetic = explainPower(promised, { neededMw, allowedMw: powerMw });
  return { neededMw, allowedMw: powerMw, isMet, arithmetic };
}
