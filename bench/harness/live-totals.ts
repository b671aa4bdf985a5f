// Owns the sums of one arm's live blocks: misses, quantiles, hog runs. Knows no process and no model.
// Invariant: a miss is a job that did not settle `done`, or a frame that never became a job.

import type { LiveRecord, LiveResult } from "./live-block.js";
import { type Quantiles, quantilesOf } from "./quantiles.js";
import type { Bench } from "./scenario.js";

const DONE = "done / ok";

/** One pipeline over all blocks of an arm. */
export class PipelineTotals {
  readonly outcomes: Record<string, number> = {};
  readonly #settleUs: number[] = [];
  readonly #heardUs: number[] = [];
  lost = 0;
  starved = 0;

  add(record: LiveRecord): void {
    for (const [key, count] of Object.entries(record.outcomes)) {
      this.outcomes[key] = (this.outcomes[key] ?? 0) + count;
    }
    for (const us of record.settleUs) this.#settleUs.push(us);
    for (const us of record.heardUs) this.#heardUs.push(us);
    this.lost += record.lost;
    this.starved += record.starved;
  }

  /** Jobs and lost frames. */
  get n(): number {
    return Object.values(this.outcomes).reduce((sum, count) => sum + count, this.lost);
  }

  get misses(): number {
    return this.n - (this.outcomes[DONE] ?? 0);
  }

  get missRatio(): number | null {
    return this.n === 0 ? null : this.misses / this.n;
  }

  get settleUs(): Quantiles {
    return quantilesOf(this.#settleUs);
  }

  get heardUs(): Quantiles {
    return quantilesOf(this.#heardUs);
  }
}

/** One arm over all its blocks. */
export class LiveTotals {
  readonly voice = new PipelineTotals();
  readonly driving = new PipelineTotals();
  readonly wake = new PipelineTotals();
  hogRuns = 0;
  readonly #cpuShares: number[] = [];

  add(result: LiveResult): void {
    this.voice.add(result.voice);
    this.driving.add(result.driving);
    if (result.wake !== null) this.wake.add(result.wake);
    this.hogRuns += result.hogs.runs;
    this.#cpuShares.push(result.cpuShare);
  }

  /** Writes the arm's rows. */
  write(bench: Bench, arm: string): void {
    for (const pipeline of ["driving", "voice", "wake"] as const) {
      if (pipeline === "wake" && this.wake.n === 0) continue;
      const { outcomes, lost, starved, n, misses, missRatio, settleUs, heardUs } = this[pipeline];
      bench.row({ type: "pipeline", arm, pipeline, n, misses, missRatio, outcomes, lost, starved });
      bench.say(
        `  ${arm}, ${pipeline}: ${misses} of ${n} missed, ${JSON.stringify({ ...outcomes, lost, starved })}`,
      );
      bench.samples({ arm, metric: `${pipeline} settle`, unit: "us", quantiles: settleUs });
      bench.samples({ arm, metric: `${pipeline} heard`, unit: "us", quantiles: heardUs });
    }
    const cpuShare = quantilesOf(this.#cpuShares).mean;
    bench.row({ type: "arm", arm, hogRuns: this.hogRuns, cpuShare });
    bench.say(
      `  ${arm}: hog runs ${this.hogRuns}, process CPU ${((cpuShare ?? 0) * 100).toFixed(0)} % of a core`,
    );
  }

  /** A block in a few figures, for its row. */
  static brief({ voice, driving, wake, hogs, cpuShare, machine }: LiveResult) {
    const of = (record: LiveRecord) => {
      const totals = new PipelineTotals();
      totals.add(record);
      const { n, misses, outcomes, lost, starved, settleUs } = totals;
      return { n, misses, outcomes, lost, starved, settleUs };
    };
    return {
      voice: of(voice),
      driving: of(driving),
      ...(wake === null ? {} : { wake: of(wake) }),
      hogRuns: hogs.runs,
      cpuShare,
      machine,
    };
  }
}
