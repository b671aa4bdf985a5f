#!/usr/bin/env node
// Owns the command that tries mutated models: its options, its processes, the hosts' store. Judges nothing.
// Invariant: the seed is printed first, and the same seed makes the same mutants; the exit status is 0 only when the
// row is shown; the hosts' store is a folder of its own and is gone afterwards.

import { mkdtemp, rm } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { REPO_ROOT } from "../harness/assets.js";
import { type ArmProcess, startArm } from "../harness/child.js";
import { appendRows } from "../harness/results.js";
import { MutantArm } from "./arm.js";
import { type Pair, runCampaign } from "./campaign.js";
import { knownCrash } from "./known-crash.js";
import { fetchedSilero, findSources } from "./sources.js";
import { lineOf } from "./summary.js";

interface Flags {
  readonly n: number;
  readonly from: number;
  readonly seed: number;
  readonly crashOpens: number;
  readonly parallel: number;
  readonly small?: boolean;
  readonly provider?: "ort" | "ort-node";
  readonly vetting: "on" | "off";
  readonly results: string;
  readonly json?: boolean;
}

const number = (text: string): number => {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new Error(`not a whole number: ${text}`);
  return value;
};

/** More pairs than two would wait for each other's vetting on most machines, and hold two models in memory each. */
const PAIRS = Math.min(2, availableParallelism());

const program = new Command("mutants")
  .description("Opens and runs mutated models in host processes, which must stay alive.")
  .option("--n <count>", "mutants", number, 500)
  .option("--from <index>", "number of the first one, to go on where another call ended", number, 0)
  .option("--seed <seed>", "which mutants", number, Date.now() % 1_000_000)
  .option("--crash-opens <count>", "opens of the known crash", number, 20)
  .option("--parallel <count>", "hosts that work side by side", number, PAIRS)
  .option("--small", "small sources only: quick, for the tests")
  .option("--provider <name>", "ort or ort-node (default: as the runtime chooses)")
  .option("--vetting <mode>", "off shows what becomes of a host without it", "on")
  .option("--results <folder>", "where rows are appended", join(REPO_ROOT, "bench/results"))
  .option("--json", "rows on standard output too, one JSON object a line");
program.parse();
const flags = program.opts<Flags>();
const { n, from, seed, crashOpens, parallel, vetting, provider } = flags;

const write = appendRows({ name: "mutants", folder: flags.results, isJson: flags.json === true });
const say = (line: string): void => void process.stderr.write(`${line}\n`);

say(`seed ${seed}`);
const home = await mkdtemp(join(tmpdir(), "redline-mutants-"));
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(
    signal,
    () => void rm(home, { recursive: true, force: true }).finally(() => process.exit(130)),
  );
}
try {
  const silero = crashOpens > 0 ? await fetchedSilero(say) : null;
  const sources = await findSources({ isSmall: flags.small === true });
  const asked = { seed, n, from, crashOpens, parallel, vetting, provider: provider ?? "default" };
  write({ type: "run", ...asked, sources: sources.map(({ name }) => name) });
  const summary = await runCampaign({
    ...{ sources, seed, from, n, crashOpens, write, say },
    crash: silero === null ? null : knownCrash(silero),
    pairs: Array.from({ length: Math.max(1, parallel) }, (_, index) => pairIn(join(home, String(index)))),
  });
  process.exitCode = summary.misses.length === 0 ? 0 : 1;
  say(lineOf(summary));
} finally {
  await rm(home, { recursive: true, force: true });
}

/** A host with a store of its own, so that what it finds is in nobody's way. */
function pairIn(root: string): Pair {
  const options = { vetting, ...(provider === undefined ? {} : { provider }) };
  const host = new MutantArm(async (): Promise<ArmProcess> => {
    const arm = await startArm("mutants/host-arm.js", { env: { REDLINE_HOME: root } });
    await arm.ask("start", options);
    return arm;
  });
  return {
    host,
    reference: new MutantArm(() => startArm("mutants/reference-arm.js")),
    forget: () => rm(join(root, "vetted"), { recursive: true, force: true }),
  };
}
