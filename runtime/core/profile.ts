// Owns profiles: what one variant on one device costs on this machine, and what makes such a figure expire.
// Knows no sensor and no disk. Invariant: times are integer microseconds; an energy nobody measured is "unknown".

import { RedlineError } from "./errors.js";

/** What a profile was measured for: when any of these differs, it says nothing any more. */
export interface ProfileKey {
  /** Fingerprint of the machine: processor, cores, operating system. */
  readonly machine: string;
  readonly modelSha256: string;
  readonly runtimeVersion: string;
  readonly powerSource: "mains" | "battery" | "unknown";
}

/** One way to run a model: what a planner chooses between. */
export interface ProfiledChoice {
  readonly variant: string;
  /** For example `cpu`. */
  readonly device: string;
  /** Threads of one job, its lane's own included. */
  readonly threads: number;
  /** Whether its threads spin while they wait for work. */
  readonly spin: boolean;
}

/** What else went on while it was measured. */
export interface ProfileConditions {
  /** Time between two runs; 0 for runs back to back, which are quicker than paced ones. */
  readonly periodUs: number;
  /** `cold`: something else went through the caches between two runs. */
  readonly caches: "warm" | "cold";
  /** `busy`: another thread kept the memory bus busy meanwhile. */
  readonly neighbour: "none" | "busy";
}

/** What one choice costs under one set of conditions. */
export interface Profile {
  readonly key: ProfileKey;
  readonly choice: ProfiledChoice;
  readonly conditions: ProfileConditions;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly p999Us: number;
  /** What admission counts with: the longest run seen, or the fitted p99.9 where that is longer. */
  readonly wcetUs: number;
  /** Mean processor time of one run over all its threads; -1 when unknown. */
  readonly cpuUs: number;
  readonly energyMj: number | "unknown";
  /** Runs measured. */
  readonly samples: number;
}

/** The quantiles of measured runs. */
export interface RunQuantiles {
  readonly p50Us: number;
  readonly p99Us: number;
  readonly p999Us: number;
  readonly wcetUs: number;
  readonly samples: number;
}

/** The tail is fitted to the slowest tenth of the runs. */
const TAIL_SHARE = 0.1;

/** Fewer runs have no tail to fit: the longest of them then stands for it. */
const TAIL_RUNS_MIN = 4;

/**
 * Quantiles of run times. Those that too few runs support come from an exponential tail fitted to the slowest tenth (the
 * mean excess over its threshold, as in peaks over threshold), which short measurements otherwise understate.
 *
 * @param runUs run times in microseconds, in any order
 * @throws RedlineError `INTERNAL` without runs, or with one that is no time
 *
 * @example
 * const { p50Us, wcetUs } = quantilesOfRuns([900, 1000, 1100]);
 */
export function quantilesOfRuns(runUs: readonly number[]): RunQuantiles {
  const wrong = runUs.find((run) => !(Number.isFinite(run) && run >= 0));
  if (runUs.length === 0 || wrong !== undefined) {
    throw new RedlineError("INTERNAL", {
      what: "measured runs",
      expected: "at least one, each a time in microseconds",
      received: wrong === undefined ? "none" : String(wrong),
    });
  }
  const rising = [...runUs].sort((a, b) => a - b);
  const longest = rising.at(-1)!;
  const tail = fitTail(rising);
  const at = (share: number): number => {
    // The small allowance keeps 0.99 of 100 at rank 99 in spite of binary fractions.
    const seen = rising[Math.max(0, Math.ceil(share * rising.length - 1e-9) - 1)]!;
    const isSupported = rising.length * (1 - share) >= 1 - 1e-9;
    return Math.ceil(isSupported ? seen : Math.max(seen, tail(share)));
  };
  const p999Us = at(0.999);
  const wcetUs = Math.max(Math.ceil(longest), p999Us, Math.ceil(tail(0.999)));
  return { p50Us: at(0.5), p99Us: at(0.99), p999Us, wcetUs, samples: rising.length };
}

/** The fitted quantile function of the slowest tenth; the longest run where there is too little to fit. */
function fitTail(rising: readonly number[]): (share: number) => number {
  const count = Math.floor(TAIL_SHARE * rising.length);
  if (count < TAIL_RUNS_MIN) return () => rising.at(-1)!;
  const thresholdUs = rising[rising.length - count - 1]!;
  const excess = rising.slice(-count).reduce((sum, run) => sum + run - thresholdUs, 0) / count;
  return (share) => thresholdUs + excess * Math.log(count / rising.length / (1 - share));
}

/** The part of a key that two measurements must share, as text: a file name, a map's key. */
export function profileKeyText(key: ProfileKey): string {
  return [key.machine, key.modelSha256, key.runtimeVersion, key.powerSource].join("|");
}

/** In words what makes a profile expire here; empty when it holds. */
export function expiredBecause(profile: Pick<Profile, "key">, now: ProfileKey): string {
  const names = ["machine", "modelSha256", "runtimeVersion", "powerSource"] as const;
  const words = { machine: "machine", modelSha256: "model", runtimeVersion: "runtime", powerSource: "power" };
  return names
    .filter((name) => profile.key[name] !== now[name])
    .map((name) => `${words[name]} was ${profile.key[name]}, is ${now[name]}`)
    .join("; ");
}
