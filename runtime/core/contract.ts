// Owns contracts: what a session promises, its defaults and its checks. Knows no clock and no model.
// Invariant: a frozen contract is in integer microseconds and holds only values the checks here accept.

import { usFromMs } from "./clock.js";
import { RedlineError } from "./errors.js";

/** How much a session matters. A lane of a higher class preempts every lower one. */
export const CRITICALITIES = ["critical", "interactive", "background"] as const;
/** One of `CRITICALITIES`. */
export type Criticality = (typeof CRITICALITIES)[number];

/** What happens to a job still running at its deadline: stop it, or let it finish and deliver it `late`. */
export type LatePolicy = "cancel" | "keep";

/**
 * A contract as a caller writes it.
 *
 * @example
 * const contract: Contract = { periodMs: 50, deadlineMs: 50, criticality: "critical" };
 */
export interface Contract {
  /** Expected time between jobs, in milliseconds. */
  readonly periodMs: number;
  /** Time from capture to settlement a job may take, in milliseconds. Default: the period. */
  readonly deadlineMs?: number;
  /** The contract is kept while at most `misses` of every `outOf` jobs miss. Default: 1 in 1000. */
  readonly tolerate?: { readonly misses: number; readonly outOf: number };
  /** Default: `interactive`. */
  readonly criticality?: Criticality;
  /** Default: `cancel`. */
  readonly late?: LatePolicy;
  /**
   * Most energy a job may take, in millijoules, as the mean of its recent jobs. A session above it goes down its own ladder;
   * nobody else pays for it. Default: no limit.
   */
  readonly energyMj?: number;
}

/** A checked contract with every default filled in, in integer microseconds. */
export interface FrozenContract {
  readonly periodUs: number;
  readonly deadlineUs: number;
  readonly tolerate: { readonly misses: number; readonly outOf: number };
  readonly criticality: Criticality;
  readonly late: LatePolicy;
  /** Undefined without a limit. */
  readonly energyMj?: number;
}

/** The contract of a session opened without one: no hurry, one job a second, results kept when late. */
export const DEFAULT_CONTRACT: Contract = {
  periodMs: 1000,
  deadlineMs: 60_000,
  criticality: "background",
  late: "keep",
};

/**
 * Checks a contract and fills in its defaults.
 *
 * @throws RedlineError `CONTRACT_INVALID` naming the field, the value received and what is accepted.
 */
export function freezeContract(contract: Contract): FrozenContract {
  const deadlineMs = contract.deadlineMs ?? contract.periodMs;
  const tolerate = contract.tolerate ?? { misses: 1, outOf: 1000 };
  const criticality = contract.criticality ?? "interactive";
  const late = contract.late ?? "cancel";
  requirePositiveMs("periodMs", contract.periodMs);
  requirePositiveMs("deadlineMs", deadlineMs);
  if (!Number.isInteger(tolerate.misses) || !Number.isInteger(tolerate.outOf) || tolerate.misses < 0) {
    refuse("tolerate", JSON.stringify(tolerate), "whole numbers, misses >= 0");
  }
  if (tolerate.outOf < 1 || tolerate.misses > tolerate.outOf) {
    refuse("tolerate", JSON.stringify(tolerate), "outOf >= 1 and misses <= outOf");
  }
  if (!CRITICALITIES.includes(criticality)) refuse("criticality", criticality, CRITICALITIES.join(", "));
  if (late !== "cancel" && late !== "keep") refuse("late", String(late), "cancel, keep");
  const { energyMj } = contract;
  // A megajoule: days of a laptop at work. Written so that NaN is refused.
  if (energyMj !== undefined && !(typeof energyMj === "number" && energyMj > 0 && energyMj <= 1e9)) {
    refuse("energyMj", String(energyMj), "millijoules: more than 0, at most 1000000000");
  }
  return Object.freeze({
    periodUs: usFromMs(contract.periodMs),
    deadlineUs: usFromMs(deadlineMs),
    tolerate: Object.freeze({ misses: tolerate.misses, outOf: tolerate.outOf }),
    criticality,
    late,
    ...(energyMj === undefined ? {} : { energyMj }),
  });
}

/** Whether `misses` out of `n` settled jobs stay within the tolerance. With no job settled it holds. */
export function isKept(contract: FrozenContract, counts: { misses: number; n: number }): boolean {
  return counts.misses * contract.tolerate.outOf <= contract.tolerate.misses * counts.n;
}

function requirePositiveMs(field: string, value: number): void {
  // A microsecond is the clock's. One day: longer than any period of a paced model, far below 2^53 of exact microseconds.
  if (!(value >= 0.001 && value <= 86_400_000))
    refuse(field, String(value), "at least 0.001, at most 86400000");
}

function refuse(field: string, received: string, expected: string): never {
  throw new RedlineError("CONTRACT_INVALID", {
    what: `contract.${field}`,
    expected,
    received,
    hint: "see Contract in the API documentation",
  });
}
