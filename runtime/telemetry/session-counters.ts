// Owns the counts and quantiles of one session, read from its events. Knows no session object.
// Invariant: constant memory while the session is open, a few numbers after; every settled job is counted once.

import { createHistogram, type RecordableHistogram } from "node:perf_hooks";
import type { RedlineEvent } from "../core/events.js";
import { isRequested, type OutcomeStatus, zeroOutcomes } from "../core/outcome.js";

/** Quantiles in microseconds. */
export interface LatencyQuantiles {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

const WAITING_LATENCIES = 64;
const NO_QUANTILES: LatencyQuantiles = Object.freeze({ p50: 0, p90: 0, p99: 0, p999: 0, max: 0 });

// A histogram is a few hundred kilobytes that the collector does not see: programs that open and close sessions use
// the same few again, instead of leaving them to a collection that nothing calls for.
const MOST_SPARE_HISTOGRAMS = 8;
const spareHistograms: RecordableHistogram[] = [];

/** Three significant digits up to an hour: error below 0.1 %. */
function takeHistogram(): RecordableHistogram {
  return spareHistograms.pop() ?? createHistogram({ lowest: 1, highest: 3.6e9, figures: 3 });
}

function giveBackHistogram(histogram: RecordableHistogram): void {
  if (spareHistograms.length >= MOST_SPARE_HISTOGRAMS) return;
  histogram.reset();
  spareHistograms.push(histogram);
}

/** Counts one session's settlements. Give it that session's events. */
export class SessionCounters {
  private readonly counts = zeroOutcomes();
  // Absent until a latency needs it, and again once frozen.
  private latency: RecordableHistogram | undefined;
  private frozen: LatencyQuantiles | undefined;
  // Latencies wait here for the histogram: a call into it costs a frame's result more than a dozen such notes.
  private readonly waiting = new Float64Array(WAITING_LATENCIES);
  private waitingCount = 0;
  private cpuUsTotal = 0;
  private cpuJobs = 0;
  /** Settled jobs that were no success and that the caller did not ask to end. */
  misses = 0;
  /** Settled jobs. */
  n = 0;
  /** Settled jobs that had started: the others cost nothing. */
  started = 0;

  /** Counts a job event; other events are ignored. */
  count(event: RedlineEvent): void {
    if (event.status === "" || event.reason === "") return;
    this.n += 1;
    if (event.startedUs >= 0) this.started += 1;
    this.counts[event.status] += 1;
    if (event.status !== "done" && !isRequested(event.reason)) this.misses += 1;
    if (event.status === "done" || event.status === "late") {
      this.waiting[this.waitingCount] = event.atUs - event.capturedUs;
      this.waitingCount += 1;
      if (this.waitingCount === WAITING_LATENCIES) this.flush();
    }
    if (event.cpuUs >= 0) {
      this.cpuUsTotal += event.cpuUs;
      this.cpuJobs += 1;
    }
  }

  get outcomes(): Readonly<Record<OutcomeStatus, number>> {
    return { ...this.counts };
  }

  /** All zero while nothing has run to its end. */
  get latencyUs(): LatencyQuantiles {
    if (this.frozen) return this.frozen;
    this.flush();
    const { latency } = this;
    if (latency === undefined) return NO_QUANTILES;
    return {
      p50: latency.percentile(50),
      p90: latency.percentile(90),
      p99: latency.percentile(99),
      p999: latency.percentile(99.9),
      max: latency.max,
    };
  }

  /** Keeps the quantiles as they are and lets go of what they are read from. For a session whose jobs have settled. */
  freeze(): void {
    this.frozen = this.latencyUs;
    if (this.latency) giveBackHistogram(this.latency);
    this.latency = undefined;
  }

  /** Mean processor time of a run, over those whose time is known, in microseconds; 0 while there is none. */
  get cpuUsPerJob(): number {
    return this.cpuJobs === 0 ? 0 : this.cpuUsTotal / this.cpuJobs;
  }

  private flush(): void {
    if (this.waitingCount === 0) return;
    this.latency ??= takeHistogram();
    for (let index = 0; index < this.waitingCount; index += 1) {
      this.latency.record(Math.max(1, this.waiting[index]!));
    }
    this.waitingCount = 0;
  }
}
