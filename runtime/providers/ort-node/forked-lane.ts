// Owns one lane of the fallback: the model lane's rules over a process that runs one request at a time.
// Knows no graph. Invariant: each job is run at most once and its handler is told once.

import { monotonicUs } from "../../bindings/system-clock.js";
import type { Clock } from "../../core/clock.js";
import type { Criticality } from "../../core/contract.js";
import type { CancelReason, LaneJob, RunningJob, Settlement } from "../../core/lane.js";
import type { SessionWord } from "../../core/session-word.js";
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
  private current: LaneProcess;
  private readonly lane: ModelLane;
  private readonly work = new Map<number, ForkedWork>();

  constructor(private readonly options: { clock: Clock; criticality: Criticality; laneIndex: number }) {
    this.current = new LaneProcess(options.criticality);
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

  get process(): LaneProcess {
    return this.current;
  }

  get running(): RunningJob | undefined {
    const { criticality, laneIndex } = this.options;
    return this.lane.started && { ...this.lane.started, criticality, laneIndex };
  }

  publish(sessionId: number, word: SessionWord): void {
    this.lane.publish(sessionId, word);
  }

  forget(sessionId: number): void {
    this.lane.forget(sessionId);
  }

  /**
   * Ends the process with whatever it runs and goes on in a new one. `prepare` is called before the new one is asked for
   * anything else.
   */
  replace(prepare: () => void): void {
    if (!this.lane.started) return;
    this.current.kill();
    this.current = new LaneProcess(this.options.criticality);
    prepare();
    this.lane.replace();
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
      return await this.work.get(job.jobId)!.run(this.current);
    } catch (error) {
      return { kind: "lost", endedUs: monotonicUs(), cpuUs: -1, message: (error as Error).message };
    }
  }
}
