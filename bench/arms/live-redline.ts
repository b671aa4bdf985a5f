// Owns one block of `redline run`: both pipelines, and a hog when asked for, in this process.
// Invariant: what is counted begins after the warm-up of the live run and ends with it.

import { createRuntime } from "../../runtime/index.js";
import { startLiveRun } from "../../runtime/live-run.js";
import { serveArm } from "../harness/child.js";
import { contractsOf, LiveCounter, type LiveRequest, type LiveResult } from "../harness/live-block.js";

serveArm({ run: runBlock });

async function runBlock(
  request: LiveRequest & { readonly provider: "ort" | "ort-node" },
): Promise<LiveResult> {
  await using runtime = await createRuntime({ provider: request.provider });
  const contracts = contractsOf(request);
  const nowUs = (): number => runtime.clock.nowUs();
  const counters = {
    voice: new LiveCounter(nowUs),
    driving: new LiveCounter(nowUs),
    hog: new LiveCounter(nowUs),
  };
  const unsubscribe = runtime.events.subscribe((event) => {
    if (event.session in counters) counters[event.session as keyof typeof counters].note(event);
  });
  const run = await startLiveRun({
    runtime,
    seconds: request.seconds,
    audio: request.audio,
    frames: request.frames,
    voiceModel: request.voiceModel,
    drivingModel: request.drivingModel,
    voiceContract: contracts.voice,
    drivingContract: contracts.driving,
    hog: request.hasHog ? "driving-model" : "off",
    ...(request.gate === "off" ? { gate: "off" } : {}),
  });
  for (const counter of Object.values(counters)) counter.isCounting = true;
  const report = await run.finished;
  unsubscribe();
  const of = (name: string) => report.contracts.find(({ session }) => session === name);
  const driving = of("driving");
  return {
    voice: counters.voice.record({ lost: of("voice")?.skipped ?? 0, starved: of("voice")?.starved ?? 0 }),
    driving: counters.driving.record({
      lost: (driving?.skipped ?? 0) + (driving?.refused ?? 0),
      starved: driving?.starved ?? 0,
    }),
    hogRuns: Object.values(counters.hog.record({ lost: 0, starved: 0 }).outcomes).reduce(
      (sum, n) => sum + n,
      0,
    ),
    cpuShare: report.machine.processCpuShare,
  };
}
