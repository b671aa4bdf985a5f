// Owns the key of a verdict: everything a model's behaviour hangs on, hashed. Knows no verdict.
// Invariant: a change of any part changes the key; options that do not reach the graph are no part of it.

import { createHash } from "node:crypto";
import { cpus } from "node:os";
import type { OrtOptions } from "../bindings/addon.js";
import type { CertainInputs } from "../graphs/settle-model.js";

/**
 * Raised when vetting, or the check of a graph before it, comes to mean more, so that older verdicts are not taken for it: a
 * model with a verdict is not read again.
 */
const VETTING_VERSION = 3;

export interface KeyParts {
  readonly modelSha256: string;
  /** Weights beside the model, by file. */
  readonly external: readonly (readonly [location: string, sha256: string])[];
  /** Of the golden file; null without one. */
  readonly goldenSha256: string | null;
  readonly variant: string;
  /** Constant inputs and stated shapes: they decide what is left of the graph. */
  readonly certain: CertainInputs;
  readonly ort: OrtOptions;
  readonly ortVersion: string;
  readonly provider: string;
  readonly machine: string;
}

/**
 * What of this machine decides how a graph is optimised and computed. At level `all` ONNX Runtime lays convolutions out
 * for the vectors of this processor, so that a graph optimised here is no graph for another.
 */
export function machineFingerprint(simd: readonly string[]): string {
  // Asked once: the system answers for every core, which takes longer than all the rest of a key.
  processor ??= cpus()[0]?.model.trim() || "unknown processor";
  return [process.platform, process.arch, processor, ...simd].join(" ");
}

let processor: string | undefined;

/** What a verdict was found with and on, for people and for telling whether it is of use here. */
export function surroundingsOf(given: Pick<KeyParts, "ortVersion" | "provider" | "machine">): string {
  return `vetting ${VETTING_VERSION}, ${given.provider} ${given.ortVersion}, ${given.machine}`;
}

/** The key, as 64 hexadecimal digits. */
export function vettingKey(parts: KeyParts): string {
  const { ort, ...rest } = parts;
  const text = JSON.stringify([
    VETTING_VERSION,
    Object.entries(rest).sort(([a], [b]) => (a < b ? -1 : 1)),
    graphOptions(ort),
  ]);
  return createHash("sha256").update(text).digest("hex");
}

/** The options that reach the graph, in one spelling. */
function graphOptions(ort: OrtOptions): unknown[] {
  const sorted = (record: Readonly<Record<string, number | string>> = {}): unknown[] =>
    Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1));
  return [
    ort.intraOpThreads ?? 1,
    ort.spin ?? false,
    ort.graphOptimization ?? "all",
    ort.cpuMemArena ?? null,
    ort.memPattern ?? null,
    sorted(ort.freeDimensions),
    sorted(ort.configEntries),
  ];
}
