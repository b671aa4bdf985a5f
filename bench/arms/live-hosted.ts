// Owns one block of both pipelines on a hosted runtime, with a program's thread that stands still now and then, or not.
// Invariant: what is counted is counted in the host's thread; this one only asks.

import { createRuntime, startLiveRun } from "../../runtime/index.js";
import { serveArm } from "../harness/child.js";

/** What a block runs. */
export interface HostedRequest {
  readonly seconds: number;
  readonly audio: string;
  readonly frames: string;
  readonly drivingModel: string;
  readonly drivingPeriodMs: number;
  /** How long the thread stands still at a time; 0: never. */
  readonly stallMs: number;
  /** From the beginning of one standstill to the next. */
  readonly everyMs: number;
}

/** Jobs and misses of one pipeline, lost frames included. */
export interface HostedCount {
  readonly n: number;
  readonly misses: number;
}

/** A block's counts, and how long this thread really stood still. */
export interface HostedResult {
  readonly voice: HostedCount;
  readonly driving: HostedCount;
  readonly stalls: number;
  readonly stalledMs: number;
}

serveArm({ run: runBlock });

async function runBlock(request: HostedRequest): Promise<HostedResult> {
  const { seconds, audio, frames, drivingModel, drivingPeriodMs, stallMs, everyMs } = request;
  await using runtime = await createRuntime({ hosted: true });
  const run = await startLiveRun({
    runtime,
    // Both arms count misses under the same classes, whatever could be shown of this machine.
    admit: "best-effort",
    seconds,
    audio,
    frames,
    drivingModel,
    drivingContract: { periodMs: drivingPeriodMs, criticality: "critical" },
    gate: "off",
  });
  let stalls = 0;
  let stalledMs = 0;
  const timer =
    stallMs === 0
      ? undefined
      : setInterval(() => {
          const beganMs = performance.now();
          while (performance.now() - beganMs < stallMs);
          stalls += 1;
          stalledMs += performance.now() - beganMs;
        }, everyMs);
  const { contracts } = await run.finished.finally(() => clearInterval(timer));
  const count = (name: string): HostedCount => {
    const { n, misses } = contracts.find(({ session }) => session === name)!;
    return { n, misses };
  };
  return { voice: count("voice"), driving: count("driving"), stalls, stalledMs };
}
