#!/usr/bin/env node
// Owns the command line of the lifetime matrix: every case, many times, on several versions of Node.
// Invariant: the exit status is 0 only when every version asked for was there and no case failed once.

import { appendFileSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { REPO_ROOT } from "../harness/assets.js";
import { readMachine } from "../harness/machine.js";
import { LIFETIME_CASES, type LifetimeCase } from "./cases.js";
import { type NodeBinary, nodeOf } from "./node-versions.js";
import { type Played, play } from "./play.js";
import { Stage, type StageEnvironment } from "./stage.js";
import { type LifetimeRow, renderTable } from "./table.js";

const RESULTS = join(REPO_ROOT, "bench/results/lifetime.ndjson");

type Found = Extract<NodeBinary, { path: string }>;

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
    "\nExamples:\n  npm run test:lifetime -- --times 100 --node 20,22,24\n  npm run test:lifetime -- --table",
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
      .map((line) => JSON.parse(line) as LifetimeRow);
    say(renderTable(rows.filter(({ type }) => type === "case")));
    return;
  }
  const [times, jobs] = [countOf("times", flags.times), countOf("jobs", flags.jobs)];
  const words = flags.case ?? "";
  const cases = LIFETIME_CASES.filter(({ subject, name }) => `${subject}: ${name}`.includes(words));
  if (cases.length === 0) throw new Error(`--case: no case holds "${words}"`);
  const nodes = await Promise.all(flags.node.split(",").map((major) => nodeOf(countOf("node", major))));
  for (const node of nodes)
    if (node.path === null) say(`Node ${node.major} could not be had and was not run: ${node.reason}`);
  const found = nodes.filter((node): node is Found => node.path !== null);
  const stage = new Stage();
  try {
    const rows = await playAll({ cases, found, times, jobs, environment: stage.environment });
    write(flags.results, rows);
    say(renderTable(rows));
    const failed = rows.reduce((sum, row) => sum + row.failures, 0);
    const played = rows.reduce((sum, row) => sum + row.times, 0);
    say(`${played - failed} passed, ${failed} failed, ${nodes.length - found.length} versions not run`);
    process.exitCode = failed > 0 || found.length < nodes.length ? 1 : 0;
  } finally {
    stage.close();
  }
}

async function playAll(given: {
  readonly cases: readonly LifetimeCase[];
  readonly found: readonly Found[];
  readonly times: number;
  readonly jobs: number;
  readonly environment: StageEnvironment;
}): Promise<LifetimeRow[]> {
  const { cases, found, times, jobs, environment } = given;
  const plays = new Map<string, { lifetimeCase: LifetimeCase; node: Found; played: Played[] }>();
  for (const lifetimeCase of cases) {
    for (const node of found)
      plays.set(`${lifetimeCase.name}/${node.major}`, { lifetimeCase, node, played: [] });
  }
  // Round by round over all cases, so that a bad moment of the machine falls on all alike.
  const queue = Array.from({ length: times }, () => [...plays.values()]).flat();
  const workOff = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const { lifetimeCase, node, played } = next;
      const result = await play({ lifetimeCase, node: node.path, environment });
      played.push(result);
      for (const fault of result.faults) say(`${lifetimeCase.name}, Node ${node.version}: ${fault}`);
    }
  };
  await Promise.all(Array.from({ length: jobs }, workOff));
  return [...plays.values()].map(rowOf);
}

function rowOf(given: { lifetimeCase: LifetimeCase; node: Found; played: readonly Played[] }): LifetimeRow {
  const { lifetimeCase, node, played } = given;
  const faulty = played.filter(({ faults }) => faults.length > 0);
  return {
    type: "case",
    subject: lifetimeCase.subject,
    name: lifetimeCase.name,
    node: node.version,
    times: played.length,
    failures: faulty.length,
    faults: [...new Set(faulty.flatMap(({ faults }) => faults))],
    slowestEndingMs: Math.round(Math.max(0, ...played.map(({ endingMs }) => endingMs ?? 0))),
    slowestLifeMs: Math.round(Math.max(0, ...played.map(({ lifeMs }) => lifeMs))),
  };
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
