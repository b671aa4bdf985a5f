// Owns the choice between profiled ways to run a model: deadline first, then energy, then accuracy. A pure function.
// Knows no file and no provider. Invariant: every rejected alternative is listed with the number that lost.

import type { FrozenContract } from "../core/contract.js";
import { RedlineError } from "../core/errors.js";
import type { Profile, ProfiledChoice } from "../core/profile.js";
import { type AdmissionTask, type MachineModel, msOf } from "../scheduler/admission/admission-task.js";
import { type Admission, admit } from "../scheduler/admission/analysis.js";

/** One profiled way to run the model. */
export interface PlanCandidate {
  readonly profile: Profile;
  /** How much longer its runs take beside busy neighbours. */
  readonly contention: number;
  /** The variant's accuracy on its gate, higher is better. */
  readonly accuracy: number | "unknown";
}

/** What to choose for, and beside what. */
export interface PlanRequest {
  /** The session's name. */
  readonly name: string;
  readonly contract: Pick<FrozenContract, "periodUs" | "deadlineUs" | "criticality">;
  /** The lane of its class the session would get. */
  readonly laneIndex: number;
  readonly candidates: readonly PlanCandidate[];
  /** What already runs on the machine. */
  readonly promised: readonly AdmissionTask[];
  readonly machine: MachineModel;
  /** What a second of processor time is taken to cost, for admission under a power budget. Default: nobody knows. */
  readonly wattsPerCore?: number;
}

/** A candidate with what was found of it. */
export interface ConsideredPlan extends PlanCandidate {
  readonly task: AdmissionTask;
  /** Beside everything that is promised. */
  readonly worstResponseUs: number;
  readonly admission: Admission;
}

/** A candidate that was not chosen, and the number that lost. */
export interface RejectedPlan extends ConsideredPlan {
  readonly lostBy: string;
}

/** The choice. */
export interface Plan {
  /** Undefined when no candidate keeps every contract. */
  readonly chosen: ConsideredPlan | undefined;
  readonly rejected: readonly RejectedPlan[];
}

/**
 * Chooses among profiles: only what admission accepts beside everything promised, of that the least energy per job (of
 * two without a known energy the less processor time), of equals the most accurate, then the quickest.
 *
 * @throws RedlineError `CONTRACT_INVALID` without candidates
 */
export function choosePlan(request: PlanRequest): Plan {
  if (request.candidates.length === 0) {
    throw new RedlineError("CONTRACT_INVALID", {
      what: `${request.name}: candidates`,
      expected: "at least one profile",
      received: "none",
      hint: "redline profile measures them",
    });
  }
  const considered = request.candidates.map((candidate) => consider(candidate, request));
  const feasible = considered.filter(({ admission }) => admission.isAdmitted).sort(byMerit);
  const [chosen, ...beaten] = feasible;
  const infeasible = considered.filter(({ admission }) => !admission.isAdmitted);
  return {
    chosen,
    rejected: [
      ...beaten.map((plan) => ({ ...plan, lostBy: lossAgainst(plan, chosen!) })),
      ...infeasible.map((plan) => ({ ...plan, lostBy: plan.admission.reasons[0]! })),
    ],
  };
}

/** A profiled way to run as admission sees it. Energy that was not measured is estimated by processor time. */
export function taskOf(
  { profile, contention }: Pick<PlanCandidate, "profile" | "contention">,
  given: Pick<PlanRequest, "name" | "contract" | "laneIndex" | "wattsPerCore"> & {
    readonly isPromised: boolean;
    readonly cores: number;
  },
): AdmissionTask {
  const { name, contract, laneIndex, isPromised, wattsPerCore, cores } = given;
  const { periodUs, deadlineUs, criticality } = contract;
  const isEstimated = profile.energyMj === "unknown" && wattsPerCore !== undefined && profile.cpuUs >= 0;
  return {
    name,
    criticality,
    laneIndex,
    periodUs,
    deadlineUs,
    costUs: Math.max(1, profile.wcetUs),
    // More threads than cores take turns on them, and their time was measured so.
    threads: Math.min(profile.choice.threads, cores),
    // Up to the next hundredth: more digits than that were not measured.
    contention: Math.ceil(100 * contention - 1e-6) / 100,
    ...(isEstimated
      ? { energyMj: (profile.cpuUs * wattsPerCore) / 1000, energySource: "estimated" }
      : { energyMj: profile.energyMj }),
    isPromised,
  };
}

/** A choice in words. */
export function choiceText({ variant, device, threads, spin }: ProfiledChoice): string {
  return `${variant} on ${device}, ${threads} ${threads === 1 ? "thread" : "threads"}${spin ? ", spinning" : ""}`;
}

/** One line of a plan's table: the chosen one first. */
export interface PlanRow {
  readonly choice: string;
  readonly wcetMs: number;
  /** Infinity where no bound exists. */
  readonly worstResponseMs: number;
  readonly energyMj: number | "unknown";
  readonly accuracy: number | "unknown";
  /** `chosen`, or the number that lost. */
  readonly verdict: string;
}

/** The plan as a table. */
export function planRows({ chosen, rejected }: Plan): PlanRow[] {
  const row = (plan: ConsideredPlan, verdict: string): PlanRow => ({
    choice: choiceText(plan.profile.choice),
    wcetMs: plan.profile.wcetUs / 1000,
    worstResponseMs: plan.worstResponseUs / 1000,
    energyMj: plan.profile.energyMj,
    accuracy: plan.accuracy,
    verdict,
  });
  const others = rejected.map((plan) => row(plan, plan.lostBy));
  if (chosen === undefined) return others;
  const { isAdmitted, reasons } = chosen.admission;
  return [row(chosen, isAdmitted ? "chosen" : `taken without a promise: ${reasons[0]}`), ...others];
}

function consider(candidate: PlanCandidate, request: PlanRequest): ConsideredPlan {
  const { promised, machine } = request;
  const task = taskOf(candidate, { ...request, cores: machine.cores, isPromised: true });
  const admission = admit([...promised, task], machine);
  return { ...candidate, task, admission, worstResponseUs: admission.tasks.at(-1)!.worstResponseUs };
}

/** The order of plans that all keep their contracts. Less energy first; a known one before an unknown one, and of unknown ones less processor time. */
export function byMerit(a: ConsideredPlan, b: ConsideredPlan): number {
  const costs = energyOf(a).map((cost, index) => compare(cost, energyOf(b)[index]!));
  return (
    costs.find((order) => order !== 0) ??
    (compare(accuracyOf(b), accuracyOf(a)) ||
      compare(a.worstResponseUs, b.worstResponseUs) ||
      compare(a.profile.choice.threads, b.profile.choice.threads))
  );
}

/** Energy, then processor time where energy does not tell; what is unknown comes last. */
function energyOf({ profile: { energyMj, cpuUs } }: PlanCandidate): readonly [number, number] {
  if (energyMj !== "unknown") return [energyMj, 0];
  return [Number.POSITIVE_INFINITY, cpuUs < 0 ? Number.POSITIVE_INFINITY : cpuUs];
}

function accuracyOf({ accuracy }: PlanCandidate): number {
  return accuracy === "unknown" ? Number.NEGATIVE_INFINITY : accuracy;
}

/** Not a difference: of two infinities that would be NaN. */
function compare(a: number, b: number): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function lossAgainst(plan: ConsideredPlan, chosen: ConsideredPlan): string {
  const [energyMj, cpuUs] = energyOf(plan);
  const [leastMj, leastCpuUs] = energyOf(chosen);
  if (energyMj !== leastMj) {
    return `energy ${Number.isFinite(energyMj) ? `${energyMj} mJ` : "unknown"}, chosen ${leastMj} mJ`;
  }
  if (cpuUs !== leastCpuUs) {
    const words = Number.isFinite(cpuUs) ? msOf(cpuUs) : "unknown";
    return `processor time ${words}, chosen ${msOf(leastCpuUs)} (energy unknown)`;
  }
  if (accuracyOf(plan) !== accuracyOf(chosen)) return `accuracy ${plan.accuracy}, chosen ${chosen.accuracy}`;
  if (plan.worstResponseUs !== chosen.worstResponseUs)
    return `worst response ${msOf(plan.worstResponseUs)}, chosen ${msOf(chosen.worstResponseUs)}`;
  return `${plan.profile.choice.threads} threads, chosen ${chosen.profile.choice.threads}`;
}
