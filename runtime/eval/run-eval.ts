// Owns one evaluation: every item of a data set put to a subject, row by row, and what the rows come to. Knows no format.
// Invariant: figures are over measured items only, and every other item is counted and listed; nothing measured is an error.

import { RedlineError } from "../core/errors.js";
import { createRuntime } from "../hosting/create-runtime.js";
import type { Runtime } from "../runtime.js";
import { sha256Of } from "../store/sealed.js";
import type { StoreOptions } from "../store/store.js";
import { type Dataset, openDataset } from "./datasets/dataset.js";
import { ITEM_FAULTS, type ItemFaultKind, type LabelledItem } from "./datasets/item.js";
import { type EvalHeader, type FaultRow, type ItemRow, NO_ITEM_FILE, openItemFile } from "./item-file.js";
import { quantile } from "./metrics/overlap.js";
import { writeEvalReport } from "./report.js";
import { modelSubject, recordedSubject, type Subject } from "./subject.js";
import type { MetricValues } from "./tasks/task.js";
import { type EvalTaskName, TASKS } from "./tasks/tasks.js";
import { showWorst } from "./worst.js";

/** How far an evaluation is. */
export interface EvalProgress {
  readonly done: number;
  readonly total: number;
  /** The last item. */
  readonly id: string;
}

/** What is evaluated on what. */
export interface EvalOptions {
  /** A data set's manifest, or a folder with a `dataset.json`. */
  readonly data: string;
  /** The folder the manifest's paths are relative to, in place of the one it names. */
  readonly folder?: string;
  /** A model by name, name@variant or path. One of `model` and `predictions` is given. */
  readonly model?: string;
  /** Recorded answers: a JSONL file with an id and an answer a line. */
  readonly predictions?: string;
  /** A file for the rows, as NDJSON. */
  readonly items?: string;
  /** Goes on with the rows of `items`, if they are of the same data set and subject. */
  readonly resume?: boolean;
  /** A page of HTML that opens without a network: figures, what was not measured, the worst items with pictures. */
  readonly report?: string;
  /** The first so many items only. Default: all. */
  readonly limit?: number;
  /** The runtime models are opened on. Default: one of its own, with `store`. */
  readonly runtime?: Runtime;
  readonly store?: StoreOptions;
  readonly signal?: AbortSignal;
  readonly onRow?: (row: ItemRow | FaultRow) => void;
  readonly onProgress?: (progress: EvalProgress) => void;
}

/** Latency of the jobs an evaluation took, one after the other on a machine that may have been busy. */
export interface EvalLatency {
  readonly n: number;
  readonly p50: number;
  readonly p99: number;
}

/** What an evaluation came to. */
export interface EvalSummary {
  readonly type: "summary";
  readonly task: EvalTaskName;
  readonly dataset: string;
  readonly datasetSha256: string;
  /** Of the content of every measured item. */
  readonly contentSha256: string;
  readonly subject: string;
  readonly subjectSha256: string;
  readonly items: number;
  readonly measured: number;
  readonly faults: Readonly<Record<ItemFaultKind, number>>;
  /** Whether every item was measured. */
  readonly isComplete: boolean;
  /** By name; what each means stands in `METRICS`. Null where there was nothing to measure. */
  readonly metrics: MetricValues;
  /** The share of items that gave a result, of those that were put to the subject. */
  readonly successRate: number | null;
  /** Null of recorded answers. */
  readonly latencyUs: EvalLatency | null;
  /** The lowest scores, lowest first. */
  readonly worst: readonly { readonly id: string; readonly score: number }[];
}

const WORST_LISTED = 10;

/**
 * Evaluates a model, or recorded answers, on a data set.
 *
 * @throws RedlineError `DATASET_*`, `SOURCE_MISSING`, `EVAL_MISMATCH`, `EVAL_INCOMPLETE` when nothing could be measured,
 * `MODEL_*` and what `Runtime.open` throws; the signal's reason when it fires
 *
 * @example
 * const { metrics, faults } = await runEval({ data: "models/road-seg/eval", model: "road-seg" });
 * console.log(metrics["drivable-iou"], faults);
 */
export async function runEval(options: EvalOptions): Promise<EvalSummary> {
  const { data, folder, model, predictions, signal } = options;
  const dataset = await openDataset(data, folder === undefined ? {} : { folder });
  if ((model === undefined) === (predictions === undefined)) {
    throw new RedlineError("USAGE", {
      what: `data of the task ${dataset.task}`,
      expected: "either a model or recorded answers",
      received: model === undefined ? "neither" : "both",
      hint: "pass --model or --predictions",
    });
  }
  if (predictions !== undefined)
    return evaluate(dataset, await recordedSubject(predictions, dataset.task), options);
  const runtime = options.runtime ?? (await createRuntime(options.store ? { store: options.store } : {}));
  try {
    const asked = { task: dataset.task, model: model ?? "", ...(signal ? { signal } : {}) };
    return await evaluate(dataset, await modelSubject(runtime, asked), options);
  } finally {
    if (options.runtime === undefined) await runtime.close();
  }
}

async function evaluate(dataset: Dataset, subject: Subject, options: EvalOptions): Promise<EvalSummary> {
  const header: EvalHeader = {
    type: "eval",
    schema: 1,
    task: dataset.task,
    dataset: dataset.name,
    datasetSha256: dataset.sha256,
    subject: subject.label,
    subjectSha256: subject.sha256,
  };
  try {
    const { items, resume = false } = options;
    const file = items === undefined ? NO_ITEM_FILE : openItemFile(items, { header, isResumed: resume });
    try {
      const pass = new Pass({ dataset, subject, file, options });
      await pass.go();
      const summary = summaryOf(header, pass);
      file.append(summary);
      if (options.report !== undefined) {
        const worst = await showWorst(dataset, { subject, worst: summary.worst });
        await writeEvalReport(options.report, { summary, faults: pass.faults, worst });
      }
      return summary;
    } finally {
      file.close();
    }
  } finally {
    await subject.close();
  }
}

/** One way through the items. */
class Pass {
  readonly rows: ItemRow[] = [];
  readonly faults: FaultRow[] = [];

  constructor(
    private readonly given: {
      readonly dataset: Dataset;
      readonly subject: Subject;
      readonly file: ReturnType<typeof openItemFile>;
      readonly options: EvalOptions;
    },
  ) {}

  get task(): EvalTaskName {
    return this.given.dataset.task;
  }

  async go(): Promise<void> {
    const { dataset, subject, options } = this.given;
    const total = Math.min(dataset.count, options.limit ?? dataset.count);
    let done = 0;
    for await (const item of dataset.items()) {
      if (done >= total) break;
      options.signal?.throwIfAborted();
      if ("fault" in item) this.#miss({ type: "fault", ...item });
      else await this.#take(item);
      done++;
      options.onProgress?.({ done, total, id: item.id });
    }
    if (options.limit !== undefined) return;
    for (const { id, message } of subject.leftOver()) {
      this.#miss({ type: "fault", id, fault: "unknown-answer", message });
    }
  }

  async #take(item: LabelledItem): Promise<void> {
    const { subject, file } = this.given;
    const { id, sha256 } = item;
    const before = file.before.get(id);
    if (before?.sha256 === sha256) {
      // A row that was there stands while its item has the content it had.
      subject.passOver(id);
      this.#keep(before);
      return;
    }
    const answered = await subject.answer(item);
    if ("fault" in answered) {
      this.#miss({ type: "fault", id, ...answered });
      return;
    }
    const { counts, score } = TASKS[this.task].measure(item.label, answered.answer);
    const row: ItemRow = { type: "item", id, sha256, score, counts, latencyUs: answered.latencyUs };
    file.append(row);
    this.#keep(row);
  }

  #keep(row: ItemRow): void {
    this.rows.push(row);
    this.given.options.onRow?.(row);
  }

  #miss(row: FaultRow): void {
    this.faults.push(row);
    this.given.file.append(row);
    this.given.options.onRow?.(row);
  }
}

function summaryOf(header: EvalHeader, { task, rows, faults }: Pass): EvalSummary {
  if (rows.length === 0) {
    const [first] = faults;
    throw new RedlineError("EVAL_INCOMPLETE", {
      what: `${header.dataset}: none of ${faults.length} items`,
      ...(first ? { received: `${first.id}: ${first.message}` } : {}),
    });
  }
  const counted = Object.fromEntries(
    ITEM_FAULTS.map((kind) => [kind, faults.filter(({ fault }) => fault === kind).length]),
  ) as Record<ItemFaultKind, number>;
  const asked = rows.length + counted.failed + counted["missing-answer"] + counted["bad-answer"];
  const latencies = rows.flatMap(({ latencyUs }) => latencyUs);
  const scored = rows.flatMap(({ id, score }) => (score === null ? [] : [{ id, score }]));
  return {
    type: "summary",
    task,
    dataset: header.dataset,
    datasetSha256: header.datasetSha256,
    contentSha256: sha256Of(rows.map(({ id, sha256 }) => `${id} ${sha256}`).join("\n")),
    subject: header.subject,
    subjectSha256: header.subjectSha256,
    items: rows.length + faults.length,
    measured: rows.length,
    faults: counted,
    isComplete: faults.length === 0,
    metrics: TASKS[task].summarise(rows.map(({ counts }) => counts)),
    successRate: rows.length / asked,
    latencyUs:
      latencies.length === 0
        ? null
        : { n: latencies.length, p50: quantile(latencies, 0.5)!, p99: quantile(latencies, 0.99)! },
    worst: scored.sort((a, b) => a.score - b.score).slice(0, WORST_LISTED),
  };
}
