// Owns one block of `redline run` in this process: both pipelines, and beside them the wake word and the hogs that are asked for.
// Invariant: what is counted begins after the warm-up of the live run and ends with it.

import { setTimeout as pause } from "node:timers/promises";
import { createRuntime, type Runtime, type Session } from "../../runtime/index.js";
import { startLiveRun, WARM_UP_RUNS } from "../../runtime/live-run.js";
import { speechSamples } from "../harness/assets.js";
import { serveArm } from "../harness/child.js";
import {
  contractsOf,
  type HogRequest,
  type HogsAlone,
  type HogsAloneResult,
  LiveCounter,
  type LiveRequest,
  type LiveResult,
} from "../harness/live-block.js";
import { readMachineTime, timeBetween } from "../harness/machine-time.js";
import { WAKE_PARTS, type WakeFiles, type WakePart } from "../harness/wake-files.js";
import { hearWakeWord, WakeStage } from "../harness/wake-stage.js";
import { zeroInputs } from "../harness/zero-inputs.js";

type Provider = { readonly provider: "ort" | "ort-node" };

serveArm({ run: runBlock, burn: runHogsAlone });

async function runBlock(request: LiveRequest & Provider): Promise<LiveResult> {
  await using runtime = await createRuntime({ provider: request.provider });
  const contracts = contractsOf(request);
  const counters = countersOf(runtime);
  const hogs = await openHogs(runtime, request.hogs);
  const wake = request.wake === null ? null : await openWake(runtime, request.wake, contracts.wake);
  const samples = wake === null ? new Float32Array(0) : await speechSamples(request.audio);
  const run = await startLiveRun({
    runtime,
    // The scenario loads the machine beyond what can be shown to hold; it asks what is kept all the same.
    admit: "best-effort",
    seconds: request.seconds,
    audio: request.audio,
    frames: request.frames,
    voiceModel: request.voiceModel,
    drivingModel: request.drivingModel,
    voiceContract: contracts.voice,
    drivingContract: contracts.driving,
    ...(request.gate === "off" ? { gate: "off" } : {}),
  });
  for (const counter of Object.values(counters)) counter.isCounting = true;
  const from = readMachineTime();
  const stop = new AbortController();
  const { clock } = runtime;
  const beside = [
    ...hogs.map((hog) => burn(hog, stop.signal)),
    ...(wake === null
      ? []
      : [hearWakeWord({ stage: wake, samples, clock, counter: counters.wake, signal: stop.signal })]),
  ];
  const report = await run.finished;
  const machine = timeBetween(from, readMachineTime());
  for (const counter of Object.values(counters)) counter.isCounting = false;
  stop.abort();
  await Promise.all(beside);
  const of = (name: string) => report.contracts.find(({ session }) => session === name);
  const driving = of("driving");
  return {
    voice: counters.voice.record({ lost: of("voice")?.skipped ?? 0, starved: of("voice")?.starved ?? 0 }),
    driving: counters.driving.record({
      lost: (driving?.skipped ?? 0) + (driving?.refused ?? 0),
      starved: driving?.starved ?? 0,
    }),
    wake: wake === null ? null : counters.wake.record({ lost: 0, starved: 0 }),
    hogs: counters.hog.hogRecord(),
    cpuShare: report.machine.processCpuShare,
    machine,
  };
}

/** The hogs with nothing beside them: what a machine that is all theirs gives them. */
async function runHogsAlone(request: HogsAlone & Provider): Promise<HogsAloneResult> {
  await using runtime = await createRuntime({ provider: request.provider });
  const counters = countersOf(runtime);
  const hogs = await openHogs(runtime, request.hogs);
  counters.hog.isCounting = true;
  const from = readMachineTime();
  const stop = new AbortController();
  const burning = hogs.map((hog) => burn(hog, stop.signal));
  await pause(request.seconds * 1000);
  const machine = timeBetween(from, readMachineTime());
  counters.hog.isCounting = false;
  stop.abort();
  await Promise.all(burning);
  return { hogs: counters.hog.hogRecord(), machine };
}

/** Counters of the sessions, by the beginning of their names; the wake word's is fed by its stage, not by events. */
function countersOf(runtime: Runtime): Record<"voice" | "driving" | "wake" | "hog", LiveCounter> {
  const nowUs = (): number => runtime.clock.nowUs();
  const counters = {
    voice: new LiveCounter(nowUs),
    driving: new LiveCounter(nowUs),
    wake: new LiveCounter(nowUs),
    hog: new LiveCounter(nowUs),
  };
  runtime.events.subscribe((event) => {
    const name = event.session.split(" ")[0];
    if (name === "voice" || name === "driving" || name === "hog") counters[name].note(event);
  });
  return counters;
}

async function openHogs(runtime: Runtime, { count, model }: HogRequest): Promise<Session[]> {
  const hogs: Session[] = [];
  for (let index = 0; index < count; index++) {
    const hog = await runtime.open(model, { name: `hog ${index}` });
    for (let run = 0; run < WARM_UP_RUNS; run++) (await hog.run(zeroInputs(hog))).release();
    hogs.push(hog);
  }
  return hogs;
}

async function openWake(
  runtime: Runtime,
  files: WakeFiles,
  contract: ReturnType<typeof contractsOf>["wake"],
): Promise<WakeStage> {
  const sessions = {} as Record<WakePart, Session>;
  for (const part of WAKE_PARTS) {
    const { model } = files[part];
    sessions[part] = await runtime.open(model, {
      name: `wake-${part}`,
      contract,
      admit: "best-effort",
      inline: "when-short",
    });
  }
  return WakeStage.warm(sessions, runtime.clock);
}

/** Runs the session again as soon as it has settled. */
async function burn(hog: Session, signal: AbortSignal): Promise<void> {
  const inputs = zeroInputs(hog);
  while (!signal.aborted) (await hog.run(inputs, { signal })).release();
}
