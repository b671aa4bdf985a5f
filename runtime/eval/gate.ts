// Owns the decision of a gate: a model measured on the data a manifest names, held against its bounds, and the verdict kept.
// Invariant: a metric without a value, an item that was not measured and a wrong preprocessing refuse; nothing is admitted in doubt.

import { dirname, join } from "node:path";
import { RedlineError } from "../core/errors.js";
import { createRuntime } from "../hosting/create-runtime.js";
import type { Runtime } from "../runtime.js";
import { type AccuracyCheck, type AccuracyRecord, AccuracyRecords } from "../store/accuracy-records.js";
import { readManifest } from "../store/catalogue.js";
import type { Manifest, ManifestGate } from "../store/manifest.js";
import { sha256Of } from "../store/sealed.js";
import type { StoreOptions } from "../store/store.js";
import { openDataset } from "./datasets/dataset.js";
import { METRICS } from "./metric-table.js";
import { checkPreprocessing, type PreprocessingFinding } from "./preprocessing-check.js";
import { type EvalProgress, type EvalSummary, runEval } from "./run-eval.js";
import { modelFileOf, openMeasured } from "./subject.js";

/** Which gate, and who wants through. */
export interface GateOptions {
  /** The model whose manifest states the gate, by name, or the path of a manifest. */
  readonly gate: string;
  /** A model by name, name@variant or path. Default: the gate's own model. */
  readonly model?: string;
  readonly runtime?: Runtime;
  readonly store?: StoreOptions;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: EvalProgress) => void;
}

/** What a gate decided, with everything it was decided on. */
export interface GateVerdict extends AccuracyRecord {
  /** The file of the verdict in the store. */
  readonly path: string;
  readonly summaries: readonly EvalSummary[];
  /** Null where the task has no preprocessing that could be checked. */
  readonly preprocessing: PreprocessingFinding | null;
}

/**
 * Decides whether a model passes the gates of a manifest, and keeps the verdict under the hash of the model's file: `open`
 * refuses a file that was refused.
 *
 * @throws RedlineError `MANIFEST_INVALID` for a manifest without gates or with a metric nobody knows, and what `runEval` throws
 *
 * @example
 * const { state, checks } = await runGate({ gate: "road-seg", model: "other.onnx" });
 * console.log(state, checks.map(({ metric, value, isMet }) => [metric, value, isMet]));
 */
export async function runGate(options: GateOptions): Promise<GateVerdict> {
  const runtime = options.runtime ?? (await createRuntime(options.store ? { store: options.store } : {}));
  try {
    return await decide(runtime, options);
  } finally {
    if (options.runtime === undefined) await runtime.close();
  }
}

async function decide(runtime: Runtime, options: GateOptions): Promise<GateVerdict> {
  const { gate, model = gate, signal, onProgress } = options;
  const { manifest, manifestPath } = await manifestOf(runtime, gate);
  const groups = groupsOf(manifest, manifestPath);
  const file = await modelFileOf(runtime, model, signal);
  const checks: AccuracyCheck[] = [];
  const summaries: EvalSummary[] = [];
  const reasons: string[] = [];
  let preprocessing: PreprocessingFinding | null = null;
  for (const [data, gates] of groups) {
    const summary = await runEval({
      ...{ data, model, runtime },
      ...(signal ? { signal } : {}),
      ...(onProgress ? { onProgress } : {}),
    });
    summaries.push(summary);
    const missing = summary.items - summary.measured;
    if (missing > 0)
      reasons.push(`${missing} of ${summary.items} items of ${summary.dataset} were not measured`);
    for (const one of gates) {
      const check = checkGate(one, summary.metrics[one.metric] ?? null);
      checks.push(check);
      if (!check.isMet) reasons.push(describeCheck(check));
    }
    if (summary.task === "road-segmentation") {
      preprocessing = await preprocessingOf(runtime, { model, data, signal });
      const { better, stated } = preprocessing;
      if (better !== null) {
        reasons.push(
          `preprocessing: ${better.way} scores ${better.score.toFixed(3)}, ${stated.way} ${stated.score.toFixed(3)}`,
        );
      }
    }
  }
  const record: AccuracyRecord = {
    schema: 1,
    sha256: file.sha256,
    bytes: file.bytes,
    model: file.label,
    gate: `${manifest.name} ${manifest.version}`,
    state: reasons.length === 0 ? "admitted" : "refused",
    reasons,
    checks,
    dataSha256: sha256Of(summaries.map(({ contentSha256 }) => contentSha256).join("\n")),
    items: summaries.reduce((sum, { measured }) => sum + measured, 0),
    decidedAt: new Date().toISOString(),
  };
  const records = new AccuracyRecords(runtime.store.root);
  await records.write(record);
  return { ...record, path: records.pathOf(record), summaries, preprocessing };
}

async function preprocessingOf(
  runtime: Runtime,
  {
    model,
    data,
    signal,
  }: { readonly model: string; readonly data: string; readonly signal: AbortSignal | undefined },
): Promise<PreprocessingFinding> {
  const session = await openMeasured(runtime, model, signal);
  try {
    return await checkPreprocessing(session, await openDataset(data));
  } finally {
    await session.close();
  }
}

async function manifestOf(
  runtime: Runtime,
  gate: string,
): Promise<{ readonly manifest: Manifest; readonly manifestPath: string }> {
  if (gate.endsWith(".json")) return readManifest(gate);
  const found = (await runtime.store.list()).find(({ model }) => model === gate);
  if (found !== undefined) return readManifest(found.manifestPath);
  throw new RedlineError("MODEL_UNKNOWN", {
    what: gate,
    expected: "a model whose manifest states gates, or the path of a manifest",
    hint: "redline models list",
  });
}

/** The gates of a manifest by the data set they are measured on. */
function groupsOf(manifest: Manifest, manifestPath: string): Map<string, ManifestGate[]> {
  const groups = new Map<string, ManifestGate[]>();
  for (const gate of manifest.gates) {
    if (gate.dataset === undefined) continue;
    if (!(gate.metric in METRICS)) {
      throw new RedlineError("MANIFEST_INVALID", {
        what: `${manifestPath}: the gate ${gate.metric}`,
        expected: `one of ${Object.keys(METRICS).join(", ")}`,
      });
    }
    const data = join(dirname(manifestPath), gate.dataset);
    groups.set(data, [...(groups.get(data) ?? []), gate]);
  }
  if (groups.size > 0) return groups;
  throw new RedlineError("MANIFEST_INVALID", {
    what: `${manifestPath}: gates`,
    expected: "at least one gate with a data set",
    received: "none",
  });
}

/** Holds a value against a gate; the relative bound is that of the reference, in the metric's own direction. */
export function checkGate(gate: ManifestGate, value: number | null): AccuracyCheck {
  const { metric, reference, ofReference } = gate;
  const isHigher = METRICS[metric]?.better !== "lower";
  const relative =
    reference === undefined || ofReference === undefined ? undefined : { reference, ofReference };
  const floors = [gate.atLeast, relative && isHigher ? relative.reference * relative.ofReference : undefined];
  const ceilings = [
    gate.atMost,
    relative && !isHigher ? relative.reference / relative.ofReference : undefined,
  ];
  const known = (bounds: readonly (number | undefined)[]): number[] =>
    bounds.filter((bound) => bound !== undefined);
  const atLeast = Math.max(...known(floors));
  const atMost = Math.min(...known(ceilings));
  return {
    metric,
    value,
    ...(Number.isFinite(atLeast) ? { atLeast } : {}),
    ...(Number.isFinite(atMost) ? { atMost } : {}),
    isMet: value !== null && value >= atLeast && value <= atMost,
  };
}

/** A check in words: what was reached, and what had to be. */
export function describeCheck({ metric, value, atLeast, atMost }: AccuracyCheck): string {
  const bounds = [
    atLeast === undefined ? [] : [`at least ${atLeast.toFixed(4)}`],
    atMost === undefined ? [] : [`at most ${atMost.toFixed(4)}`],
  ].flat();
  return `${metric} ${value === null ? "has no value" : value.toFixed(4)}, ${bounds.join(" and ")}`;
}
