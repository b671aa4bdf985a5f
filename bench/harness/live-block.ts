// Owns the words in which a block of live pipelines is asked for and answered. Knows no runtime.
// Invariant: a job is counted once, under how it settled; a frame that never became a job is counted as lost.

import { DEFAULT_CONTRACT } from "../../runtime/core/contract.js";
import type { RedlineEvent } from "../../runtime/core/events.js";
import type { MachineTime } from "./machine-time.js";
import type { WakeFiles } from "./wake-files.js";

/** What one block of the pipelines runs. */
export interface LiveRequest {
  readonly seconds: number;
  readonly audio: string;
  readonly frames: string;
  /** Model names or paths for Redline; paths for the peer. */
  readonly voiceModel: string;
  readonly drivingModel: string;
  readonly drivingPeriodMs: number;
  /** What Redline does with a frame still running at its deadline. The peer has no choice: it lets it run. */
  readonly late: "cancel" | "keep";
  readonly gate: "on" | "off";
  /** The wake word's models, run every 80 ms; null leaves it out. */
  readonly wake: WakeFiles | null;
  readonly hogs: HogRequest;
}

/** Background work beside the pipelines: sessions of one model that are run again as soon as they have settled. */
export interface HogRequest {
  readonly count: number;
  readonly model: string;
}

/** One pipeline's block. */
export interface LiveRecord {
  readonly outcomes: Readonly<Record<string, number>>;
  /** Frames overwritten at the source or refused as too old: they never became a job. */
  readonly lost: number;
  /** Periods without a frame because reading the source took too long: the load was lighter than promised. */
  readonly starved: number;
  /** Capture to settlement of every job, whatever its outcome. */
  readonly settleUs: readonly number[];
  /** Capture to the moment JavaScript knows. */
  readonly heardUs: readonly number[];
  /** When the first jobs that missed were captured and settled, on the monotonic clock of the machine. */
  readonly missed: readonly TimeSpan[];
}

/** A stretch of the machine's monotonic clock. */
export interface TimeSpan {
  readonly fromUs: number;
  readonly toUs: number;
}

/** What the hogs did in a block. */
export interface HogRecord {
  readonly runs: number;
  /** Processor time of those runs. */
  readonly cpuUs: number;
}

/** The pipelines' block, and what ran beside them. */
export interface LiveResult {
  readonly voice: LiveRecord;
  readonly driving: LiveRecord;
  readonly wake: LiveRecord | null;
  readonly hogs: HogRecord;
  /** Processor time of the whole process as a share of one core. */
  readonly cpuShare: number;
  /** What all processors did meanwhile; null where the platform does not tell. */
  readonly machine: MachineTime | null;
}

/** A block of hogs alone, as it is asked for. */
export interface HogsAlone {
  readonly seconds: number;
  readonly hogs: HogRequest;
}

/** And as it is answered. */
export type HogsAloneResult = Pick<LiveResult, "hogs" | "machine">;

/** Contracts of both sides. */
export function contractsOf({ drivingPeriodMs, late }: Pick<LiveRequest, "drivingPeriodMs" | "late">) {
  return {
    voice: { periodMs: 32, deadlineMs: 32, criticality: "interactive" },
    wake: { periodMs: 80, deadlineMs: 80, criticality: "interactive" },
    driving: { periodMs: drivingPeriodMs, deadlineMs: drivingPeriodMs, criticality: "critical", late },
    hog: DEFAULT_CONTRACT,
  } as const;
}

/** How one job of a pipeline settled. */
export type Settlement = Pick<RedlineEvent, "status" | "reason" | "capturedUs" | "atUs">;

/** More are not worth reading; all are counted. */
const KEPT_MISSES = 1000;

/** Collects one pipeline's settlements. */
export class LiveCounter {
  readonly #outcomes: Record<string, number> = {};
  readonly #settleUs: number[] = [];
  readonly #heardUs: number[] = [];
  readonly #missed: TimeSpan[] = [];
  #cpuUs = 0;
  /** Whether settlements count: warm-up runs do not. */
  isCounting = false;

  constructor(private readonly nowUs: () => number) {}

  /** Takes an event of the pipeline's session. */
  readonly note = (event: RedlineEvent): void => {
    if (!this.isCounting || event.status === "") return;
    this.count(event);
    if (event.cpuUs > 0) this.#cpuUs += event.cpuUs;
  };

  /** Counts one job. */
  count({ status, reason, capturedUs, atUs }: Settlement): void {
    if (!this.isCounting) return;
    // The end of the block stops what is under way; that says nothing about the contract.
    if (reason === "signal" || reason === "closing") return;
    const key = `${status} / ${reason}`;
    this.#outcomes[key] = (this.#outcomes[key] ?? 0) + 1;
    this.#settleUs.push(atUs - capturedUs);
    this.#heardUs.push(this.nowUs() - capturedUs);
    if (status !== "done" && this.#missed.length < KEPT_MISSES)
      this.#missed.push({ fromUs: capturedUs, toUs: atUs });
  }

  record(frames: { readonly lost: number; readonly starved: number }): LiveRecord {
    return {
      outcomes: this.#outcomes,
      settleUs: this.#settleUs,
      heardUs: this.#heardUs,
      missed: this.#missed,
      ...frames,
    };
  }

  /** The same, of a session that nobody waits for. */
  hogRecord(): HogRecord {
    return { runs: this.#settleUs.length, cpuUs: this.#cpuUs };
  }
}
