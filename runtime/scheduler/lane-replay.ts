// Owns the replay of recorded arrivals through the lane's decisions in virtual time. Knows no real clock.
// Invariant: simultaneous instants are processed in one fixed order, the same as native/host/lane_core's replay.

import type { LaneJob, Settlement } from "../core/lane.js";
import { LaneCore } from "./lane-core.js";

/** One arrival of a trace: the job and what would really happen to it. */
export interface LaneArrival {
  readonly arrivalUs: number;
  readonly job: LaneJob;
  /** How long the run takes if nothing stops it. */
  readonly costUs: number;
  /** How long a terminate request takes to bite. */
  readonly stopUs: number;
  /** When the caller cancels it (`signal`); -1 for never. */
  readonly cancelAtUs: number;
}

interface VirtualRun {
  readonly jobId: number;
  readonly naturalEndUs: number;
  readonly stopUs: number;
  terminatedEndUs: number;
}

/**
 * Runs arrivals (sorted by time) through a lane and answers the settlements in order.
 * At one instant: the run's end, arrivals, cancels by job id, the deadline, drops, the next start; then again
 * while something happens.
 */
export function replayLane(arrivals: readonly LaneArrival[]): Settlement[] {
  const byId = new Map(arrivals.map((arrival) => [arrival.job.jobId, arrival]));
  const cancels = arrivals
    .filter((arrival) => arrival.cancelAtUs >= 0)
    .map((arrival) => ({ jobId: arrival.job.jobId, atUs: Math.max(arrival.cancelAtUs, arrival.arrivalUs) }))
    .sort((a, b) => a.atUs - b.atUs || a.jobId - b.jobId);
  const settlements: Settlement[] = [];
  let run: VirtualRun | undefined;
  let nowUs = 0;
  const core = new LaneCore({
    start(job) {
      const { costUs, stopUs } = byId.get(job.jobId)!;
      run = {
        jobId: job.jobId,
        naturalEndUs: nowUs + costUs,
        stopUs,
        terminatedEndUs: Number.POSITIVE_INFINITY,
      };
    },
    terminate() {
      run!.terminatedEndUs = nowUs + run!.stopUs;
    },
    settle: (settlement) => settlements.push(settlement),
  });
  const runEndUs = (): number =>
    run ? Math.min(run.naturalEndUs, run.terminatedEndUs) : Number.POSITIVE_INFINITY;

  let nextArrival = 0;
  let nextCancel = 0;
  for (;;) {
    const nextUs = Math.min(
      runEndUs(),
      arrivals[nextArrival]?.arrivalUs ?? Number.POSITIVE_INFINITY,
      cancels[nextCancel]?.atUs ?? Number.POSITIVE_INFINITY,
      core.nextWakeUs(),
    );
    if (nextUs === Number.POSITIVE_INFINITY) return settlements;
    // A job may start after its deadline; what then is due at once is due now, not in the past.
    nowUs = Math.max(nowUs, nextUs);
    if (run && runEndUs() <= nowUs) {
      const kind = run.naturalEndUs <= run.terminatedEndUs ? "completed" : "terminated";
      run = undefined;
      core.runEnded({ kind, endedUs: nowUs, cpuUs: -1 });
    }
    for (; (arrivals[nextArrival]?.arrivalUs ?? Number.POSITIVE_INFINITY) <= nowUs; nextArrival += 1) {
      core.submit(arrivals[nextArrival]!.job, nowUs);
    }
    for (; (cancels[nextCancel]?.atUs ?? Number.POSITIVE_INFINITY) <= nowUs; nextCancel += 1) {
      core.cancel(cancels[nextCancel]!.jobId, { reason: "signal", nowUs });
    }
    core.tick(nowUs);
  }
}
