// Owns the one event table: every settle, drop, cancel, load and refusal is one record of this shape.
// Invariant: a record has every field, so that sinks can store it without looking.

import type { OutcomeReason, OutcomeStatus } from "./outcome.js";

/** What an event says. */
export const EVENT_KINDS = {
  "runtime.open": "the runtime was created; detail names the provider",
  "runtime.close": "the runtime is closed",
  "model.vet": "a model was tried in a process of its own; detail says what was found and how long it took",
  "power.change":
    "the thermal band, or the meter behind the power figure, is another one; detail says which and why",
  "session.load": "a session's model was loaded; detail names model and variant",
  "session.refuse": "a session was refused; detail holds the error code",
  "session.reopen": "a session's model was opened anew, or could not be; detail says why",
  "session.release": "models of a session were let go as memory is short; detail says how much and why those",
  "session.close": "a session is closed",
  "ladder.move": "a session moved on its ladder; detail holds both rungs, the cause and the numbers",
  "mode.change": "the mode of the machine changed; detail says to which and why",
  "lane.replace": "a lane that hung was replaced; detail names it",
  "job.settle": "a job ran to its end: done, late or failed",
  "job.drop": "a job was dropped before it started",
  "job.cancel": "a job was stopped before or during its run",
  "job.reject": "a job was never queued",
} as const;
/** A key of `EVENT_KINDS`. */
export type EventKind = keyof typeof EVENT_KINDS;

/** One telemetry record. Absent numbers are -1, absent words are empty. */
export interface RedlineEvent {
  readonly kind: EventKind;
  readonly atUs: number;
  readonly session: string;
  readonly jobId: number;
  readonly status: OutcomeStatus | "";
  readonly reason: OutcomeReason | "";
  readonly capturedUs: number;
  readonly startedUs: number;
  readonly deadlineUs: number;
  readonly cpuUs: number;
  readonly detail: string;
}

/** The port events go into. `emit` returns at once and never throws. */
export interface EventSink {
  emit(event: RedlineEvent): void;
}

const ABSENT: RedlineEvent = Object.freeze({
  kind: "runtime.open",
  atUs: -1,
  session: "",
  jobId: -1,
  status: "",
  reason: "",
  capturedUs: -1,
  startedUs: -1,
  deadlineUs: -1,
  cpuUs: -1,
  detail: "",
});

/** A full record from the fields that apply. */
export function eventOf(fields: Partial<RedlineEvent> & Pick<RedlineEvent, "kind" | "atUs">): RedlineEvent {
  return { ...ABSENT, ...fields };
}

/** The kind under which a job's settlement is recorded. */
export function settlementKind(status: OutcomeStatus): EventKind {
  switch (status) {
    case "dropped":
      return "job.drop";
    case "cancelled":
      return "job.cancel";
    case "rejected":
      return "job.reject";
    default:
      return "job.settle";
  }
}
