// Owns what a campaign of mutants comes to: counts, the bars of the row, what was missed. Runs nothing.
// Invariant: a host that died, a result that is neither clean nor equal and a trial that was not made are all misses.

import type { Verdict } from "./judgement.js";

/** Three in five mutants must change the graph's structure. */
const STRUCTURAL_SHARE = 0.6;

/** One mutant and what came of it. */
export interface Tried {
  readonly mutations: readonly string[];
  readonly isStructural: boolean;
  readonly verdict: Verdict;
}

/** The known crash, opened again and again. */
export interface CrashOpens {
  readonly opens: number;
  readonly verdicts: readonly Verdict[];
}

export interface Summary {
  readonly type: "summary";
  readonly seed: number;
  readonly n: number;
  readonly structural: number;
  readonly good: number;
  readonly hostDeaths: number;
  readonly referenceDeaths: number;
  readonly knownCrash: { readonly opens: number; readonly results: Readonly<Record<string, number>> };
  readonly byResult: Readonly<Record<string, number>>;
  /** Refusals by code and, for a crash, by signal. */
  readonly byCode: Readonly<Record<string, number>>;
  readonly byMutation: Readonly<Record<string, number>>;
  readonly seconds: number;
  /** Empty when the row is shown. */
  readonly misses: readonly string[];
}

/** What was asked for and what happened. */
export interface Outcome {
  readonly seed: number;
  readonly n: number;
  readonly crashOpens: number;
  readonly tried: readonly Tried[];
  readonly crash: CrashOpens;
  readonly hostDeaths: number;
  readonly referenceDeaths: number;
  readonly seconds: number;
}

export function summaryOf(outcome: Outcome): Summary {
  const { seed, n, tried, crash, hostDeaths, referenceDeaths, seconds } = outcome;
  const verdicts = tried.map(({ verdict }) => verdict);
  return {
    type: "summary",
    seed,
    n,
    structural: countOf(tried, ({ isStructural }) => isStructural),
    good: countOf(verdicts, ({ good }) => good),
    hostDeaths,
    referenceDeaths,
    knownCrash: { opens: crash.opens, results: tally(crash.verdicts.map(resultOf)) },
    byResult: tally(verdicts.map(({ what }) => what)),
    byCode: tally(verdicts.filter(({ what }) => what === "refused").map(({ detail }) => detail)),
    byMutation: tally(tried.flatMap(({ mutations }) => mutations)),
    seconds,
    misses: missesOf(outcome),
  };
}

function missesOf({ n, crashOpens, tried, crash, hostDeaths }: Outcome): string[] {
  const misses: string[] = [];
  const verdicts = [...tried.map(({ verdict }) => verdict), ...crash.verdicts];
  const bad = countOf(verdicts, ({ good }) => !good);
  const structural = countOf(tried, ({ isStructural }) => isStructural);
  if (hostDeaths > 0) misses.push(`the host died ${hostDeaths} times`);
  if (bad > 0) misses.push(`${bad} results are neither a clean error nor the reference's outputs`);
  if (tried.length < n) misses.push(`${tried.length} of ${n} mutants were tried`);
  if (structural < STRUCTURAL_SHARE * tried.length) {
    misses.push(`${structural} of ${tried.length} mutants changed the graph, at least 60 % must`);
  }
  if (crash.opens < crashOpens)
    misses.push(`the known crash was opened ${crash.opens} of ${crashOpens} times`);
  return misses;
}

/** The summary on one line. */
export function lineOf({ seed, n, structural, good, hostDeaths, knownCrash, ...rest }: Summary): string {
  const { byResult, byCode, seconds, misses } = rest;
  const trials = n + knownCrash.opens;
  const share = n === 0 ? "-" : `${((100 * structural) / n).toFixed(1)} %`;
  const parts = [
    `host alive in ${trials - hostDeaths} of ${trials}`,
    `${good} of ${n} mutants ended clean or equal (${inWords(byResult)})`,
    `refusals ${inWords(byCode) || "none"}`,
    `${share} structural`,
    `known crash ${knownCrash.opens} opens (${inWords(knownCrash.results) || "none"})`,
    `seed ${seed}`,
    `${seconds} s`,
  ];
  return `mutants: ${parts.join("; ")}: ${misses.length === 0 ? "SHOWN" : `MISSED, ${misses.join(", ")}`}`;
}

function resultOf({ what, detail }: Verdict): string {
  return detail === "" ? what : `${what} ${detail}`;
}

function inWords(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .map(([key, count]) => `${count} ${key}`)
    .join(", ");
}

function countOf<Item>(items: readonly Item[], is: (item: Item) => boolean): number {
  return items.filter(is).length;
}

function tally(keys: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const key of keys) counts[key] = (counts[key] ?? 0) + 1;
  return counts;
}
