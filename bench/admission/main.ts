#!/usr/bin/env node
// Owns the command line of the study of admission, and its table. Knows no analysis.
// Invariant: the table says how many sets stand behind each share, and with which seed to repeat it.

import { Command } from "commander";
import { BINS, type BinResult, type StudyRequest, studyBin } from "./study.js";

const program = new Command("study:admission")
  .description("Draws task sets and holds what admission says of them against a search for missed deadlines.")
  .option("--cores <count>", "cores of the simulated machine", "2")
  .option("--sets <count>", "sets of each bin", "200")
  .option("--plays <count>", "patterns of arrivals played for each task of a set", "60")
  .option("--threads <count>", "most threads of one job", "1")
  .option("--seed <number>", "seed of the draws", "1")
  .option("--no-priorities", "a machine that gives no priorities")
  .option("--json", "one JSON object a bin");

program.parse();
const flags = program.opts<{
  cores: string;
  sets: string;
  plays: string;
  threads: string;
  seed: string;
  priorities: boolean;
  json?: true;
}>();
const request: StudyRequest = {
  cores: Number(flags.cores),
  setsPerBin: Number(flags.sets),
  playsPerTask: Number(flags.plays),
  threadsMax: Number(flags.threads),
  seed: Number(flags.seed),
  preemption: flags.priorities ? "classes" : "none",
};

const say = (line: string): void => void process.stdout.write(`${line}\n`);
if (!flags.json) {
  say(
    `seed ${request.seed}, ${request.cores} cores, ${request.setsPerBin} sets a bin, 2 to 12 tasks, three classes`,
  );
  say(
    "utilisation   sets  admitted  unsound  refused, miss found  refused in vain  of all   of those without a miss",
  );
}
let unsound = 0;
for (const bin of BINS) {
  const result = studyBin(bin, request);
  unsound += result.unsound;
  say(flags.json ? JSON.stringify({ ...request, ...result }) : rowOf(result));
}
process.exitCode = unsound === 0 ? 0 : 1;

function rowOf(result: BinResult): string {
  const { from, to, sets, admitted, unsound: wrong, refusedRightly, refusedInVain, unsoundSeeds } = result;
  const percent = (part: number, whole: number): string =>
    whole === 0 ? "-" : `${((100 * part) / whole).toFixed(1)} %`;
  return [
    `${from.toFixed(2)} - ${to.toFixed(2)}`,
    String(sets).padStart(5),
    String(admitted).padStart(8),
    String(wrong).padStart(7),
    String(refusedRightly).padStart(19),
    String(refusedInVain).padStart(15),
    percent(refusedInVain, sets).padStart(6),
    percent(refusedInVain, refusedInVain + admitted).padStart(8),
    unsoundSeeds.length === 0 ? "" : `seeds ${unsoundSeeds.slice(0, 5).join(", ")}`,
  ].join("  ");
}
