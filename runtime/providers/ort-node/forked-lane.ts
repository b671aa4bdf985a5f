// Owns one lane of the fallback: the model lane's rules over a process that runs one request at a time.
// Knows no session. Invariant: each job is run at most once and its handler is told once.

import { monotonicUs } from "../../bindings/system-clock.js";
import type { Clock } from "../../core/clock.js";
import type { Criticality } from "../../core/contract.js";
import type { CancelReason, LaneJob, Settlement } from "../../core/lane.js";
import type { RunEnd } from "../../scheduler/lane-core.js";
import { ModelLane } from "../../scheduler/model-lane.js";
import { LaneProcess } from "./lane-process.js";

/** What a lane needs to know of a job besides its times. */
export interface ForkedWork {
  readonly run: (process: LaneProcess) => Promise<RunEnd>;
  readonly onSettle: (settlement: Settlement) => void;
}

/** A lane whose executor is a forked process. A run there cannot be stopped, so a stopped job settles when it ends. */
export class ForkedLane {
  readonly process: LaneProcess;
  private readonly lane: ModelLane;
  private readonly work = new Map<number, ForkedWork>();

  constructor(options: { clock: Clock; criticality: Criticality }) {
    this.process = new LaneProcess(options.criticality);
    this.lane = new ModelLane({
      clock: options.clock,
      executor: {
        start: (job, ended) => void this.run(job).then(ended),
        terminate: () => {},
      },
      onSettle: (settlement) => {
        const work = this.work.get(settlement.jobId);
        this.work.delete(settlement.jobId);
        work?.onSettle(settlement);
      },
    });
  }

  submit(job: LaneJob, work: ForkedWork): void {
    this.work.set(job.jobId, work);
    this.lane.submit(job);
  }

  cancel(jobId: number, reason: CancelReason): void {
    this.lane.cancel(jobId, reason);
  }

  private async run(job: LaneJob): Promise<RunEnd> {
    try {
      return await this.work.get(job.jobId)!.run(this.process);
    } catch (error) {
      return { kind: "lost", endedUs: monotonicUs(), cpuUs: -1, message: (error as Error).message };
    }
  }
}
