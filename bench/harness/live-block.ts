// Owns the words in which a block of live pipelines is asked for and answered. Knows no runtime.
// Invariant: a job is counted once, under how it settled; a frame that never became a job is counted as lost.

import { DEFAULT_CONTRACT } from "../../runtime/core/contract.js";
import type { RedlineEvent } from "../../runtime/core/events.js";

/** What one block of the two pipelines runs. */
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
  readonly hasHog: boolean;
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
}

/** Both pipelines' block, and what ran beside them. */
export interface LiveResult {
  readonly voice: LiveRecord;
  readonly driving: LiveRecord;
  readonly hogRuns: number;
  /** Processor time of the whole process as a share of one core. */
  readonly cpuShare: number;
}

/** Contracts of both sides. */
export function contractsOf({ drivingPeriodMs, late }: Pick<LiveRequest, "drivingPeriodMs" | "late">) {
  return {
    voice: { periodMs: 32, deadlineMs: 32, criticality: "interactive" },
    driving: { periodMs: drivingPeriodMs, deadlineMs: drivingPeriodMs, criticality: "critical", late },
    hog: DEFAULT_CONTRACT,
  } as const;
}

/** Collects one pipeline's settlements from its session's events. */
export class LiveCounter {
  readonly #outcomes: Record<string, number> = {};
  readonly #settleUs: number[] = [];
  readonly #heardUs: number[] = [];
  /** Whether settlements count: warm-up runs do not. */
  isCounting = false;

  constructor(private readonly nowUs: () => number) {}

  readonly note = (event: RedlineEvent): void => {
    if (!this.isCounting || event.status === "") return;
    // The end of the block stops what is under way; that says nothing about the contract.
    if (event.reason === "signal" || event.reason === "closing") return;
    const key = `${event.status} / ${event.reason}`;
    this.#outcomes[key] = (this.#outcomes[key] ?? 0) + 1;
    this.#settleUs.push(event.atUs - event.capturedUs);
    this.#heardUs.push(this.nowUs() - event.capturedUs);
  };

  record(frames: { readonly lost: number; readonly starved: number }): LiveRecord {
    return { outcomes: this.#outcomes, settleUs: this.#settleUs, heardUs: this.#heardUs, ...frames };
  }
}
