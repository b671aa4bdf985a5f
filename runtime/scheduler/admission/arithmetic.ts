// Owns the words of an admission: every term of a bound with its number, so that a refusal can be checked by hand.
// Knows nothing of how the terms were found. Invariant: the terms printed add up to the figure printed.

import { type AdmissionTask, type LoadedTask, msOf } from "./admission-task.js";
import type { WaitShare } from "./interference.js";
import type { LaneDemand } from "./lane-demand.js";
import type { TaskResponse } from "./lane-response.js";

/** A bound on a response, term by term. */
export function explainResponse(
  bound: TaskResponse,
  { laneName, shares }: { readonly laneName: string; readonly shares: readonly WaitShare[] },
): string {
  const { task, responseUs, arrivesUs, blockedBy, blockedUs, first, waitUs } = bound;
  const terms = [`${msOf(task.loadedUs)} own run (${task.loadedBecause})`];
  for (const { task: mate, jobs } of first)
    terms.push(`${msOf(jobs * mate.loadedUs)} ${jobs} earlier ${plural(jobs)} of ${mate.name}`);
  if (blockedBy !== undefined) terms.push(`${msOf(blockedUs)} one started run of ${blockedBy.name}`);
  if (waitUs > 0) terms.push(`${msOf(waitUs)} while ${shares.map(wordsOf).join(", ")} may hold the cores`);
  const sum =
    arrivesUs > 0 ? `${terms.join(" + ")} - ${msOf(arrivesUs)} before it arrives` : terms.join(" + ");
  const isMet = responseUs <= task.deadlineUs;
  const against = task.isPromised
    ? `${isMet ? "within" : "over"} its deadline of ${msOf(task.deadlineUs)}`
    : `best effort, deadline ${msOf(task.deadlineUs)}`;
  return `${task.name} on ${laneName}: worst response ${msOf(responseUs)}, ${against}: ${sum}`;
}

/** Why a lane's work does not end: what it must do beside what is left of the cores. */
export function explainLoad(task: LoadedTask, lane: LaneDemand): string {
  const loads = lane.tasks.map(({ name, loadedUs, periodUs }) => {
    return `${name} ${msOf(loadedUs)} every ${msOf(periodUs)} = ${percentOf(loadedUs / periodUs)}`;
  });
  const total = lane.tasks.reduce((sum, { loadedUs, periodUs }) => sum + loadedUs / periodUs, 0);
  return (
    `${task.name} on ${lane.name}: no bound on its response: the lane needs ${percentOf(total)} of a core ` +
    `(${loads.join("; ")}), and its class and those above may leave less`
  );
}

/** Energy per job x rate against the budget. */
export function explainPower(
  tasks: readonly AdmissionTask[],
  { neededMw, allowedMw }: { neededMw: number | "unknown"; allowedMw: number | "unlimited" },
): string {
  const terms = tasks.map(({ name, energyMj, periodUs, energySource = "measured" }) => {
    if (energyMj === "unknown") return `${name} unknown`;
    const label = energySource === "measured" ? "" : ` ${energySource}`;
    const rounded = Number(energyMj.toPrecision(6));
    return `${name} ${rounded} mJ${label} / ${msOf(periodUs)} = ${wattsOf((energyMj * 1e6) / periodUs)}`;
  });
  const needed = neededMw === "unknown" ? "unknown" : wattsOf(neededMw);
  const allowed = allowedMw === "unlimited" ? "no budget" : `a budget of ${wattsOf(allowedMw)}`;
  return `power: ${needed} needed, ${allowed}: ${terms.length === 0 ? "nothing is promised" : terms.join(" + ")}`;
}

function wordsOf({ lane, us, isCarriedIn }: WaitShare): string {
  return `${lane.name} ${msOf(us)}${isCarriedIn ? " (work left from before included)" : ""}`;
}

function plural(jobs: number): string {
  return jobs === 1 ? "job" : "jobs";
}

function percentOf(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

function wattsOf(mw: number): string {
  return `${(mw / 1000).toFixed(3)} W`;
}
