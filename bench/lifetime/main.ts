#!/usr/bin/env node
// Owns the command line of the lifetime matrix: every case, many times, on several versions of Node.
// Invariant: the exit status is 0 only when every version asked for was there and no case failed once.

import { appendFileSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { REPO_ROOT } from "../harness/assets.js";
import { readMachine } from "../harness/machine.js";
import { LIFETIME_CASES, type LifetimeCase } from "./cases.js";
import { Journal } from "./journal.js";
import { type FoundNode, playMatrix } from "./matrix.js";
import { nodeOf } from "./node-versions.js";
import { Stage } from "./stage.js";
import { type LifetimeRow, renderSummary, renderTable, rowsOf } from "./table.js";

const RESULTS = join(REPO_ROOT, "bench/results/lifetime.ndjson");
const LOCAL = join(REPO_ROOT, "bench/results/local");
const INTERRUPTED = 130;

const program = new Command("test:lifetime")
  .description("Plays every way a process can live and end with Redline in it.")
  .option("--times <n>", "how often each case is played on each version", "1")
  .option("--node <majors>", "versions of Node, by commas", process.versions.node.split(".")[0])
  .option("--case <words>", "only cases whose subject or name holds these words")
  .option("--jobs <n>", "processes at once", "2")
  .option("--results <file>", "where rows are appended", RESULTS)
  .option("--table", "plays nothing: sums up the rows of the results file")
  .addHelpText(
    "after",
    "\nInterrupted, the same command goes on where it stopped.\n\nExamples:\n  npm run test:lifetime -- --times 100 --node 20,22,24\n  npm run test:lifetime -- --table",
  )
  .action(main);
await program.parseAsync();

interface Flags {
  readonly times: string;
  readonly node: string;
  readonly case?: string;
  readonly jobs: string;
  readonly results: string;
  readonly table?: true;
}

async function main(flags: Flags): Promise<void> {
  if (flags.table) {
    const rows = readFileSync(flags.results, "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as LifetimeRow)
      .filter(({ type }) => type === "case");
    say(`${renderTable(rows)}\n${renderSummary(rows, 0)}`);
    return;
  }
  const [times, jobs] = [countOf("times", flags.times), countOf("jobs", flags.jobs)];
  const words = flags.case ?? "";
  const cases = LIFETIME_CASES.filter(({ subject, name }) => `${subject}: ${name}`.includes(words));
  if (cases.length === 0) throw new Error(`--case: no case holds "${words}"`);
  const majors = flags.node.split(",").map((major) => countOf("node", major));
  const found = await Promise.all(majors.map(nodeOf));
  for (const node of found)
    if (node.path === null) say(`Node ${node.major} could not be had and was not run: ${node.reason}`);
  const nodes = found.filter((node): node is FoundNode => node.path !== null);
  const notRun = found.length - nodes.length;
  const rows = await playAll({ cases, nodes, times, jobs });
  if (rows === undefined) {
    say("interrupted: the same command goes on");
    process.exitCode = INTERRUPTED;
    return;
  }
  write(flags.results, rows);
  say(`${renderTable(rows)}\n${renderSummary(rows, notRun)}`);
  process.exitCode = rows.some(({ failures }) => failures > 0) || notRun > 0 ? 1 : 0;
}

/** The rows of everything played, or undefined when it was interrupted. */
async function playAll(given: {
  readonly cases: readonly LifetimeCase[];
  readonly nodes: readonly FoundNode[];
  readonly times: number;
  readonly jobs: number;
}): Promise<LifetimeRow[] | undefined> {
  const { cases, nodes, times } = given;
  const journal = Journal.open(join(LOCAL, "lifetime-under-way.ndjson"), {
    commit: readMachine().commit,
    times,
    nodes: nodes.map(({ version }) => version),
    cases: cases.map(({ subject, name }) => `${subject}: ${name}`),
  });
  const interruption = new AbortController();
  const interrupt = (): void => interruption.abort();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, interrupt);
  const stage = new Stage();
  try {
    const { environment } = stage;
    const { signal } = interruption;
    const failuresFolder = join(LOCAL, "lifetime-failures");
    await playMatrix({ ...given, environment, journal, failuresFolder, say, signal });
    if (signal.aborted) return undefined;
  } finally {
    stage.close();
  }
  journal.remove();
  return rowsOf(journal.plays);
}

function write(file: string, rows: readonly LifetimeRow[]): void {
  mkdirSync(join(file, ".."), { recursive: true });
  const run = new Date().toISOString();
  const machine = readMachine();
  const lines = [{ type: "run", machine }, ...rows].map((row) => JSON.stringify({ ...row, run }));
  appendFileSync(file, `${lines.join("\n")}\n`);
}

function countOf(option: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new Error(`--${option} takes whole numbers above 0, not ${text}`);
  return value;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
