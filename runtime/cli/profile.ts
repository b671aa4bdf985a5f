// Owns `redline profile` and `redline plan`: what a model costs here, and which way to run it, printed. Computes nothing.

import { type Command, Option } from "commander";
import {
  CRITICALITIES,
  type Criticality,
  type PlanReport,
  type ProfileRow,
  planModel,
  profileModel,
  RedlineError,
} from "../index.js";
import { downloadProgress } from "./download-progress.js";
import { licenceNotice } from "./licence-notice.js";
import { positiveNumber, wholeNumber } from "./number-option.js";
import type { Perform, Surroundings } from "./verb.js";

const PROFILE_EXAMPLES = `
Examples:
  redline profile silero-vad --period 32      every variant, on one thread and more, every 32 ms
  redline profile road-seg@fp32 --runs 1000   one variant; more runs see more of the tail
  redline profile model.onnx --spin           spinning threads too

Each way to run the model is measured three times over: paced, paced with cold caches, and beside busy neighbours.
Profiles are kept in the store and expire when the machine, the model, Redline or the source of power changes.`;

const PLAN_EXAMPLES = `
Examples:
  redline plan silero-vad --period 32               the way to run it: deadline first, then energy, then accuracy
  redline plan road-seg --period 50 --explain       every alternative, and the number that lost
  redline plan road-seg --period 50 --deadline 40 --json

Profiles come first: redline profile.`;

interface ContractOptions {
  readonly period: number;
  readonly deadline?: number;
  readonly criticality: Criticality;
}

interface ProfileFlags extends ContractOptions {
  readonly runs: number;
  readonly spin?: true;
}

interface PlanFlags extends ContractOptions {
  readonly explain?: true;
}

/** Declares both verbs. */
export function addProfile(program: Command, perform: Perform): void {
  withContract(program.command("profile").description("what a model costs on this machine"))
    .argument("<model>", "a model by name, name@variant or path")
    .option("--runs <count>", "runs of each way under each set of conditions", wholeNumber("runs"), 100)
    .option("--spin", "measure spinning threads too")
    .addHelpText("after", PROFILE_EXAMPLES)
    .action((model: string, flags: ProfileFlags) =>
      perform((surroundings) => profile({ ...surroundings, model, flags })),
    );
  withContract(program.command("plan").description("which way to run a model under a contract"))
    .argument("<model>", "a model by name, name@variant or path")
    .option("--explain", "every rejected alternative and the number that lost")
    .addHelpText("after", PLAN_EXAMPLES)
    .action((model: string, flags: PlanFlags) =>
      perform((surroundings) => plan({ ...surroundings, model, flags })),
    );
}

function withContract(command: Command): Command {
  return command
    .option("--period <ms>", "time between two jobs", positiveNumber("period"), 50)
    .option("--deadline <ms>", "from capture to settlement (default: the period)", positiveNumber("deadline"))
    .addOption(new Option("--criticality <class>", "class").choices(CRITICALITIES).default("critical"));
}

function contractOf({ period, deadline, criticality }: ContractOptions) {
  return { periodMs: period, criticality, ...(deadline === undefined ? {} : { deadlineMs: deadline }) };
}

async function profile(given: Surroundings & { model: string; flags: ProfileFlags }): Promise<void> {
  const { output, signal, model, flags } = given;
  const progress = downloadProgress(output);
  const store = { onProgress: progress.show, onLicence: licenceNotice(output) };
  try {
    const rows = await profileModel(model, {
      contract: contractOf(flags),
      runs: flags.runs,
      spin: flags.spin === true,
      store,
      signal,
      onProfile: (row) => {
        progress.end();
        output.event({ type: "profile", ...row }, profileText(row));
      },
    });
    output.summarise({ model, profiles: rows.length, runs: flags.runs });
  } finally {
    progress.end();
  }
}

async function plan(given: Surroundings & { model: string; flags: PlanFlags }): Promise<void> {
  const { output, model, flags } = given;
  const report = await planModel(model, { contract: contractOf(flags) });
  const shown = flags.explain === true ? report.rows : report.rows.slice(0, 1);
  if (flags.explain === true)
    output.say("choice                              wcet    worst   energy  accuracy  verdict");
  for (const row of shown) output.event({ type: "plan", ...row }, planText(row));
  for (const record of flags.explain === true ? report.passed : [])
    output.event({ type: "passed", ...record }, `not used: ${record.path}: ${record.because}`);
  const { isFeasible } = report;
  output.summarise({ model, isFeasible, alternatives: report.rows.length });
  if (isFeasible) return;
  throw new RedlineError("PLAN_INFEASIBLE", {
    what: report.rows.map(({ choice, verdict }) => `${choice}: ${verdict}`).join("; "),
    hint: "a longer deadline or period, or a smaller variant",
  });
}

function profileText(row: ProfileRow): string {
  const threads = `${row.threads} ${row.threads === 1 ? "thread" : "threads"}${row.spin ? " spinning" : ""}`;
  const times = `p50 ${row.p50Ms.toFixed(2)} ms, p99 ${row.p99Ms.toFixed(2)}, worst ${row.wcetMs.toFixed(2)}`;
  return `${row.model} on ${row.device}, ${threads}: ${times} (n ${row.samples}), x ${row.contention.toFixed(2)} beside busy neighbours`;
}

function planText(row: PlanReport["rows"][number]): string {
  const energy = row.energyMj === "unknown" ? "unknown" : `${row.energyMj} mJ`;
  return [
    row.choice.padEnd(32),
    `${row.wcetMs.toFixed(2)} ms`.padStart(10),
    (Number.isFinite(row.worstResponseMs) ? `${row.worstResponseMs.toFixed(2)} ms` : "no bound").padStart(10),
    energy.padStart(9),
    String(row.accuracy).padStart(8),
    ` ${row.verdict}`,
  ].join(" ");
}
