// Owns the words in which a trial is asked for and answered. Knows no subject's insides.
// Invariant: a trial is one fresh process, one subject, one load; its record holds every sample.

import type { MachineTime } from "../harness/machine-time.js";
import type { LoadRecord } from "./load-loop.js";
import type { LoadShape } from "./load-shape.js";
import type { Subject, SubjectPlan } from "./subject.js";
import type { WarmUp } from "./warm-up.js";

/** What Redline itself costs: the same path without a model, and a thread that only sends back. */
export const CONTROLS = ["null provider", "postMessage echo"] as const;
/** Others that run the same graph. */
export const PEERS = ["onnxruntime-node tuned", "onnxruntime-node", "onnxruntime-web"] as const;
/** Everything that can be put under a load. */
export const SUBJECTS = [...CONTROLS, "redline", ...PEERS] as const;
/** One of them. */
export type SubjectName = (typeof SUBJECTS)[number];

/** One trial. */
export interface TrialRequest {
  readonly subject: SubjectName;
  readonly model: string;
  readonly shape: LoadShape;
  readonly seconds: number;
  readonly leastQueries: number;
  readonly seed: number;
  /** Threads of one of Redline's jobs. */
  readonly threads: number | "auto";
}

/** An amount of energy and where the figure comes from. */
export interface Energy {
  /** What the package drew in the covered time, in millijoules. */
  readonly packageMj: number | null;
  /** Time of the load that readings cover; they come once a second. */
  readonly coveredUs: number;
  readonly source: "measured" | "estimated" | "unknown";
  /** The meters behind it, for people. */
  readonly from: string;
}

/** What a trial came to. */
export interface TrialRecord {
  readonly plan: SubjectPlan;
  readonly answers: Subject["answers"];
  readonly warmUp: WarmUp;
  readonly load: LoadRecord;
  /** Processor time of the subject: its process, and its children where it runs in them. */
  readonly cpuUs: number;
  readonly machine: MachineTime | null;
  readonly energy: Energy;
  readonly peakRssBytes: number;
  /** Hottest zone at start and end; null where no zone can be read. */
  readonly celsius: { readonly start: number | null; readonly end: number | null };
  /** How late a thread that does nothing else woke at the same instants; empty where arrivals are the subject's. */
  readonly bareTimerUs: readonly number[];
}

/** A subject that is not there; a peer is optional. */
export interface TrialSkip {
  readonly skipped: string;
}
