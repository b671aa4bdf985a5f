// Owns the port of a process in which a graph is tried: open it, run it, close it, end it. Knows no verdict.
// Invariant: whatever the graph does to its process, every call of a trial settles.

import type { OrtOptions } from "../bindings/addon.js";
import type { Dtype, Tensor, TensorSpec } from "../core/tensor.js";

/** The graph to try: its bytes, or its file where it has more files beside it. */
export type TrialGraph = { readonly bytes: Uint8Array } | { readonly path: string };

export interface TrialSession {
  readonly id: number;
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
}

export interface TrialInput extends Tensor {
  readonly dtype: Dtype;
}

/** Outputs by name. */
export type TrialOutputs = Readonly<Record<string, Tensor>>;

/** How a process ended. */
export interface TrialEnd {
  /** For people: a signal's name, `status 3`, or `exception 0xc0000005`. */
  readonly how: string;
  /** Whether the graph is to blame: a fault of the processor or an abort, and not somebody's kill. */
  readonly isCrash: boolean;
}

/** A process of its own for graphs nobody has seen run yet. */
export interface Trial {
  readonly kind: "child" | "fork";
  readonly pid: number;
  /** Set once the process has ended, before the calls under way reject. */
  readonly end: TrialEnd | undefined;
  /** @throws RedlineError with the code the library's answer means; `PROVIDER_LOST` when the process ended. */
  open(graph: TrialGraph, ort: OrtOptions): Promise<TrialSession>;
  /** @throws RedlineError `PROVIDER_FAILED` when the run failed, `MODEL_TIMEOUT` when it was stopped, `PROVIDER_LOST`. */
  run(
    session: TrialSession,
    given: { readonly inputs: readonly TrialInput[]; readonly limitUs: number },
  ): Promise<TrialOutputs>;
  close(session: TrialSession): Promise<void>;
  /** Ends the process at once and lets go of its memory. Idempotent. */
  kill(): void;
}

/** A trial, or why none could be started. */
export type TrialStart = (room: { readonly bytes: number }) => Promise<Trial>;

/** Signals by which a process dies of its own doing. */
const CRASH_SIGNALS: readonly string[] = [
  "SIGSEGV",
  "SIGBUS",
  "SIGILL",
  "SIGFPE",
  "SIGABRT",
  "SIGTRAP",
  "SIGSYS",
];

/** What an exit says about the graph that was being tried. */
export function describeEnd(status: number | null, signal: string | null): TrialEnd {
  if (signal !== null) return { how: signal, isCrash: CRASH_SIGNALS.includes(signal) };
  // Windows tells a fault by a status of this range.
  if (status !== null && status >= 0xc0000000)
    return { how: `exception 0x${status.toString(16)}`, isCrash: true };
  return { how: `status ${status}`, isCrash: true };
}
