// Owns what a session is given when it opens: the way to run it, the class of its lane, what is promised, and why.
// Knows no provider and no file. A pure function. Invariant: whatever was not chosen is listed with the number that lost.

import type { Criticality, FrozenContract } from "../core/contract.js";
import { type AdmissionTask, type MachineModel, msOf } from "../scheduler/admission/admission-task.js";
import { admit } from "../scheduler/admission/analysis.js";
import type { RungCandidate } from "../scheduler/admission/nearest-rung.js";
import {
  byMerit,
  type ConsideredPlan,
  choosePlan,
  type Plan,
  type PlanCandidate,
  type PlanRow,
  taskOf,
} from "./choose-plan.js";

/** What is asked of an open: a promise, or as well as it goes. */
export type Promising = "promised" | "best-effort";

/** What to decide on. */
export interface OpenPlanRequest {
  readonly name: string;
  readonly contract: FrozenContract;
  readonly wants: Promising;
  /** At least one. */
  readonly candidates: readonly PlanCandidate[];
  /** As many threads as leave the deadline room, by trial: other numbers then go last. */
  readonly roomyThreads?: number | undefined;
  /** The lane it would get, in its own class and as background. */
  readonly lanes: { readonly own: number; readonly background: number };
  /** What already runs on the machine. */
  readonly promised: readonly AdmissionTask[];
  readonly machine: MachineModel;
  readonly wattsPerCore?: number;
}

/** The decision. Whether a promise holds is shown by whoever enters the task. */
export interface OpenDecision {
  readonly chosen: ConsideredPlan;
  readonly rejected: Plan["rejected"];
  readonly task: AdmissionTask;
}

/** Decides. A promise that cannot be kept is decided for all the same: entering it then says what is in the way. */
export function decideOpen(request: OpenPlanRequest): OpenDecision {
  const { candidates, wants, roomyThreads, contract, lanes } = request;
  const isRoomy = ({ profile }: PlanCandidate): boolean =>
    roomyThreads === undefined || profile.choice.threads === roomyThreads;
  const choose = (among: readonly PlanCandidate[]): Plan =>
    choosePlan({ ...request, laneIndex: lanes.own, candidates: among });
  const all = choose(candidates);
  const roomy = candidates.filter(isRoomy);
  const best = roomy.length === 0 ? all : choose(roomy);
  const considered = [...(all.chosen ? [all.chosen] : []), ...all.rejected];
  const chosenProfile = (best.chosen ?? all.chosen)?.profile;
  const chosen =
    considered.find(({ profile }) => profile === chosenProfile) ??
    humblest(considered.filter(isRoomy), considered);
  const lossOf = (plan: ConsideredPlan): string => {
    const { profile, admission } = plan;
    const isCrowded = admission.isAdmitted && isRoomy(chosen) && !isRoomy(plan);
    if (!isCrowded) return [...best.rejected, ...all.rejected].find((one) => one.profile === profile)!.lostBy;
    const { threads } = profile.choice;
    const runs = `median run ${msOf(profile.p50Us)} on ${threads} ${threads === 1 ? "thread" : "threads"}`;
    return `${runs}, its deadline of ${msOf(contract.deadlineUs)} asks for ${roomyThreads}`;
  };
  const rejected = considered
    .filter((plan) => plan !== chosen)
    .map((plan) => ({ ...plan, lostBy: lossOf(plan) }));
  if (wants === "promised") return { chosen, rejected, task: chosen.task };
  return { chosen, rejected, task: harmless({ ...chosen.task, isPromised: false }, request) };
}

/**
 * A session nothing is promised to, in its own class where by the analysis every promise holds beside it, else as background.
 */
export function harmless(
  task: AdmissionTask,
  given: Pick<OpenPlanRequest, "promised" | "machine" | "lanes">,
): AdmissionTask {
  const { promised, machine, lanes } = given;
  if (promised.every(({ isPromised }) => !isPromised)) return task;
  if (admit([...promised, task], machine).isAdmitted) return task;
  return { ...task, criticality: "background", laneIndex: lanes.background };
}

/** A session of which nothing is known: its lane is counted as busy all the time. */
export function unknownTask(given: {
  readonly name: string;
  readonly contract: Pick<FrozenContract, "periodUs" | "deadlineUs" | "criticality">;
  readonly laneIndex: number;
  readonly threads: number;
}): AdmissionTask {
  const { name, contract, laneIndex, threads } = given;
  const { periodUs, deadlineUs, criticality } = contract;
  const costUs = Math.max(1, periodUs);
  return {
    name,
    criticality,
    laneIndex,
    periodUs,
    deadlineUs,
    costUs,
    threads,
    energyMj: "unknown",
    isPromised: false,
  };
}

/** One rung of a ladder, as far as a refusal may name it. */
export interface RungOffer {
  readonly rung: string;
  /** The way to run it; absent where only the rate differs. */
  readonly candidate?: PlanCandidate;
  /** The share of jobs that run. */
  readonly rate: number;
}

/** Halves, where a session has no ladder of its own: a rate is what every session can give up. */
const RATES: readonly RungOffer[] = [2, 4, 8].map((part) => ({ rung: `rate 1/${part}`, rate: 1 / part }));

/** The rungs as tasks, for the search of one that fits. */
export function rungCandidates(
  { chosen, task }: OpenDecision,
  given: Pick<OpenPlanRequest, "wattsPerCore"> & {
    readonly ladder: readonly RungOffer[];
    readonly cores: number;
  },
): RungCandidate[] {
  const { ladder, wattsPerCore, cores } = given;
  const offers = ladder.length === 0 ? RATES : ladder.filter(({ rate }) => rate > 0);
  return offers.map(({ rung, rate, candidate = chosen }) => {
    const { name, criticality, laneIndex, deadlineUs, isPromised } = task;
    const periodUs = Math.floor(task.periodUs / rate);
    const contract = { periodUs, deadlineUs, criticality };
    const watts = wattsPerCore === undefined ? {} : { wattsPerCore };
    return { rung, task: taskOf(candidate, { name, contract, laneIndex, isPromised, cores, ...watts }) };
  });
}

/** What is taken where no promise holds: the least energy of those that leave room, else the quickest. */
function humblest(roomy: readonly ConsideredPlan[], all: readonly ConsideredPlan[]): ConsideredPlan {
  const quickest = [...all].sort((a, b) => a.profile.p50Us - b.profile.p50Us)[0]!;
  return [...roomy].sort(byMerit)[0] ?? quickest;
}

/** How a session came to run as it does: `Session.plan`. */
export interface OpenedPlan {
  readonly promise: Promising;
  /** The arithmetic of the promise, or why there is none. */
  readonly because: string;
  /** The class of the lane its jobs run on. Best effort that would disturb a promise runs as `background`. */
  readonly laneClass: Criticality;
  /** The way it runs first, then every other with the number that lost; empty where nothing is known of its costs. */
  readonly rows: readonly PlanRow[];
  /** What was measured for this open, and profiles that were not used. */
  readonly notes: readonly string[];
}
