// Owns what admission reasons about: tasks with their lanes and costs, the machine they share, and the checks of both.
// Knows no session and no sensor. Invariant: a checked task and machine hold only numbers the analysis may use.

import type { FigureSource } from "../../core/budget.js";
import { CRITICALITIES, type Criticality } from "../../core/contract.js";
import { RedlineError } from "../../core/errors.js";

/** One session as admission sees it: sporadic jobs on one lane. */
export interface AdmissionTask {
  /** The session's name. */
  readonly name: string;
  readonly criticality: Criticality;
  /** Which lane of its class, as `LaneAssignment` gave it. */
  readonly laneIndex: number;
  /** Least time between two jobs. */
  readonly periodUs: number;
  /** From a job's capture to its settlement. */
  readonly deadlineUs: number;
  /** Profiled worst run, alone on the machine, with all its threads running. */
  readonly costUs: number;
  /** Threads of one job, its lane's own included. */
  readonly threads: number;
  /** How much longer its run takes with every other core busy, at least 1. Default: nobody measured it. */
  readonly contention?: number;
  readonly energyMj: number | "unknown";
  /** Where that figure comes from. Default: it was measured. */
  readonly energySource?: FigureSource;
  /** False for a session opened `best-effort`: it loads the machine as declared, and nothing is promised to it. */
  readonly isPromised: boolean;
}

/** The machine that runs the tasks. Every figure is measured or read, none is assumed by the analysis. */
export interface MachineModel {
  readonly cores: number;
  /** `classes`: a class's threads run before those of every lower one. `none`: the system gives no priorities. */
  readonly preemption: "classes" | "none";
  /**
   * `strict` where a lower class gets nothing while a higher one waits. Else the scheduler's weight of each class: a
   * lower thread takes its weight's share of a core that a higher one also wants (Linux, ordinary threads). Infinity for a
   * class that gives nothing away (real-time threads).
   */
  readonly weights: "strict" | Readonly<Record<Criticality, number>>;
  /**
   * How much longer a run takes with every other core busy than alone: they share the memory bus. At least 1. The most of
   * this and of every task's own figure counts for all: who is light by itself is slowed down by a heavy neighbour.
   */
  readonly contention: number;
  /** Waking a lane, the timer, one preemption: added to every job. */
  readonly dispatchUs: number;
  /** What the power budget leaves to sessions, idle power taken off. */
  readonly powerMw: number | "unlimited";
}

/** A task whose cost is that of the shared machine, and how it came to be. */
export interface LoadedTask extends AdmissionTask {
  /** Profiled cost x contention x the share lost to lower classes + dispatch. */
  readonly loadedUs: number;
  /** In words. */
  readonly loadedBecause: string;
}

const MICROSECONDS_MAX = 2 ** 50;

/** @throws RedlineError `CONTRACT_INVALID` naming the task, the field and what is accepted. */
export function checkTask(task: AdmissionTask, { cores }: Pick<MachineModel, "cores">): void {
  const whole = (field: "periodUs" | "deadlineUs" | "costUs", value: number): void => {
    const isFine = Number.isInteger(value) && value >= 1 && value <= MICROSECONDS_MAX;
    if (!isFine) refuse(`${task.name}: ${field}`, value, "whole microseconds, at least 1");
  };
  whole("periodUs", task.periodUs);
  whole("deadlineUs", task.deadlineUs);
  whole("costUs", task.costUs);
  if (!(Number.isInteger(task.threads) && task.threads >= 1 && task.threads <= cores))
    refuse(`${task.name}: threads`, task.threads, `a whole number from 1 to the ${cores} cores`);
  if (!(Number.isInteger(task.laneIndex) && task.laneIndex >= 0))
    refuse(`${task.name}: laneIndex`, task.laneIndex, "a whole number, at least 0");
  if (!CRITICALITIES.includes(task.criticality))
    refuse(`${task.name}: criticality`, task.criticality, CRITICALITIES.join(", "));
  const { energyMj, contention = 1 } = task;
  if (!(Number.isFinite(contention) && contention >= 1))
    refuse(`${task.name}: contention`, contention, "a factor, at least 1");
  if (energyMj !== "unknown" && !(Number.isFinite(energyMj) && energyMj >= 0))
    refuse(`${task.name}: energyMj`, energyMj, "millijoules, at least 0, or unknown");
}

/** @throws RedlineError `CONTRACT_INVALID` naming the field and what is accepted. */
export function checkMachine(machine: MachineModel): void {
  const { cores, contention, dispatchUs, powerMw, weights } = machine;
  if (!(Number.isInteger(cores) && cores >= 1)) refuse("machine: cores", cores, "a whole number, at least 1");
  if (!(Number.isFinite(contention) && contention >= 1))
    refuse("machine: contention", contention, "a factor, at least 1");
  if (!(Number.isInteger(dispatchUs) && dispatchUs >= 0))
    refuse("machine: dispatchUs", dispatchUs, "whole microseconds, at least 0");
  if (powerMw !== "unlimited" && !(Number.isFinite(powerMw) && powerMw >= 0))
    refuse("machine: powerMw", powerMw, "milliwatts, at least 0, or unlimited");
  if (weights === "strict") return;
  for (const name of CRITICALITIES) {
    if (!(weights[name] > 0)) refuse(`machine: weights.${name}`, weights[name], "more than 0");
  }
}

/** The costs on a machine that all of them share. */
export function loadTasks(tasks: readonly AdmissionTask[], machine: MachineModel): LoadedTask[] {
  const most = Math.max(machine.contention, ...tasks.map(({ contention = 1 }) => contention));
  const factor = tasks.length > 1 && machine.cores > 1 ? most : 1;
  return tasks.map((task) => {
    const share = lostShare(task, { tasks, machine });
    const loadedUs = Math.ceil(task.costUs * factor * (1 + share) - 1e-6) + machine.dispatchUs;
    const terms = [`${msOf(task.costUs)} profiled`];
    if (factor > 1) terms.push(`x ${factor} contention`);
    if (share > 0) terms.push(`x ${(1 + share).toFixed(3)} beside lower classes`);
    if (machine.dispatchUs > 0) terms.push(`+ ${msOf(machine.dispatchUs)} dispatch`);
    return { ...task, loadedUs, loadedBecause: terms.join(" ") };
  });
}

/**
 * What a thread loses, per unit of its own run, to lower threads that share its core: their weight over its own, for as
 * many as can be ready at once. Nothing where every thread has a core of its own.
 */
function lostShare(
  task: AdmissionTask,
  { tasks, machine }: { tasks: readonly AdmissionTask[]; machine: MachineModel },
): number {
  const { weights, preemption, cores } = machine;
  if (weights === "strict" || preemption === "none") return 0;
  const widths = new Map<string, { criticality: Criticality; threads: number }>();
  for (const { criticality, laneIndex, threads } of tasks) {
    const lane = `${criticality} ${laneIndex}`;
    widths.set(lane, { criticality, threads: Math.max(threads, widths.get(lane)?.threads ?? 0) });
  }
  const ready = [...widths.values()];
  if (ready.reduce((sum, { threads }) => sum + threads, 0) <= cores) return 0;
  const rank = CRITICALITIES.indexOf(task.criticality);
  return ready
    .filter(({ criticality }) => CRITICALITIES.indexOf(criticality) > rank)
    .reduce((sum, lane) => sum + (lane.threads * weights[lane.criticality]) / weights[task.criticality], 0);
}

/** Microseconds in words. */
export function msOf(us: number): string {
  return `${(us / 1000).toFixed(us < 10_000 ? 2 : 1)} ms`;
}

function refuse(what: string, received: unknown, expected: string): never {
  throw new RedlineError("CONTRACT_INVALID", { what, expected, received: String(received) });
}
