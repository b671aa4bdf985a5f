// Owns the recording of a lane trace: what really arrived, when, and how long it ran, from a live run's events.
// Knows no lane. Its output is the input of the differential test between the native lane and the TypeScript lane.
// Usage: node dist/bench/record-lane-trace.js OUT.json [SECONDS]

import { writeFileSync } from "node:fs";
import type { RedlineEvent } from "../runtime/core/events.js";
import { createRuntime } from "../runtime/index.js";
import { startLiveRun } from "../runtime/live-run.js";
import type { LaneArrival } from "../runtime/scheduler/lane-replay.js";

const [out, seconds = "10"] = process.argv.slice(2);
if (out === undefined) throw new Error("usage: record-lane-trace OUT.json [SECONDS]");

const runtime = await createRuntime();
const events: RedlineEvent[] = [];
runtime.events.subscribe((event) => events.push(event));
const run = await startLiveRun({ runtime, seconds: Number(seconds), hog: "driving-model", gate: "off" });
await run.finished;
await runtime.close();

writeFileSync(out, `${JSON.stringify(traceOf(events))}\n`);

/** All sessions' jobs as one lane's arrivals: a heavier load on one lane than any of them saw. */
function traceOf(recorded: readonly RedlineEvent[]): LaneArrival[] {
  const jobs = recorded.filter((event) => event.jobId >= 0).sort((a, b) => a.capturedUs - b.capturedUs);
  const originUs = jobs[0]?.capturedUs ?? 0;
  const costs = new Map<string, number>();
  return jobs.map((event, index): LaneArrival => {
    const ran = event.startedUs >= 0;
    const costUs = ran ? event.atUs - event.startedUs : (costs.get(event.session) ?? 0);
    if (ran) costs.set(event.session, costUs);
    const deadlineUs = event.deadlineUs - originUs;
    return {
      arrivalUs: event.capturedUs - originUs,
      job: {
        jobId: index + 1,
        sessionId: 1,
        slot: 0,
        deadlineUs,
        latestStartUs: deadlineUs - costUs,
        late: event.session === "hog" ? "keep" : "cancel",
      },
      costUs,
      // A node of these networks takes about a millisecond.
      stopUs: 1000,
      cancelAtUs: event.reason === "signal" ? event.atUs - originUs : -1,
    };
  });
}
