// Owns whether a mutant's result is one Redline may give: a clean error, or what the reference computes. Runs nothing.

import type { Tensor } from "../../runtime/core/tensor.js";
import type { TrialResult } from "./protocol.js";

/** What one mutant came to; everything but the last three is as promised. */
export type Verdict =
  /** Refused with a code of ours when opened, or when run. */
  | { readonly good: true; readonly what: "refused" | "refused-input"; readonly detail: string }
  /** Settled as failed, or stopped at its deadline. */
  | { readonly good: true; readonly what: "failed" | "stopped"; readonly detail: string }
  | { readonly good: true; readonly what: "equal"; readonly detail: string }
  | {
      readonly good: false;
      readonly what: "unclean-error" | "different" | "host-died";
      readonly detail: string;
    };

/** What a user may meet when a model is at fault. */
const CLEAN = /^(MODEL|INPUT|PROVIDER)_/;
/** How a process ended, as an error that tells of it must say: a signal, Windows' exception, or a status. */
const END = /\b(SIG[A-Z]{2,}|exception 0x[0-9a-f]+|status -?\d+)\b/;

/**
 * Half of 1 % of the largest output: the host flushes denormals and may run a graph optimised in another order; a
 * quantized mutant rounds differently by one step of 255.
 */
const TOLERANCE = 5e-3;

/** Judges the host's result; `reference` null when the reference's process died of the mutant. */
export function judge(result: TrialResult, reference: TrialResult | null): Verdict {
  switch (result.kind) {
    case "refused":
    case "not-run": {
      const { code, message } = result;
      if (code === null || !CLEAN.test(code)) {
        return { good: false, what: "unclean-error", detail: `${code}: ${message}` };
      }
      const end = END.exec(message)?.[0];
      if (code === "MODEL_CRASHED" && end === undefined) {
        return { good: false, what: "unclean-error", detail: `${code} without a signal: ${message}` };
      }
      const detail = code === "MODEL_CRASHED" ? `${code} ${end}` : code;
      return { good: true, what: result.kind === "refused" ? "refused" : "refused-input", detail };
    }
    case "settled":
      if (result.outcome.startsWith("failed/")) return { good: true, what: "failed", detail: result.outcome };
      if (result.outcome === "cancelled/deadline")
        return { good: true, what: "stopped", detail: result.outcome };
      return { good: false, what: "unclean-error", detail: result.outcome };
    case "done":
      return compare(result.outputs, reference);
  }
}

function compare(outputs: Readonly<Record<string, Tensor>>, reference: TrialResult | null): Verdict {
  if (reference === null) {
    return { good: false, what: "different", detail: "the reference's process died of it" };
  }
  if (reference.kind !== "done") {
    const detail = `the reference ${reference.kind}: ${"message" in reference ? reference.message : ""}`;
    return { good: false, what: "different", detail };
  }
  const absent = Object.keys(reference.outputs).find((name) => !(name in outputs));
  if (absent !== undefined) return { good: false, what: "different", detail: `${absent}: missing` };
  for (const [name, tensor] of Object.entries(outputs)) {
    const expected = reference.outputs[name];
    const fault = expected === undefined ? "missing from the reference" : differenceOf(tensor, expected);
    if (fault !== null) return { good: false, what: "different", detail: `${name}: ${fault}` };
  }
  return { good: true, what: "equal", detail: "" };
}

function differenceOf(actual: Tensor, expected: Tensor): string | null {
  if (String(actual.shape) !== String(expected.shape)) {
    return `shape [${actual.shape}] against [${expected.shape}]`;
  }
  if (actual.data.length !== expected.data.length) {
    return `${actual.data.length} elements against ${expected.data.length}`;
  }
  const largest = Math.max(1, ...blockwise(expected));
  for (let index = 0; index < actual.data.length; index++) {
    const [left, right] = [actual.data[index], expected.data[index]];
    if (typeof left === "string" || typeof right === "string") {
      if (left !== right) return `element ${index}`;
      continue;
    }
    // Equal infinities and two NaN agree; a NaN beside a number must not pass for a small difference.
    if (Object.is(Number(left), Number(right))) continue;
    const difference = Math.abs(Number(left) - Number(right));
    if (!(difference <= TOLERANCE * largest)) return `element ${index}: ${left} against ${right}`;
  }
  return null;
}

/** Largest magnitude, block by block: a spread of a million arguments does not fit the stack. */
function blockwise({ data }: Tensor): number[] {
  const maxima: number[] = [];
  for (let start = 0; start < data.length; start += 4096) {
    let largest = 0;
    for (let index = start; index < Math.min(data.length, start + 4096); index++) {
      const magnitude = Math.abs(Number(data[index]));
      if (magnitude > largest && Number.isFinite(magnitude)) largest = magnitude;
    }
    maxima.push(largest);
  }
  return maxima;
}
