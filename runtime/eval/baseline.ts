// Owns the release's baseline: figures that a change must not make worse, by entry and metric. Runs nothing itself but evaluations.
// Invariant: figures are compared only where data, items and model or answers are of the same kind; what is not compared is said.

import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { cpus } from "node:os";
import { dirname, relative, resolve } from "node:path";
import { z } from "zod";
import { RedlineError, reasonOf } from "../core/errors.js";
import { createRuntime } from "../hosting/create-runtime.js";
import type { Runtime } from "../runtime.js";
import { missingInput } from "../sources/broken-input.js";
import type { StoreOptions } from "../store/store.js";
import { METRICS, worseBy } from "./metric-table.js";
import { type EvalProgress, type EvalSummary, runEval } from "./run-eval.js";

const figure = z.strictObject({
  value: z.number(),
  /** By how much of the value it may get worse; of a value of 0, by how much at all. */
  tolerance: z.number().min(0),
});

const entrySchema = z.strictObject({
  data: z.string().min(1),
  folder: z.string().min(1).optional(),
  model: z.string().min(1).optional(),
  predictions: z.string().min(1).optional(),
  /** Of the items' content: other data have other figures. */
  contentSha256: z.string(),
  metrics: z.record(z.string(), figure),
  successRate: figure.optional(),
  /** Held only against a machine of the same name. */
  latencyUsP50: figure.optional(),
});

const baselineSchema = z.strictObject({
  schema: z.literal(1),
  release: z.string().min(1),
  machine: z.string(),
  entries: z.array(entrySchema).min(1),
});

/** The figures of a release. */
export type Baseline = z.infer<typeof baselineSchema>;
/** One evaluation of a baseline and its figures. */
export type BaselineEntry = Baseline["entries"][number];

/** One figure beside the release's. */
export interface BaselineFigure {
  /** The data, and the model or answers. */
  readonly entry: string;
  readonly figure: string;
  readonly was: number;
  /** Null when there was nothing to measure. */
  readonly is: number | null;
  readonly tolerance: number;
  readonly verdict: "kept" | "worse" | "not-compared";
  /** Why it was not compared. */
  readonly because?: string;
}

/** How a baseline is held. */
export interface BaselineOptions {
  readonly runtime?: Runtime;
  readonly store?: StoreOptions;
  readonly signal?: AbortSignal;
  readonly onFigure?: (figure: BaselineFigure) => void;
  readonly onProgress?: (progress: EvalProgress) => void;
}

/** By how much of a figure it may get worse without a word in the baseline: a run on another number of threads differs by less. */
const TOLERANCE = 0.01;
/** Latency of an evaluation is not paced and its machine is not quiet: this is for what doubles, `redline bench` for the rest. */
const LATENCY_TOLERANCE = 1;

/**
 * Evaluates every entry of a baseline again and compares.
 *
 * @throws RedlineError `SOURCE_MISSING`, `SOURCE_FORMAT` for a file that is no baseline, `EVAL_MISMATCH` for other data, and
 * what `runEval` throws. A figure that got worse is a value, not an error.
 *
 * @example
 * const worse = (await checkBaseline("baseline.json")).filter(({ verdict }) => verdict === "worse");
 */
export async function checkBaseline(path: string, options: BaselineOptions = {}): Promise<BaselineFigure[]> {
  const baseline = await readBaseline(path);
  const isSameMachine = baseline.machine === machineName();
  return withRuntime(options, async (runtime) => {
    const figures: BaselineFigure[] = [];
    for (const entry of baseline.entries) {
      const summary = await runEval({
        ...entryOptions(entry, dirname(resolve(path))),
        ...shared(runtime, options),
      });
      requireSameData(entry, { summary, path });
      const found = compareEntry(entry, { summary, isSameMachine });
      for (const one of found) options.onFigure?.(one);
      figures.push(...found);
    }
    return figures;
  });
}

/** Holds one entry's figures against a new evaluation. */
export function compareEntry(
  entry: BaselineEntry,
  { summary, isSameMachine }: { readonly summary: EvalSummary; readonly isSameMachine: boolean },
): BaselineFigure[] {
  const name = `${entry.data} ${entry.model ?? entry.predictions ?? ""}`;
  const held = Object.entries(entry.metrics).map(([metric, { value, tolerance }]): BaselineFigure => {
    const is = summary.metrics[metric] ?? null;
    const loss = is === null ? Number.POSITIVE_INFINITY : lossOf(metric, { was: value, is });
    return {
      entry: name,
      figure: metric,
      was: value,
      is,
      tolerance,
      verdict: loss > tolerance ? "worse" : "kept",
    };
  });
  const { successRate, latencyUsP50 } = entry;
  if (successRate !== undefined) {
    const { value, tolerance } = successRate;
    const is = summary.successRate;
    const isWorse = is === null || value - is > tolerance * value;
    held.push({
      entry: name,
      figure: "success-rate",
      was: value,
      is,
      tolerance,
      verdict: isWorse ? "worse" : "kept",
    });
  }
  if (latencyUsP50 !== undefined) {
    const { value, tolerance } = latencyUsP50;
    const is = summary.latencyUs?.p50 ?? null;
    const figure = { entry: name, figure: "latency-us-p50", was: value, is, tolerance } as const;
    const isWorse = is === null || is > value * (1 + tolerance);
    held.push(
      isSameMachine
        ? { ...figure, verdict: isWorse ? "worse" : "kept" }
        : { ...figure, verdict: "not-compared", because: "the baseline is of another machine" },
    );
  }
  return held;
}

/** Of a figure that was 0, the loss itself. */
function lossOf(metric: string, { was, is }: { readonly was: number; readonly is: number }): number {
  const loss = worseBy(metric, { value: is, than: was });
  return Number.isFinite(loss) ? loss : Math.abs(is - was);
}

/**
 * Writes a baseline of these evaluations as they come out now, and keeps the other ones the file holds. Paths are written
 * relative to the file.
 *
 * @throws RedlineError `OUTPUT_WRITE_FAILED`, `EVAL_INCOMPLETE` when an item could not be measured, and what `runEval` throws
 *
 * @example
 * await writeBaseline("baseline.json", { release: "0.1.0", entries: [{ data: "models/road-seg/eval", model: "road-seg" }] });
 */
export async function writeBaseline(
  path: string,
  given: BaselineOptions & {
    readonly release: string;
    readonly entries: readonly Pick<BaselineEntry, "data" | "folder" | "model" | "predictions">[];
  },
): Promise<Baseline> {
  const home = dirname(resolve(path));
  const entries = await withRuntime(given, async (runtime) => {
    const made: BaselineEntry[] = [];
    for (const entry of given.entries) {
      const summary = await runEval({ ...entryOptions(entry, process.cwd()), ...shared(runtime, given) });
      if (!summary.isComplete) {
        throw new RedlineError("EVAL_INCOMPLETE", {
          what: entry.data,
          expected: "every item measured",
          received: `${summary.measured} of ${summary.items}`,
        });
      }
      made.push(entryOf(entry, { summary, home }));
    }
    return made;
  });
  const machine = machineName();
  const before = existsSync(path) ? await readBaseline(path) : undefined;
  const kept = (before?.entries ?? []).filter((one) => !entries.some((made) => isSameEntry(one, made)));
  // Latencies of another machine would pass for this one's.
  const others = before?.machine === machine ? kept : kept.map(({ latencyUsP50: _, ...entry }) => entry);
  const baseline: Baseline = { schema: 1, release: given.release, machine, entries: [...others, ...entries] };
  await writeFile(path, `${JSON.stringify(baseline, null, 2)}\n`).catch((cause: unknown) => {
    throw new RedlineError("OUTPUT_WRITE_FAILED", { what: path, received: reasonOf(cause), cause });
  });
  return baseline;
}

function isSameEntry(a: BaselineEntry, b: BaselineEntry): boolean {
  return a.data === b.data && a.model === b.model && a.predictions === b.predictions;
}

function entryOf(
  entry: Pick<BaselineEntry, "data" | "folder" | "model" | "predictions">,
  { summary, home }: { readonly summary: EvalSummary; readonly home: string },
): BaselineEntry {
  const { data, folder, model, predictions } = entry;
  // A slash in every path, so that a file is never taken for a model's name.
  const beside = (at: string): string => {
    const path = relative(home, resolve(at)).replaceAll("\\", "/");
    return path.startsWith("../") ? path : `./${path}`;
  };
  const metrics = Object.entries(summary.metrics).flatMap(([name, value]) =>
    value === null || METRICS[name]?.better === "count"
      ? []
      : [[name, { value, tolerance: TOLERANCE }] as const],
  );
  const { successRate, latencyUs, contentSha256 } = summary;
  return {
    data: beside(data),
    ...(folder === undefined ? {} : { folder: beside(folder) }),
    ...(model === undefined ? {} : { model: isPath(model) ? beside(model) : model }),
    ...(predictions === undefined ? {} : { predictions: beside(predictions) }),
    contentSha256,
    metrics: Object.fromEntries(metrics),
    ...(successRate === null ? {} : { successRate: { value: successRate, tolerance: 0 } }),
    ...(latencyUs === null ? {} : { latencyUsP50: { value: latencyUs.p50, tolerance: LATENCY_TOLERANCE } }),
  };
}

/** Names of the catalogue have no slash, and files of models end in .onnx. */
function isPath(model: string): boolean {
  return /[\\/]|\.onnx$/.test(model);
}

function entryOptions(entry: Pick<BaselineEntry, "data" | "folder" | "model" | "predictions">, home: string) {
  const { data, folder, model, predictions } = entry;
  const at = (path: string): string => resolve(home, path);
  return {
    data: at(data),
    ...(folder === undefined ? {} : { folder: at(folder) }),
    ...(model === undefined ? {} : { model: isPath(model) ? at(model) : model }),
    ...(predictions === undefined ? {} : { predictions: at(predictions) }),
  };
}

function shared(runtime: Runtime, { signal, onProgress }: BaselineOptions) {
  return { runtime, ...(signal ? { signal } : {}), ...(onProgress ? { onProgress } : {}) };
}

function requireSameData(
  entry: BaselineEntry,
  given: { readonly summary: EvalSummary; readonly path: string },
): void {
  if (given.summary.contentSha256 === entry.contentSha256) return;
  throw new RedlineError("EVAL_MISMATCH", {
    what: `${given.path}: ${entry.data}`,
    expected: `items of the content ${entry.contentSha256.slice(0, 12)}`,
    received: `${given.summary.contentSha256.slice(0, 12)}, ${given.summary.measured} items`,
    hint: "figures on other data say nothing about a change: write the baseline anew with --write-baseline",
  });
}

async function readBaseline(path: string): Promise<Baseline> {
  const text = await readFile(path, "utf8").catch((cause: unknown) => {
    throw missingInput(path, cause);
  });
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new RedlineError("SOURCE_FORMAT", {
      what: path,
      expected: "JSON",
      received: reasonOf(cause),
      cause,
    });
  }
  const parsed = baselineSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new RedlineError("SOURCE_FORMAT", {
    what: `${path}: ${issue?.path.join(".") ?? ""}`,
    expected: issue?.message ?? "a baseline",
  });
}

function machineName(): string {
  const all = cpus();
  return `${all[0]?.model ?? "unknown"}, ${all.length} cores`;
}

async function withRuntime<T>(options: BaselineOptions, work: (runtime: Runtime) => Promise<T>): Promise<T> {
  const runtime = options.runtime ?? (await createRuntime(options.store ? { store: options.store } : {}));
  try {
    return await work(runtime);
  } finally {
    if (options.runtime === undefined) await runtime.close();
  }
}
