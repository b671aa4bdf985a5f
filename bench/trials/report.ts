// Owns the report of a run: one HTML page with verdicts in words, tables, and drawings of every load. Measures nothing.
// Invariant: everything in it comes from rows; what they do not know it calls unknown; no page is larger than two megabytes.

import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { RedlineError } from "../../runtime/core/errors.js";
import { deadlineOf, type LoadShape } from "./load-shape.js";
import { escaped, inMs, percentileChart, subjectClass, timeChart } from "./report-charts.js";
import { page } from "./report-page.js";
import type { BenchRow, ResultRow, RunRow, SkipRow, TrialRow } from "./result-rows.js";

/**
 * Writes the report of the last run among the rows.
 *
 * @throws RedlineError `OUTPUT_WRITE_FAILED`, or `SOURCE_EMPTY` when no run is among them
 */
export function writeReport(path: string, rows: readonly BenchRow[]): void {
  const html = renderReport(rows);
  const file = resolve(path);
  try {
    writeFileSync(file, html);
  } catch (cause) {
    throw new RedlineError("OUTPUT_WRITE_FAILED", { what: file, received: (cause as Error).message, cause });
  }
}

/** The same as text. */
export function renderReport(rows: readonly BenchRow[]): string {
  const run = rows.filter((row): row is RunRow => row.type === "run").at(-1);
  if (run === undefined) throw new RedlineError("SOURCE_EMPTY", { what: "rows of a run" });
  const of = rows.filter((row) => row.run === run.run);
  const loads = new Map<string, Load>();
  for (const row of of) {
    if (row.type !== "trial" && row.type !== "result" && row.type !== "skip") continue;
    const title = titleOf(row.load, row.model);
    const load = loads.get(title) ?? {
      title,
      shape: row.load as LoadShape,
      results: [],
      trials: [],
      skips: [],
    };
    if (row.type === "result") load.results.push(row);
    else if (row.type === "trial") load.trials.push(row);
    else load.skips.push(row);
    loads.set(title, load);
  }
  const title = `Redline bench, ${escaped(run.run.slice(0, 10))}`;
  const parts = [...loads.values()].map(loadPart);
  return page({
    title,
    body: [headPart(run), verdictPart([...loads.values()]), ...parts, methodPart(run)].join("\n"),
  });
}

interface Load {
  readonly title: string;
  readonly shape: LoadShape;
  readonly results: ResultRow[];
  readonly trials: TrialRow[];
  readonly skips: SkipRow[];
}

function titleOf(load: ResultRow["load"], model: string): string {
  const numbers = [
    load.periodUs === undefined ? "" : `, one query every ${load.periodUs / 1000} ms`,
    load.perSecond === undefined ? "" : `, ${load.perSecond} arrivals a second`,
    load.deadlineUs === undefined ? "" : ` within ${load.deadlineUs / 1000} ms`,
    load.inFlight === undefined ? "" : `, ${load.inFlight} queries at once`,
  ];
  return `${model}: ${load.scenario}${numbers.join("")}`;
}

function headPart({ run, machine }: RunRow): string {
  const { cpu, usableCores, cores, memoryBytes, kernel, governor, microcode, platform } = machine;
  const clock = `governor ${governor ?? "unknown"}, microcode ${microcode ?? "unknown"}`;
  return [
    "<h1>Redline bench</h1>",
    `<p class="soft">${escaped(run)}, Redline ${escaped(machine.redline)}${machine.commit === null ? "" : ` (${escaped(machine.commit)})`}, ONNX Runtime ${escaped(machine.onnxruntimeNode)}, Node ${escaped(machine.node)}</p>`,
    `<p>${escaped(cpu)}, ${usableCores} of ${cores} cores, ${(memoryBytes / 2 ** 30).toFixed(1)} GiB, ${escaped(platform)}, kernel ${escaped(kernel)}, ${escaped(clock)}</p>`,
  ].join("\n");
}

function verdictPart(loads: readonly Load[]): string {
  const lines = loads.flatMap(({ title, results }) =>
    results
      .filter(({ subject }) => subject === "redline")
      .map(({ validity, wrongAnswers, words }) => {
        const isGood = wrongAnswers === 0 && validity?.isValid !== false;
        const answers = wrongAnswers === 0 ? "" : `; ${wrongAnswers} answers were wrong`;
        const told = escaped(words + answers);
        if (validity === null) return `<li>${escaped(title)}. ${told}.</li>`;
        // Words that begin with the verdict are not told it twice.
        const rest = told.replace(/^(not )?valid(?= )/, "");
        const mark = `<span class="${isGood ? "good" : "bad"}">${isGood ? "Valid" : "Not valid"}</span>`;
        return `<li>${escaped(title)}. ${mark}${rest === told ? ": " : ""}${rest}.</li>`;
      }),
  );
  return `<h2>Verdicts</h2><ul>${lines.join("")}</ul>`;
}

function loadPart({ title, shape, results, trials, skips }: Load): string {
  const deadlineUs = deadlineOf(shape);
  const ceilingUs = Math.max(...trials.flatMap(({ timeline }) => timeline.map(({ maxUs }) => maxUs)), 1);
  const charts = results.map(({ subject }) => {
    const kept = lastAttempts(trials.filter((row) => row.subject === subject));
    return timeChart(kept, { deadlineUs, ceilingUs });
  });
  return [
    `<h2>${escaped(title)}</h2>`,
    latencyTable(results),
    `<h3>Latency by percentile</h3>${percentileChart(results, deadlineUs)}`,
    `<h3>Latency over time${deadlineUs === null ? "" : ", and where queries missed"}</h3>${charts.join("")}`,
    costTable(results),
    planTable(results, trials),
    ...skips.map(({ subject, why }) => `<p class="soft">${escaped(`${subject} was skipped: ${why}.`)}</p>`),
    ...disturbances(trials),
  ].join("\n");
}

/** The attempt that counted of each trial: the quieter one. */
function lastAttempts(trials: readonly TrialRow[]): TrialRow[] {
  const kept = new Map<number, TrialRow>();
  for (const row of trials) {
    const known = kept.get(row.trial);
    if (known === undefined || (row.foreign.share ?? 0) < (known.foreign.share ?? 0))
      kept.set(row.trial, row);
  }
  return [...kept.values()];
}

function latencyTable(results: readonly ResultRow[]): string {
  const head = ["subject", "n", "p50", "p90", "p99", "p99.9", "max", "a second", "missed"];
  const rows = results.map((row) => {
    const { latencyUs, ci95, perSecond, misses } = row;
    const cell = (value: number | null, interval: readonly [number, number] | null = null): string =>
      value === null
        ? "too few"
        : `${inMs(value)} ms${interval === null ? "" : `<small>${inMs(interval[0])} to ${inMs(interval[1])}</small>`}`;
    return [
      nameOf(row.subject),
      String(latencyUs.n),
      cell(latencyUs.p50, ci95.p50),
      cell(latencyUs.p90, ci95.p90),
      cell(latencyUs.p99, ci95.p99),
      cell(latencyUs.p999, ci95.p999),
      cell(latencyUs.max),
      perSecond.toFixed(1),
      String(misses),
    ];
  });
  return table(head, rows);
}

function costTable(results: readonly ResultRow[]): string {
  const head = [
    "subject",
    "CPU a query",
    "energy a query",
    "source",
    "peak memory",
    "arrival error p99",
    "bare timer p99",
  ];
  const rows = results.map(
    ({ subject, cpuUsPerJob, energyMjPerJob, energySource, peakRssBytes, arrivalErrorUs, bareTimerUs }) => [
      nameOf(subject),
      cpuUsPerJob === null ? "unknown" : `${inMs(cpuUsPerJob)} ms`,
      energyMjPerJob === null ? "unknown" : `${Number(energyMjPerJob.toPrecision(3))} mJ`,
      escaped(energySource),
      `${(peakRssBytes / 2 ** 20).toFixed(0)} MiB`,
      arrivalErrorUs.p99 === null ? "-" : `${inMs(arrivalErrorUs.p99)} ms`,
      bareTimerUs.p99 === null ? "-" : `${inMs(bareTimerUs.p99)} ms`,
    ],
  );
  return `<h3>What it costs</h3>${table(head, rows)}<p class="soft">Energy is what the whole package drew, by query.</p>`;
}

function planTable(results: readonly ResultRow[], trials: readonly TrialRow[]): string {
  const head = ["subject", "runtime", "variant", "threads", "placement", "answers", "warm-up"];
  const rows = results.map(({ subject, plan, wrongAnswers }) => {
    const own = trials.filter((row) => row.subject === subject);
    const placement = Object.entries(own[0]?.placement ?? {}).map(([part, device]) => `${part} on ${device}`);
    const against = own[0]?.answers.against ?? "none";
    const answers =
      against === "none"
        ? "none to check"
        : `${wrongAnswers} wrong, against ${against === "golden" ? "golden vectors" : "its own first run"}`;
    const isWarm = own.every(({ warmUp }) => warmUp.isStable);
    return [
      nameOf(subject),
      escaped(`${plan.runtime} ${plan.version}`),
      escaped(plan.variant),
      plan.threads === 0 ? "its own choice" : String(plan.threads),
      escaped(placement.join(", ")),
      escaped(answers),
      isWarm ? "stable" : "did not settle",
    ];
  });
  return `<h3>Plan and placement</h3>${table(head, rows, "words")}`;
}

function disturbances(trials: readonly TrialRow[]): string[] {
  const disturbed = trials.filter(({ foreign }) => foreign.isDisturbed);
  if (disturbed.length === 0) return [];
  const lines = disturbed.map(({ subject, trial, attempt, foreign }) => {
    const share = (value: number | null): string =>
      value === null ? "unknown" : `${(100 * value).toFixed(0)} %`;
    return `<li>${escaped(`${subject}, trial ${trial}, attempt ${attempt}: ${share(foreign.share)} of the machine went to other programs, ${share(foreign.stolenShare)} to other machines`)}</li>`;
  });
  return [
    `<h3>Disturbed trials</h3><p class="soft">Each was repeated once; the quieter attempt counts.</p><ul>${lines.join("")}</ul>`,
  ];
}

function methodPart({ warmUpRule }: RunRow): string {
  return [
    "<h2>How this was measured</h2>",
    "<p>Every trial is a fresh process; subjects take turns, the null provider first. Latency counts from when a query was due, whatever the subject was doing then. ",
    `Warm-up: ${escaped(warmUpRule)}. A run is valid by the early stopping criterion of MLPerf Inference: so many queries in time beside its misses that a system which just fails the percentile would look this good in one run of a hundred at most. `,
    "Under a percentile stands the interval that holds the true one in 95 of 100 repetitions, if queries are independent.</p>",
  ].join("");
}

function nameOf(subject: string): string {
  return `<span class="swatch ${subjectClass(subject)}"></span>${escaped(subject)}`;
}

/** Cells are HTML already. */
function table(head: readonly string[], rows: readonly (readonly string[])[], kind = ""): string {
  const line = (cells: readonly string[], tag: "th" | "td"): string =>
    `<tr>${cells.map((cell) => `<${tag}>${cell}</${tag}>`).join("")}</tr>`;
  const body = rows.map((cells) => line(cells, "td")).join("");
  return `<div class="scroll"><table class="${kind}">${line(head, "th")}${body}</table></div>`;
}
