#!/usr/bin/env node
// Owns the trial of mutated models: makes them, has them opened and run by a host that must live, writes what came of it.
// Invariant: the seed is printed first, and the same seed makes the same mutants. A dead host is a miss, not an error.

import { join } from "node:path";
import { Command } from "commander";
import { fixInput, fixShape, int64Scalar } from "../../runtime/graphs/fix-input.js";
import { readModel } from "../../runtime/graphs/read-model.js";
import { writeModel } from "../../runtime/graphs/write-model.js";
import { REPO_ROOT } from "../harness/assets.js";
import { type ArmProcess, startArm } from "../harness/child.js";
import { appendRows } from "../harness/results.js";
import { judge, type Verdict } from "./judgement.js";
import { type Mutant, makeMutant } from "./mutant.js";
import type { Trial, TrialResult } from "./protocol.js";
import { findSources, SILERO_SHAPES, storedSilero } from "./sources.js";

interface Flags {
  readonly n: number;
  readonly from: number;
  readonly seed: number;
  readonly crashOpens: number;
  readonly small?: boolean;
  readonly provider?: "ort" | "ort-node";
  readonly results: string;
  readonly json?: boolean;
}

/** A mutant that neither opens nor fails in this time has hung its process. */
const TRIAL_TIMEOUT_MS = 120_000;

const number = (text: string): number => {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new Error(`not a whole number: ${text}`);
  return value;
};

const program = new Command("mutants")
  .description("Opens and runs mutated models in one host process, which must stay alive.")
  .option("--n <count>", "mutants", number, 500)
  .option("--from <index>", "number of the first one, to go on where another call ended", number, 0)
  .option("--seed <seed>", "which mutants", number, Date.now() % 1_000_000)
  .option("--crash-opens <count>", "opens of the known crash", number, 20)
  .option("--small", "small sources only: quick, for the tests")
  .option("--provider <name>", "ort or ort-node (default: as the runtime chooses)")
  .option("--results <folder>", "where rows are appended", join(REPO_ROOT, "bench/results"))
  .option("--json", "rows on standard output too, one JSON object a line");
program.parse();
const flags = program.opts<Flags>();

/** A process that is started when needed, and anew after a mutant killed it. */
class Arm {
  deaths = 0;
  private process: ArmProcess | undefined;

  constructor(
    private readonly module: string,
    private readonly begin: (process: ArmProcess) => Promise<unknown> = async () => {},
  ) {}

  /** The result, or how the process died. */
  async try(trial: Trial): Promise<TrialResult | { readonly kind: "died"; readonly message: string }> {
    let timer: NodeJS.Timeout | undefined;
    try {
      this.process ??= await this.started();
      const { pid } = this.process;
      timer = setTimeout(() => process.kill(pid, "SIGKILL"), TRIAL_TIMEOUT_MS);
      return await this.process.ask<TrialResult>("try", trial);
    } catch (error) {
      this.process = undefined;
      this.deaths += 1;
      return { kind: "died", message: error instanceof Error ? error.message : String(error) };
    } finally {
      clearTimeout(timer);
    }
  }

  close(): Promise<void> | undefined {
    return this.process?.close();
  }

  private async started(): Promise<ArmProcess> {
    const started = await startArm(this.module);
    await this.begin(started);
    return started;
  }
}

const host = new Arm("mutants/host-arm.js", (arm) =>
  arm.ask("start", flags.provider === undefined ? {} : { provider: flags.provider }),
);
const reference = new Arm("mutants/reference-arm.js");
const write = appendRows({ name: "mutants", folder: flags.results, isJson: flags.json === true });

process.stderr.write(`seed ${flags.seed}\n`);
const sources = await findSources({ isSmall: flags.small === true });
const { n, from, seed, crashOpens } = flags;
write({
  type: "run",
  seed,
  n,
  from,
  crashOpens,
  provider: flags.provider ?? "default",
  sources: sources.map(({ name }) => name),
});
const verdicts: { readonly mutant: Mutant; readonly verdict: Verdict }[] = [];
for (let index = from; index < from + n; index++) {
  const mutant = makeMutant(sources, { seed, index });
  const verdict = await tryMutant(mutant);
  verdicts.push({ mutant, verdict });
}
const crash = await tryKnownCrash();
await host.close();
await reference.close();
summarise();

async function tryMutant(mutant: Mutant): Promise<Verdict> {
  const trial = { bytes: mutant.bytes, shapes: mutant.shapes, inputSeed: seed + mutant.index };
  const result = await host.try(trial);
  let verdict: Verdict;
  if (result.kind === "died") verdict = { good: false, what: "host-died", detail: result.message };
  else if (result.kind === "done") {
    const expected = await reference.try(trial);
    verdict = judge(result, expected.kind === "died" ? null : expected);
  } else verdict = judge(result, null);
  const { index, source, mutations, isStructural } = mutant;
  write({ type: "mutant", index, source, mutations, isStructural, ...verdict });
  if (!verdict.good) {
    process.stderr.write(
      `mutant ${index} of ${source} (${mutations.join(", ")}): ${verdict.what}: ${verdict.detail}\n`,
    );
  }
  return verdict;
}

/** Silero v5 with `sr` made an initializer and its sizes closed: crashes stock ONNX Runtime 1.30 in most of its opens. */
async function tryKnownCrash(): Promise<{ opens: number; alive: number; results: Record<string, number> }> {
  const results: Record<string, number> = {};
  const [silero] = crashOpens > 0 ? await storedSilero("silero-vad") : [];
  if (silero === undefined) return { opens: 0, alive: 0, results };
  let model = fixInput(readModel(silero.bytes), int64Scalar("sr", 16_000n));
  for (const [name, dims] of Object.entries(SILERO_SHAPES)) model = fixShape(model, name, dims);
  const bytes = writeModel(model);
  const before = host.deaths;
  for (let open = 0; open < crashOpens; open++) {
    const result = await host.try({ bytes, shapes: SILERO_SHAPES, inputSeed: seed });
    const key = result.kind === "refused" ? `refused ${result.code}` : result.kind;
    results[key] = (results[key] ?? 0) + 1;
  }
  return { opens: crashOpens, alive: crashOpens - (host.deaths - before), results };
}

function summarise(): void {
  const tally = (keys: readonly string[]): Record<string, number> => {
    const counts: Record<string, number> = {};
    for (const key of keys) counts[key] = (counts[key] ?? 0) + 1;
    return counts;
  };
  const summary = {
    type: "summary",
    seed,
    n,
    structural: verdicts.filter(({ mutant }) => mutant.isStructural).length,
    byMutation: tally(verdicts.flatMap(({ mutant }) => mutant.mutations)),
    byResult: tally(verdicts.map(({ verdict }) => verdict.what)),
    byCode: tally(verdicts.flatMap(({ verdict }) => (/^refused/.test(verdict.what) ? [verdict.detail] : []))),
    good: verdicts.filter(({ verdict }) => verdict.good).length,
    hostDeaths: host.deaths,
    referenceDeaths: reference.deaths,
    knownCrash: crash,
  };
  write(summary);
  process.stderr.write(`${JSON.stringify(summary, null, 2)}\n`);
}
