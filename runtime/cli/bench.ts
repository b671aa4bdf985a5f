// Owns `redline bench`: a model under a load, or a suite of them, printed row by row; and two results compared. Computes nothing.

import { type Command, Option } from "commander";
import type { BenchLoad, BenchRow, LoadShape, Moved, ResultRow } from "../../bench/index.js";
import { RedlineError } from "../index.js";
import { downloadProgress } from "./download-progress.js";
import { licenceNotice } from "./licence-notice.js";
import { positiveNumber, wholeNumber } from "./number-option.js";
import type { Output } from "./output.js";
import { timeProgress } from "./time-progress.js";
import type { Perform, Surroundings } from "./verb.js";

const EXAMPLES = `
Examples:
  redline bench --model silero-vad --period-ms 32            one query every 32 ms, each due within its period
  redline bench --scenario single-stream --model road-seg    one after the other
  redline bench --scenario server --model road-seg --per-second 10 --deadline-ms 100
  redline bench --scenario offline --model model.onnx --seconds 10
  redline bench --model silero-vad --period-ms 32 --peers    beside onnxruntime-node and onnxruntime-web
  redline bench --suite board --results board.ndjson --report board.html
                                                             what is worth knowing of a board, in under ten minutes
  redline bench compare a.ndjson b.ndjson                    what moved by more than chance

Each subject is measured in fresh processes, in turn with the others, after the null provider. A run is valid by MLPerf's early stopping
criterion; when it is not, the summary says how many more queries in time are needed. Rows are described by redline-rt/bench.schema.json.`;

const COMPARE_EXAMPLES = `
Examples:
  redline bench compare before.ndjson after.ndjson           exits 1 when a figure got worse
  redline bench compare before.ndjson after.ndjson --json    every figure, one a line

A figure moved when its mean over the trials moved by more than a tenth and by more than the trials' own scatter explains.`;

/** The scenarios and suites are the bench's; said here as well, so that help does not load it. */
const SCENARIOS = ["constant-stream", "single-stream", "server", "offline"] as const;
const SUITES = ["board"] as const;

interface BenchFlags {
  readonly scenario: (typeof SCENARIOS)[number];
  readonly model: string;
  readonly seconds: number;
  readonly trials: number;
  readonly periodMs: number;
  readonly perSecond: number;
  readonly deadlineMs?: number;
  readonly inFlight: number;
  readonly threads?: number;
  readonly suite?: (typeof SUITES)[number];
  readonly peers?: true;
  readonly mlperf?: true;
  readonly results?: string;
  readonly report?: string;
}

/** Declares the verb. */
export function addBench(program: Command, perform: Perform): void {
  const bench = program
    .command("bench")
    .description("what a model's queries take here, paced, with percentiles that have enough samples")
    .addOption(new Option("--scenario <name>", "how queries arrive").choices(SCENARIOS).default(SCENARIOS[0]))
    .option("--model <name>", "by name, name@variant or path", "silero-vad")
    .option("--seconds <count>", "measured time of each subject", positiveNumber("seconds"), 60)
    .option("--trials <count>", "fresh processes that time is split over", wholeNumber("trials"), 3)
    .option("--period-ms <ms>", "constant-stream: period and deadline", positiveNumber("period-ms"), 50)
    .option("--per-second <count>", "server: mean arrivals a second", positiveNumber("per-second"), 10)
    .option("--deadline-ms <ms>", "server: deadline (default: the period)", positiveNumber("deadline-ms"))
    .option("--in-flight <count>", "offline: queries at once", wholeNumber("in-flight"), 8)
    .option("--threads <count>", "threads of a query (default: as its deadline asks)", wholeNumber("threads"))
    .addOption(new Option("--suite <name>", "a set of loads in place of one").choices(SUITES))
    .option("--peers", "beside the other runtimes that are installed")
    .option("--mlperf", "the counts and the 600 seconds MLPerf asks of a run without early stopping")
    .option("--results <file>", "append the rows to this file")
    .option("--report <file>", "write one page of HTML that opens without a network")
    .addHelpText("after", EXAMPLES)
    .action((flags: BenchFlags) => perform((surroundings) => measure({ ...surroundings, flags })));
  bench
    .command("compare")
    .description("which figures of two result files moved by more than chance")
    .argument("<a>", "results from before")
    .argument("<b>", "results from after")
    .addHelpText("after", COMPARE_EXAMPLES)
    .action((a: string, b: string) => perform((surroundings) => compare({ ...surroundings, a, b })));
}

async function measure({ output, signal, flags }: Surroundings & { flags: BenchFlags }): Promise<void> {
  const { appendResults, runBench, SUITES: suites, writeReport } = await import("../../bench/index.js");
  const append = flags.results === undefined ? () => {} : appendResults(flags.results);
  const rows: BenchRow[] = [];
  const loads: readonly BenchLoad[] = flags.suite === undefined ? [loadOf(flags)] : suites[flags.suite];
  const download = downloadProgress(output);
  const progress = timeProgress(output);
  try {
    const { type: _, ...summary } = await runBench({
      loads,
      trials: flags.trials,
      peers: flags.peers === true,
      mlperf: flags.mlperf === true,
      ...(flags.threads === undefined ? {} : { threads: flags.threads }),
      store: { onProgress: download.show, onLicence: licenceNotice(output) },
      signal,
      onProgress: progress.show,
      onRow: (row) => {
        append(row);
        rows.push(row);
        download.end();
        progress.clear();
        if (row.type !== "summary") tell(output, row);
      },
    });
    const verdict = summary.areAllValid
      ? "All of Redline's runs are valid."
      : "Not every run of Redline is valid.";
    if (flags.report !== undefined) {
      writeReport(flags.report, rows);
      output.event({ type: "report", file: flags.report }, `report: ${flags.report}`);
    }
    output.summarise(summary, `\n${verdict}`);
  } finally {
    download.end();
    progress.end();
  }
}

function loadOf(flags: BenchFlags): BenchLoad {
  return { model: flags.model, shape: shapeOf(flags), seconds: flags.seconds };
}

function shapeOf({ scenario, periodMs, perSecond, deadlineMs, inFlight }: BenchFlags): LoadShape {
  switch (scenario) {
    case "constant-stream":
      return { scenario, periodUs: Math.round(periodMs * 1000) };
    case "server":
      return { scenario, perSecond, deadlineUs: Math.round((deadlineMs ?? periodMs) * 1000) };
    case "offline":
      return { scenario, inFlight };
    default:
      return { scenario };
  }
}

function tell(output: Output, row: Exclude<BenchRow, { type: "summary" }>): void {
  switch (row.type) {
    case "run": {
      const { cpu, usableCores, kernel, governor } = row.machine;
      output.event(row, `${cpu}, ${usableCores} cores, kernel ${kernel}, governor ${governor ?? "unknown"}`);
      break;
    }
    case "trial":
      output.event(row, row.foreign.isDisturbed ? disturbedText(row) : undefined);
      break;
    case "result":
      output.event(row, resultText(row));
      break;
    case "skip":
      output.event(row, `${row.load.scenario} ${row.model} on ${row.subject}: skipped, ${row.why}`);
      break;
  }
}

function disturbedText({
  load,
  model,
  subject,
  trial,
  foreign,
}: Extract<BenchRow, { type: "trial" }>): string {
  const others = `${percent(foreign.share)} of the machine went to other programs, ${percent(foreign.stolenShare)} to other machines`;
  return `${load.scenario} ${model} on ${subject}, trial ${trial}: disturbed, ${others}`;
}

/** Two lines for people: what was measured, what it means. */
function resultText(row: ResultRow): string {
  const { load, model, subject, latencyUs, misses, cpuUsPerJob, energyMjPerJob, energySource } = row;
  const { n, p50, p90, p99, p999, max } = latencyUs;
  const quantiles = Object.entries({ p50, p90, p99, "p99.9": p999, max })
    .filter(([, value]) => value !== null)
    .map(([name, value]) => `${name} ${milliseconds(value)}`)
    .join("  ");
  const energy =
    energyMjPerJob === null ? "energy unknown" : `${energyMjPerJob.toFixed(2)} mJ ${energySource}`;
  const cost = `${cpuUsPerJob === null ? "CPU unknown" : `CPU ${milliseconds(cpuUsPerJob)}`}, ${energy} a query`;
  const wrong = row.wrongAnswers === 0 ? "" : `; ${row.wrongAnswers} ANSWERS WRONG`;
  return [
    `${load.scenario} ${model} on ${subject}: n ${n}  ${quantiles}  missed ${misses}${wrong}`,
    `  ${cost}; ${row.words}`,
  ].join("\n");
}

async function compare({ output, a, b }: Surroundings & { a: string; b: string }): Promise<void> {
  const { compareResults, readResults } = await import("../../bench/index.js");
  const { moved, ...counts } = compareResults(await readResults(a), await readResults(b));
  for (const one of moved)
    output.event({ type: "figure", ...one }, one.verdict === "same" ? undefined : movedText(one));
  for (const row of counts.onlyInA) output.event({ type: "only", in: "a", row }, `only in ${a}: ${row}`);
  for (const row of counts.onlyInB) output.event({ type: "only", in: "b", row }, `only in ${b}: ${row}`);
  const { worse, better } = counts;
  output.summarise(
    { ...counts, figures: moved.length },
    `${moved.length} figures compared: ${worse} worse, ${better} better`,
  );
  if (worse === 0) return;
  const [first] = moved.filter(({ verdict }) => verdict === "worse") as [Moved, ...Moved[]];
  throw new RedlineError("BENCH_REGRESSED", {
    what: `${worse} figures, the first ${first.row}, ${first.figure}`,
  });
}

function movedText({ row, figure, a, b, change, threshold, verdict }: Moved): string {
  const sign = change > 0 ? "+" : "";
  return `${verdict.toUpperCase()}  ${row}: ${figure} ${short(a)} -> ${short(b)} (${sign}${(100 * change).toFixed(1)} %, beyond ${(100 * threshold).toFixed(1)} %)`;
}

function milliseconds(us: number | null): string {
  return us === null ? "-" : `${(us / 1000).toFixed(3)} ms`;
}

function percent(share: number | null): string {
  return share === null ? "an unknown share" : `${(100 * share).toFixed(0)} %`;
}

function short(value: number): string {
  return String(Number(value.toPrecision(4)));
}
