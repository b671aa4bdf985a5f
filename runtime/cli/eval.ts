// Owns `redline eval`: a model or recorded answers on labelled data, a gate's decision, a release's baseline. Computes nothing.

import type { Command } from "commander";
import type {
  BaselineFigure,
  EvalProgress,
  EvalSummary,
  FaultRow,
  GateVerdict,
  ItemRow,
} from "../eval/index.js";
import { RedlineError } from "../index.js";
import { downloadProgress } from "./download-progress.js";
import { licenceNotice } from "./licence-notice.js";
import { wholeNumber } from "./number-option.js";
import type { Output } from "./output.js";
import { timeProgress } from "./time-progress.js";
import type { Perform, Surroundings } from "./verb.js";

const EXAMPLES = `
Examples:
  redline eval --data frames/ --model road-seg               a folder with a dataset.json: IoU, boundary, lanes at 3 px
  redline eval --data calls.json --folder /media/calls --model silero-vad
  redline eval --data orders.json --predictions out.jsonl    answers of a model Redline does not run: id and answer a line
  redline eval --data frames/ --model road-seg --items rows.ndjson --resume
                                                             every item a row; goes on where it was interrupted
  redline eval --gate road-seg --model other.onnx            exits 0 admitted, 3 refused, with the numbers
  redline eval --baseline baseline.json                      exits 1 when a figure is worse than the release's
  redline eval --write-baseline baseline.json --release 0.2.0 --data frames/ --model road-seg
  redline eval --metrics                                     what every metric means, and whose definition it is
  redline eval --forms                                       how labels and recorded answers are written

Items that cannot be measured (no label, wrong size, duplicates, unreadable) are listed and counted, and end the command with 65.
A model that a gate has refused is not opened by any other command until a gate admits it.`;

interface EvalFlags {
  readonly data?: string;
  readonly folder?: string;
  readonly model?: string;
  readonly predictions?: string;
  readonly items?: string;
  readonly resume?: true;
  readonly limit?: number;
  readonly report?: string;
  readonly gate?: string;
  readonly baseline?: string;
  readonly writeBaseline?: string;
  readonly release?: string;
  readonly metrics?: true;
  readonly forms?: true;
}

/** Declares the verb. */
export function addEval(program: Command, perform: Perform): void {
  program
    .command("eval")
    .description(
      "how right a model is on labelled data, and whether a gate or a release's baseline lets it pass",
    )
    .option("--data <path>", "a data set's manifest, or a folder with a dataset.json")
    .option("--folder <path>", "the folder the manifest's paths are relative to, in place of its own")
    .option("--model <name>", "by name, name@variant or path")
    .option("--predictions <file>", "recorded answers in place of a model: JSONL, an id and an answer a line")
    .option("--items <file>", "write a row for every item here, as NDJSON")
    .option("--resume", "go on with the rows of --items")
    .option(
      "--report <file>",
      "write one page of HTML that opens without a network, the worst items with pictures",
    )
    .option("--limit <count>", "the first so many items only", wholeNumber("limit"))
    .option("--gate <name>", "decide by the gates of this model's manifest, and keep the verdict")
    .option("--baseline <file>", "hold every figure of a release against what comes out now")
    .option("--write-baseline <file>", "write the figures of --data into a baseline, beside those it holds")
    .option("--release <version>", "the release a written baseline is of", "unreleased")
    .option("--metrics", "list every metric and its definition")
    .option("--forms", "list a line of labels and of recorded answers for every task")
    .addHelpText("after", EXAMPLES)
    .action((flags: EvalFlags) => perform((surroundings) => evaluate({ ...surroundings, flags })));
}

type Given = Surroundings & { readonly flags: EvalFlags };

async function evaluate(given: Given): Promise<void> {
  const { gate, baseline, writeBaseline, metrics, data } = given.flags;
  if (metrics === true) return tellMetrics(given.output);
  if (given.flags.forms === true) return tellForms(given.output);
  if (gate !== undefined) return decide(given, gate);
  if (baseline !== undefined) return hold(given, baseline);
  if (data === undefined) {
    throw new RedlineError("USAGE", {
      what: "redline eval",
      expected: "--data, --gate, --baseline or --metrics",
      received: "none of them",
      hint: "redline eval --help has examples",
    });
  }
  return writeBaseline === undefined ? measure(given, data) : release(given, { data, file: writeBaseline });
}

/** What every form is given besides its own options; drawing ends with `end`. */
function watched({ output, signal }: Surroundings) {
  const download = downloadProgress(output);
  const progress = timeProgress(output);
  const startMs = performance.now();
  const onProgress = ({ done, total, id }: EvalProgress): void => {
    const doneS = (performance.now() - startMs) / 1000;
    progress.show({ doneS, totalS: (doneS * total) / Math.max(1, done), label: id });
  };
  return {
    options: { signal, onProgress, store: { onProgress: download.show, onLicence: licenceNotice(output) } },
    clear: () => {
      download.end();
      progress.clear();
    },
    end: () => {
      download.end();
      progress.end();
    },
  };
}

async function measure(given: Given, data: string): Promise<void> {
  const { output, flags } = given;
  const { runEval } = await import("../eval/index.js");
  const { options, clear, end } = watched(given);
  const { folder, model, predictions, items, limit, report } = flags;
  try {
    const summary = await runEval({
      ...{ ...options, data, resume: flags.resume === true },
      ...(folder === undefined ? {} : { folder }),
      ...(model === undefined ? {} : { model }),
      ...(predictions === undefined ? {} : { predictions }),
      ...(items === undefined ? {} : { items }),
      ...(limit === undefined ? {} : { limit }),
      ...(report === undefined ? {} : { report }),
      onRow: (row) => {
        if (row.type === "fault") clear();
        tellRow(output, row);
      },
    });
    end();
    const { type: _, ...fields } = summary;
    output.summarise(fields, summaryText(summary));
    if (report !== undefined) output.event({ type: "report", file: report }, `report: ${report}`);
    requireComplete(summary);
  } finally {
    end();
  }
}

async function decide(given: Given, gate: string): Promise<void> {
  const { output, flags } = given;
  const { describeCheck, runGate } = await import("../eval/index.js");
  const { options, end } = watched(given);
  try {
    const { model } = flags;
    const verdict = await runGate({ ...options, gate, ...(model === undefined ? {} : { model }) });
    end();
    for (const check of verdict.checks) {
      output.event(
        { type: "check", ...check },
        `${check.isMet ? "met     " : "NOT MET "} ${describeCheck(check)}`,
      );
    }
    const { preprocessing } = verdict;
    if (preprocessing !== null) {
      output.event({ type: "preprocessing", ...preprocessing }, preprocessingText(preprocessing));
    }
    output.summarise(
      { ...verdict },
      `\n${verdict.model} is ${verdict.state} by the gate of ${verdict.gate}.`,
    );
    if (verdict.state === "admitted") return;
    throw new RedlineError("EVAL_REFUSED", {
      what: verdict.model,
      received: verdict.reasons.join("; "),
      hint: `it is quarantined: ${verdict.path}`,
    });
  } finally {
    end();
  }
}

function preprocessingText({ stated, others, better }: NonNullable<GateVerdict["preprocessing"]>): string {
  const ways = [stated, ...others].map(({ way, score }) => `  ${score.toFixed(3)}  ${way}`);
  const head =
    better === null ? "met      preprocessing" : `NOT MET  preprocessing: ${better.way} scores higher`;
  return [head, ...ways].join("\n");
}

async function hold(given: Given, file: string): Promise<void> {
  const { output } = given;
  const { checkBaseline } = await import("../eval/index.js");
  const { options, clear, end } = watched(given);
  try {
    const figures = await checkBaseline(file, {
      ...options,
      onFigure: (figure) => {
        clear();
        output.event({ type: "figure", ...figure }, figureText(figure));
      },
    });
    end();
    const worse = figures.filter(({ verdict }) => verdict === "worse");
    output.summarise(
      { baseline: file, figures: figures.length, worse: worse.length },
      `\n${figures.length} figures held against ${file}: ${worse.length} worse`,
    );
    const [first] = worse;
    if (first === undefined) return;
    throw new RedlineError("EVAL_REGRESSED", {
      what: `${worse.length} figures, the first ${first.figure} of ${first.entry}`,
      expected: `${first.was}, give or take ${100 * first.tolerance} %`,
      received: String(first.is),
    });
  } finally {
    end();
  }
}

async function release(given: Given, { data, file }: { data: string; file: string }): Promise<void> {
  const { output, flags } = given;
  const { writeBaseline } = await import("../eval/index.js");
  const { options, end } = watched(given);
  const { folder, model, predictions } = flags;
  const entry = {
    data,
    ...(folder === undefined ? {} : { folder }),
    ...(model === undefined ? {} : { model }),
    ...(predictions === undefined ? {} : { predictions }),
  };
  try {
    const written = await writeBaseline(file, {
      ...options,
      release: flags.release ?? "unreleased",
      entries: [entry],
    });
    end();
    output.summarise({ baseline: file, ...written }, `baseline written: ${file}`);
  } finally {
    end();
  }
}

async function tellMetrics(output: Output): Promise<void> {
  const { METRICS, NORMALISER } = await import("../eval/index.js");
  for (const [metric, definition] of Object.entries(METRICS)) {
    output.event({ type: "metric", metric, ...definition }, `${metric.padEnd(26)} ${definition.definition}`);
  }
  output.summarise({ metrics: Object.keys(METRICS).length, normaliser: NORMALISER }, `\ntext: ${NORMALISER}`);
}

async function tellForms(output: Output): Promise<void> {
  const { TASK_FORMS } = await import("../eval/index.js");
  for (const [task, form] of Object.entries(TASK_FORMS)) {
    const label = form.label === null ? "files, see dataset.json" : JSON.stringify(form.label);
    const answer = form.answer === null ? "a model's only" : JSON.stringify(form.answer);
    output.event({ type: "form", task, ...form }, `${task}\n  label   ${label}\n  answer  ${answer}`);
  }
  output.summarise({ tasks: Object.keys(TASK_FORMS).length });
}

function tellRow(output: Output, row: ItemRow | FaultRow): void {
  output.event(row, row.type === "fault" ? `${row.id}: ${row.fault}, ${row.message}` : undefined);
}

function summaryText({
  task,
  subject,
  dataset,
  metrics,
  items,
  measured,
  worst,
  latencyUs,
}: EvalSummary): string {
  const lines = Object.entries(metrics).map(
    ([name, value]) => `  ${name.padEnd(26)} ${value === null ? "nothing to measure" : figureOf(value)}`,
  );
  const worstText = worst.slice(0, 5).map(({ id, score }) => `${id} ${score.toFixed(3)}`);
  const latency =
    latencyUs === null
      ? []
      : [
          `  jobs took p50 ${(latencyUs.p50 / 1000).toFixed(2)} ms, p99 ${(latencyUs.p99 / 1000).toFixed(2)} ms, unpaced`,
        ];
  return [
    `\n${subject} on ${dataset} (${task}): ${measured} of ${items} items measured`,
    ...lines,
    ...latency,
    ...(worstText.length === 0 ? [] : [`  worst: ${worstText.join(", ")}`]),
  ].join("\n");
}

function figureText({ entry, figure, was, is, verdict, because }: BaselineFigure): string {
  const now = is === null ? "nothing to measure" : figureOf(is);
  return `${verdict.padEnd(12)} ${entry}  ${figure} ${figureOf(was)} -> ${now}${because === undefined ? "" : ` (${because})`}`;
}

function figureOf(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toFixed(4);
}

function requireComplete({ isComplete, measured, items, faults, dataset }: EvalSummary): void {
  if (isComplete) return;
  const kinds = Object.entries(faults).filter(([, count]) => count > 0);
  throw new RedlineError("EVAL_INCOMPLETE", {
    what: dataset,
    expected: `${items} items measured`,
    received: `${measured}; ${kinds.map(([kind, count]) => `${count} ${kind}`).join(", ")}`,
  });
}
