// Owns the replay of recorded arrivals and orders through the lane's decisions in virtual time. Knows no real clock.
// Invariant: simultaneous instants are processed in one fixed order, the same as native/host/lane_core's replay.

import type { LaneJob, Settlement } from "../core/lane.js";
import { initialWord, type SessionWord } from "../core/session-word.js";
import { LaneCore } from "./lane-core.js";
import { WordedLane } from "./worded-lane.js";

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

/** What a scheduler tells the lane: a session's word, or that the lane hangs and is replaced. */
export type LaneOrder =
  | { readonly atUs: number; readonly sessionId: number; readonly word: SessionWord }
  | { readonly atUs: number; readonly isReplacement: true };

interface VirtualRun {
  readonly jobId: number;
  readonly naturalEndUs: number;
  readonly stopUs: number;
  terminatedEndUs: number;
}

/**
 * Runs arrivals and orders (each sorted by time) through a lane and answers the settlements in order.
 * At one instant: the run's end, orders, arrivals, cancels by job id, the deadline, drops, the next start; then again
 * while something happens.
 */
export function replayLane(
  arrivals: readonly LaneArrival[],
  orders: readonly LaneOrder[] = [],
): Settlement[] {
  const byId = new Map(arrivals.map((arrival) => [arrival.job.jobId, arrival]));
  const cancels = arrivals
    .filter((arrival) => arrival.cancelAtUs >= 0)
    .map((arrival) => ({ jobId: arrival.job.jobId, atUs: Math.max(arrival.cancelAtUs, arrival.arrivalUs) }))
    .sort((a, b) => a.atUs - b.atUs || a.jobId - b.jobId);
  const settlements: Settlement[] = [];
  let run: VirtualRun | undefined;
  let nowUs = 0;
  const settle = (settlement: Settlement): void => {
    lane.noteSettled(settlement.jobId);
    settlements.push(settlement);
  };
  const core = new LaneCore({
    start(job) {
      const { costUs, stopUs } = byId.get(job.jobId)!;
      lane.noteStarted(job.jobId);
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
    settle,
  });
  const lane = new WordedLane(core, settle);
  for (const { job } of arrivals) lane.publish(job.sessionId, { word: initialWord("critical"), nowUs });
  const runEndUs = (): number =>
    run ? Math.min(run.naturalEndUs, run.terminatedEndUs) : Number.POSITIVE_INFINITY;
  const end = (kind: "completed" | "terminated" | "lost"): void => {
    run = undefined;
    lane.runEnded({ kind, endedUs: nowUs, cpuUs: -1 });
  };

  let nextArrival = 0;
  let nextCancel = 0;
  let nextOrder = 0;
  for (;;) {
    const nextUs = Math.min(
      runEndUs(),
      orders[nextOrder]?.atUs ?? Number.POSITIVE_INFINITY,
      arrivals[nextArrival]?.arrivalUs ?? Number.POSITIVE_INFINITY,
      cancels[nextCancel]?.atUs ?? Number.POSITIVE_INFINITY,
      core.nextWakeUs(),
    );
    if (nextUs === Number.POSITIVE_INFINITY) return settlements;
    // A job may start after its deadline; what then is due at once is due now, not in the past.
    nowUs = Math.max(nowUs, nextUs);
    if (run && runEndUs() <= nowUs) end(run.naturalEndUs <= run.terminatedEndUs ? "completed" : "terminated");
    for (; (orders[nextOrder]?.atUs ?? Number.POSITIVE_INFINITY) <= nowUs; nextOrder += 1) {
      const order = orders[nextOrder]!;
      if (!("isReplacement" in order)) lane.publish(order.sessionId, { word: order.word, nowUs });
      else if (run) end("lost");
    }
    for (; (arrivals[nextArrival]?.arrivalUs ?? Number.POSITIVE_INFINITY) <= nowUs; nextArrival += 1) {
      lane.submit(arrivals[nextArrival]!.job, nowUs);
    }
    for (; (cancels[nextCancel]?.atUs ?? Number.POSITIVE_INFINITY) <= nowUs; nextCancel += 1) {
      lane.cancel(cancels[nextCancel]!.jobId, { reason: "signal", nowUs });
    }
    lane.tick(nowUs);
  }
}
