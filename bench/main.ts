#!/usr/bin/env node
// Owns the bench's command line: lists scenarios, runs one, or all that Redline must show. Knows no measurement.
// Invariant: a missed bar is printed and recorded; it is a result, so the exit status stays 0. Only errors exit with 1,
// and with --assert-pick a badly chosen implementation.

import { join } from "node:path";
import { Command } from "commander";
import { REPO_ROOT } from "./harness/assets.js";
import { record } from "./harness/results.js";
import type { Scenario } from "./harness/scenario.js";
import type { Verdict } from "./harness/verdict.js";
import { cancel } from "./scenarios/cancel.js";
import { contracts } from "./scenarios/contracts.js";
import { eventLoop } from "./scenarios/event-loop.js";
import { harness } from "./scenarios/harness.js";
import { hosted } from "./scenarios/hosted.js";
import { idle } from "./scenarios/idle.js";
import { laneDecision } from "./scenarios/lane-decision.js";
import { leakOpens, leakRuns } from "./scenarios/leak.js";
import { mixed } from "./scenarios/mixed.js";
import { nullProvider } from "./scenarios/null.js";
import { ops, PICK_ROW } from "./scenarios/ops.js";
import { power } from "./scenarios/power.js";
import { programFrames } from "./scenarios/program.js";
import { programWeb } from "./scenarios/program-web.js";
import { sileroPaced } from "./scenarios/silero-paced.js";
import { start } from "./scenarios/start.js";
import { vetting } from "./scenarios/vetting.js";

const SCENARIOS: readonly Scenario[] = [
  eventLoop,
  cancel,
  nullProvider,
  sileroPaced,
  start,
  contracts,
  hosted,
  mixed,
  idle,
  harness,
  power,
  leakOpens,
  leakRuns,
  vetting,
  ops,
  programFrames,
  programWeb,
  laneDecision,
];

/** What commander answers: values by option name in camel case. */
type Flags = Readonly<Record<string, unknown>>;

const program = new Command("bench")
  .description("Measures what Redline must show, beside onnxruntime-node, in one interleaved run.")
  .addHelpText(
    "after",
    "\nExamples:\n  npm run bench -- null\n  npm run bench -- cancel --n 2000 --json\n  npm run bench -- must-show --quick",
  )
  .action(list);
for (const scenario of SCENARIOS) {
  const command = withSharedFlags(program.command(scenario.name).description(scenario.about));
  for (const { name, about, full } of scenario.options)
    command.option(`--${name} <value>`, `${about} (default: ${full})`);
  command.action((flags: Flags) => runAll([scenario], flags));
}
withSharedFlags(program.command("must-show").description("every scenario, one after the other")).action(
  (flags: Flags) => runAll(SCENARIOS, flags),
);

try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exitCode = 1;
}

function withSharedFlags(command: Command): Command {
  return command
    .option("--quick", "few samples: proves that the scenario works, not that a bar holds")
    .option(
      "--assert-pick",
      "exit with 1 when an op's chosen implementation is over 10 % slower than the best",
    )
    .option("--json", "rows on standard output too, one JSON object a line")
    .option("--results <folder>", "where rows are appended", join(REPO_ROOT, "bench/results"));
}

function list(): void {
  for (const { name, about } of SCENARIOS) process.stdout.write(`${name.padEnd(14)} ${about}\n`);
  process.stdout.write(`${"must-show".padEnd(14)} every scenario, one after the other\n`);
}

async function runAll(scenarios: readonly Scenario[], flags: Flags): Promise<void> {
  const verdicts: Verdict[] = [];
  const failures: string[] = [];
  for (const scenario of scenarios) {
    const destination = { folder: String(flags.results), isJson: flags.json === true };
    const values = valuesOf(scenario, flags);
    try {
      verdicts.push(...(await record({ scenario, values, destination })));
    } catch (error) {
      failures.push(
        `${scenario.name}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
      );
    }
  }
  const count = (wanted: Verdict["verdict"]): number =>
    verdicts.filter(({ verdict }) => verdict === wanted).length;
  process.stderr.write(
    `bars: ${count("met")} met, ${count("missed")} missed, ${count("not-measured")} not measured\n`,
  );
  if (failures.length > 0) throw new Error(failures.join("\n"));
  const pick = verdicts.find(({ what }) => what === PICK_ROW);
  if (flags.assertPick === true && pick?.verdict !== "met")
    throw new Error(
      `--assert-pick: ${pick === undefined ? "no scenario picks" : `${pick.measured}x the best`}`,
    );
}

/** The scenario's options: as given, else of a quick or a full run. Commander answers names in camel case. */
function valuesOf(scenario: Scenario, flags: Flags): Record<string, string> {
  return Object.fromEntries(
    scenario.options.map(({ name, full, quick }) => {
      const camel = name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
      const given = flags[camel];
      return [name, typeof given === "string" ? given : flags.quick === true ? quick : full];
    }),
  );
}
