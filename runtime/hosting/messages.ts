// Owns what a hosted runtime and its host thread say to each other, and the form errors have on the way. Knows no model.
// Invariant: every question with an id is answered exactly once, by an answer or by a failure of that id.

import { ERROR_TABLE, type ErrorCode, RedlineError, reasonOf } from "../core/errors.js";
import type { RedlineEvent } from "../core/events.js";
import type { TensorSpec } from "../core/tensor.js";
import type { OpenOptions } from "../open-request.js";
import type { OpenedPlan } from "../plans/open-plan.js";
import type { Runtime, RuntimeOptions } from "../runtime.js";
import type { Outcome, RunInputs, SessionIdentity } from "../sessions/session.js";
import type { StoreOptions } from "../store/store.js";

type Progress = Parameters<NonNullable<StoreOptions["onProgress"]>>[0];
type Licence = Parameters<NonNullable<StoreOptions["onLicence"]>>[0];

/** Options of a runtime that can cross to another thread: those that are no functions. */
export type HostOptions = Omit<RuntimeOptions, "store"> & {
  readonly store?: Omit<StoreOptions, "onProgress" | "onLicence">;
};

/** Options of an open that can cross; a signal is followed from afar. */
export type HostOpenOptions = Omit<OpenOptions, "signal">;

/** What the host thread is started with. */
export interface HostTask {
  readonly options: HostOptions;
}

/** An opened session, as the other thread sees it. */
export interface SessionFace extends SessionIdentity {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  readonly plan: OpenedPlan;
  readonly slots: number;
}

/** An outcome without its methods. */
export type OutcomeFacts = Omit<Outcome, "release" | "latencyUs">;

/** What is asked of the host thread. Questions with an `id` are answered. */
export type Question =
  | {
      readonly ask: "open";
      readonly id: number;
      readonly model: string | Uint8Array;
      readonly options: HostOpenOptions;
    }
  | {
      readonly ask: "run";
      readonly id: number;
      readonly session: string;
      readonly inputs: RunInputs;
      readonly capturedUs: number;
      readonly frame: number | undefined;
    }
  | { readonly ask: "release"; readonly outcome: number }
  | { readonly ask: "stop"; readonly question: number }
  | { readonly ask: "package-watts"; readonly watts: number }
  | { readonly ask: "close-session"; readonly id: number; readonly session: string }
  | { readonly ask: "work"; readonly id: number; readonly module: string; readonly data: unknown }
  | { readonly ask: "close"; readonly id: number };

/** What the host thread says. */
export type Answer =
  | { readonly say: "ready"; readonly provider: Runtime["provider"] }
  | { readonly say: "answer"; readonly id: number; readonly value: unknown }
  | { readonly say: "failure"; readonly id: number; readonly error: ErrorRecord }
  | { readonly say: "unready"; readonly error: ErrorRecord }
  | { readonly say: "events"; readonly events: readonly RedlineEvent[] }
  | { readonly say: "stats"; readonly stats: HostStats }
  | { readonly say: "message"; readonly id: number; readonly message: unknown }
  | { readonly say: "progress"; readonly progress: Progress }
  | { readonly say: "licence"; readonly notice: Licence };

/** The statistics of the hosted runtime, as they were when they were sent. */
export type HostStats = ReturnType<Runtime["stats"]>;

/** An error as plain data. */
export interface ErrorRecord {
  /** Null for an error that is not one of ours. */
  readonly code: ErrorCode | null;
  readonly message: string;
  readonly what?: string;
  readonly expected?: string;
  readonly received?: string;
  readonly hint?: string;
}

/** Everything a caller can read from a thrown value, as plain data. */
export function recordOfError(thrown: unknown): ErrorRecord {
  if (!(thrown instanceof RedlineError)) return { code: null, message: reasonOf(thrown) };
  const { code, message, what, expected, received, hint } = thrown;
  return {
    code,
    message,
    ...(what === undefined ? {} : { what }),
    ...(expected === undefined ? {} : { expected }),
    ...(received === undefined ? {} : { received }),
    ...(hint === undefined ? {} : { hint }),
  };
}

/** The error a record was made of: the same code and particulars. */
export function errorOfRecord({ code, message, ...particulars }: ErrorRecord): Error {
  return code !== null && code in ERROR_TABLE ? new RedlineError(code, particulars) : new Error(message);
}
