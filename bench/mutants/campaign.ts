// Owns the trial of many mutants: each opened and run by a host that must live, each result held against the reference.
// Knows no command line. Invariant: a mutant is tried whatever the ones before it did; a dead host is a miss, not an error.

import type { Row } from "../harness/scenario.js";
import type { Died } from "./arm.js";
import { judge, type Verdict } from "./judgement.js";
import { SILERO_SHAPES } from "./known-crash.js";
import { makeMutant } from "./mutant.js";
import type { Trial, TrialResult } from "./protocol.js";
import type { Source } from "./sources.js";
import { type CrashOpens, type Summary, summaryOf, type Tried } from "./summary.js";

/** A process of the campaign, as far as the campaign knows it. */
export interface Tester {
  readonly deaths: number;
  try(trial: Trial): Promise<TrialResult | Died>;
  close(): Promise<void>;
}

/** A host and the reference beside it; pairs work side by side. */
export interface Pair {
  readonly host: Tester;
  readonly reference: Tester;
  /** Makes the host's store forget what it found, so that the next open is a first one. */
  forget(): Promise<void>;
}

export interface Campaign {
  readonly sources: readonly Source[];
  readonly seed: number;
  /** Number of the first mutant. */
  readonly from: number;
  readonly n: number;
  /** The model that is known to crash; null when it is not to be had. */
  readonly crash: Uint8Array | null;
  readonly crashOpens: number;
  readonly pairs: readonly Pair[];
  readonly write: (row: Row) => void;
  readonly say: (line: string) => void;
}

/** Tries every mutant and the known crash, and closes the processes. */
export async function runCampaign(campaign: Campaign): Promise<Summary> {
  const { seed, n, crashOpens, pairs } = campaign;
  const startedMs = performance.now();
  const tried: Tried[] = [];
  const verdicts: Verdict[] = [];
  // One counter for all: a pair that meets a slow mutant holds nobody up.
  const steps = stepsOf(campaign, { tried, verdicts });
  await Promise.all(
    pairs.map(async (pair) => {
      for (const step of steps) await step(pair);
    }),
  );
  await Promise.all(pairs.flatMap(({ host, reference }) => [host.close(), reference.close()]));
  const crash: CrashOpens = { opens: verdicts.length, verdicts };
  const sum = (of: (pair: Pair) => Tester): number => pairs.reduce((all, pair) => all + of(pair).deaths, 0);
  const summary = summaryOf({
    seed,
    n,
    crashOpens,
    tried,
    crash,
    hostDeaths: sum(({ host }) => host),
    referenceDeaths: sum(({ reference }) => reference),
    seconds: Math.round((performance.now() - startedMs) / 100) / 10,
  });
  campaign.write({ ...summary });
  return summary;
}

/** Every trial in order, for whoever is free next. */
function* stepsOf(
  campaign: Campaign,
  found: { readonly tried: Tried[]; readonly verdicts: Verdict[] },
): Generator<(pair: Pair) => Promise<void>> {
  const { from, n, crash, crashOpens } = campaign;
  for (let index = from; index < from + n; index++) {
    yield async (pair) => {
      found.tried.push(await tryMutant(campaign, { pair, index }));
    };
  }
  for (let open = 0; crash !== null && open < crashOpens; open++) {
    yield async (pair) => {
      found.verdicts.push(await tryCrash(campaign, { pair, bytes: crash, open }));
    };
  }
}

async function tryMutant(
  { sources, seed, write, say }: Campaign,
  { pair, index }: { pair: Pair; index: number },
): Promise<Tried> {
  const mutant = makeMutant(sources, { seed, index });
  const { source, mutations, isStructural, bytes, shapes } = mutant;
  const verdict = await verdictOn(pair, { bytes, shapes, inputSeed: seed + index });
  write({ type: "mutant", index, source, mutations, isStructural, ...verdict });
  if (!verdict.good) {
    say(`mutant ${index} of ${source} (${mutations.join(", ")}): ${verdict.what}: ${verdict.detail}`);
  }
  return { mutations, isStructural, verdict };
}

async function tryCrash(
  { seed, write, say }: Campaign,
  { pair, bytes, open }: { pair: Pair; bytes: Uint8Array; open: number },
): Promise<Verdict> {
  // A refusal is remembered: without this only the first of the opens would be one.
  await pair.forget();
  const verdict = await verdictOn(pair, { bytes, shapes: SILERO_SHAPES, inputSeed: seed });
  write({ type: "known-crash", open, ...verdict });
  if (!verdict.good) say(`known crash, open ${open}: ${verdict.what}: ${verdict.detail}`);
  return verdict;
}

async function verdictOn({ host, reference }: Pair, trial: Trial): Promise<Verdict> {
  const result = await host.try(trial);
  if (result.kind === "died") return { good: false, what: "host-died", detail: result.message };
  if (result.kind !== "done") return judge(result, null);
  const expected = await reference.try(trial);
  if (expected.kind !== "died") return judge(result, expected);
  // The reference's optimiser crashed on it; what the graph computes is then asked without it.
  const plain = await reference.try({ ...trial, isUnoptimized: true });
  return judge(result, plain.kind === "died" ? null : plain);
}
