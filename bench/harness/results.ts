// Owns where results go: NDJSON rows in a file and on standard output, a readable table on standard error.
// Invariant: the last row is the summary, with every bar, its measured value and its verdict.

import { appendFileSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { REPO_ROOT } from "./assets.js";
import { type Load, readLoad, readMachine } from "./machine.js";
import type { Quantiles } from "./quantiles.js";
import type { Bench, Row, Scenario } from "./scenario.js";
import type { Verdict } from "./verdict.js";

/** Where rows are written. */
export interface Destination {
  /** The folder of the results files. */
  readonly folder: string;
  /** Rows go to standard output too. */
  readonly isJson: boolean;
}

/** Runs one scenario and writes its rows. Answers its verdicts; an error is written as a row and thrown on. */
export async function record(given: {
  readonly scenario: Scenario;
  readonly values: Readonly<Record<string, string>>;
  readonly destination: Destination;
}): Promise<readonly Verdict[]> {
  const { scenario, values, destination } = given;
  const write = appendRows({ name: scenario.name, ...destination });
  const before = readLoad();
  const startedMs = performance.now();
  write({ type: "run", options: values, machine: readMachine(), load: before });
  say(`${scenario.name}: ${scenario.about}`);
  try {
    const verdicts = await scenario.run(benchOf(values, write));
    write({ type: "summary", rows: verdicts, ...ending({ before, startedMs }) });
    for (const verdict of verdicts) say(verdictLine(verdict));
    return verdicts;
  } catch (error) {
    write({ type: "error", message: error instanceof Error ? error.message : String(error) });
    throw error;
  }
}

/** Opens `<folder>/<name>.ndjson` for one run's rows. */
export function appendRows({
  name,
  folder,
  isJson,
}: Destination & { readonly name: string }): (row: Row) => void {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${name}.ndjson`);
  const run = new Date().toISOString();
  return (row) => {
    const line = portable(JSON.stringify({ ...row, scenario: name, run }));
    appendFileSync(file, `${line}\n`);
    if (isJson) process.stdout.write(`${line}\n`);
  };
}

/** Paths as seen from the checkout: where it lies on this machine is nobody's business, and differs on the next. */
function portable(line: string): string {
  return line.replaceAll(`${REPO_ROOT}/`, "").replaceAll(`${dirname(REPO_ROOT)}/`, "../");
}

function ending({ before, startedMs }: { before: Load; startedMs: number }) {
  const after = readLoad();
  const stealS = before.stealS === null || after.stealS === null ? null : after.stealS - before.stealS;
  return {
    seconds: Math.round((performance.now() - startedMs) / 100) / 10,
    load: { start: before.loadAverage, end: after.loadAverage, stealS },
  };
}

function benchOf(values: Readonly<Record<string, string>>, write: (row: Row) => void): Bench {
  const text = (option: string): string => {
    const value = values[option];
    if (value === undefined) throw new Error(`the scenario declares no option ${option}`);
    return value;
  };
  return {
    text,
    number: (option) => {
      const value = Number(text(option));
      if (!Number.isFinite(value) || value <= 0)
        throw new Error(`--${option} takes a number above 0, not ${text(option)}`);
      return value;
    },
    row: write,
    samples: ({ quantiles, ...names }) => {
      write({ type: "samples", ...names, ...quantiles });
      say(quantilesLine({ ...names, quantiles }));
    },
    say,
  };
}

function quantilesLine(given: { arm: string; metric: string; unit: string; quantiles: Quantiles }): string {
  const { arm, metric, unit, quantiles } = given;
  const { n, p50, p90, p99, p999, max } = quantiles;
  const figures = Object.entries({ p50, p90, p99, p999, max })
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `${name} ${short(value)}`);
  return `  ${arm.padEnd(26)} ${metric.padEnd(22)} ${unit.padEnd(5)} n ${String(n).padEnd(6)} ${figures.join("  ")}`;
}

function verdictLine({ what, bar, measured, limit, unit, verdict, note }: Verdict): string {
  const against = limit === null ? "" : ` (limit ${short(limit)})`;
  const line = `  [${verdict.toUpperCase()}] ${what}: ${short(measured)} ${unit}${against}; bar ${bar}`;
  return note === undefined ? line : `${line}\n      ${note}`;
}

function short(value: number | null): string {
  return value === null ? "-" : String(Number(value.toPrecision(4)));
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
