// Owns one worker thread of the peer: the voice loop, the driving loop, the wake word, or a hog, on sessions of its own.
// Invariant: the loops are Redline's own pipelines, fed by the same sources at the same pace; only the session differs.

import { once } from "node:events";
import { parentPort, workerData } from "node:worker_threads";
import { monotonicUs, SystemClock } from "../../runtime/bindings/system-clock.js";
import type { Contract } from "../../runtime/core/contract.js";
import { elementCount } from "../../runtime/core/tensor.js";
import { watchRoad } from "../../runtime/driving/watch-road.js";
import { WARM_UP_RUNS } from "../../runtime/live-run.js";
import type { Session } from "../../runtime/sessions/session.js";
import { paceAudio, repeatAudio } from "../../runtime/sources/audio-pace.js";
import { openFrames } from "../../runtime/sources/frame-input.js";
import { paced } from "../../runtime/sources/paced.js";
import { readWav } from "../../runtime/sources/wav.js";
import { listen } from "../../runtime/voice/listen.js";
import { speechSamples } from "../harness/assets.js";
import {
  contractsOf,
  type HogRecord,
  LiveCounter,
  type LiveRecord,
  type LiveRequest,
} from "../harness/live-block.js";
import type { WakeFiles } from "../harness/wake-files.js";
import { hearWakeWord, WakeStage } from "../harness/wake-stage.js";
import { openPeerSession } from "./peer-session.js";

/** Which loop a worker runs. */
export type LiveRole = "voice" | "driving" | "wake" | "hog";

/** What a worker sends when its loop has ended. */
export interface LiveReport {
  readonly record: LiveRecord;
  readonly hogs: HogRecord;
}

const { role, request } = workerData as { role: LiveRole; request: LiveRequest };
const clock = new SystemClock(monotonicUs);
const counter = new LiveCounter(() => clock.nowUs());
const contracts = contractsOf(request);
const run = await { voice: prepareVoice, driving: prepareDriving, wake: prepareWake, hog: prepareHog }[
  role
]();
parentPort?.postMessage("ready");
if (parentPort !== null) await once(parentPort, "message");
counter.isCounting = true;
const signal = AbortSignal.timeout(request.seconds * 1000);
const frames = await run();
counter.isCounting = false;
const report: LiveReport = { record: counter.record(frames), hogs: counter.hogRecord() };
parentPort?.postMessage(report);
parentPort?.close();

type Loop = () => Promise<{ readonly lost: number; readonly starved: number }>;

async function prepareVoice(): Promise<Loop> {
  const session = await openWarm(request.voiceModel, { contract: contracts.voice });
  return async () => {
    const source = paceAudio(
      repeatAudio(() => readWav({ path: request.audio, clock })),
      { clock, signal },
    );
    const gate = request.gate === "off" ? ({ gate: "off" } as const) : {};
    const events = listen({ session, source, clock, mode: "live", signal, ...gate });
    while (!(await events.next()).done);
    await session.close();
    return { lost: 0, starved: 0 };
  };
}

async function prepareDriving(): Promise<Loop> {
  const session = await openWarm(request.drivingModel, { contract: contracts.driving });
  return async () => {
    const { periodUs } = session.contract;
    const camera = paced(await openFrames(request.frames, { clock }), { clock, periodUs, loop: true });
    let refused = 0;
    for await (const event of watchRoad({ session, source: camera, clock, pace: "live", signal })) {
      // Nothing but the supervisor drops a frame here.
      if (event.type === "frame" && event.outcome === "dropped") refused += 1;
    }
    await session.close();
    return { lost: camera.skipped + refused, starved: camera.starved };
  };
}

async function prepareWake(): Promise<Loop> {
  const { mel, embedding, head } = request.wake as WakeFiles;
  const open = ({ path }: { readonly path: string }) =>
    openPeerSession({ path, name: "wake", contract: contracts.wake, events: { emit: () => {} } });
  const sessions = { mel: await open(mel), embedding: await open(embedding), head: await open(head) };
  const stage = await WakeStage.warm(sessions, clock);
  const samples = await speechSamples(request.audio);
  return async () => {
    await hearWakeWord({ stage, samples, clock, counter, signal });
    for (const session of Object.values(sessions)) await session.close();
    return { lost: 0, starved: 0 };
  };
}

async function prepareHog(): Promise<Loop> {
  const session = await openWarm(request.hogs.model, { contract: contracts.hog });
  return async () => {
    const inputs = zeros(session);
    while (!signal.aborted) await session.run(inputs);
    await session.close();
    return { lost: 0, starved: 0 };
  };
}

async function openWarm(path: string, { contract }: { readonly contract: Contract }): Promise<Session> {
  const session = await openPeerSession({ path, name: role, contract, events: { emit: counter.note } });
  for (let times = 0; times < WARM_UP_RUNS; times++) await session.run(zeros(session));
  return session;
}

function zeros({ inputs }: Session) {
  // Silero's open dimensions, by input: its batch and its window.
  const open: Readonly<Record<string, readonly number[]>> = { input: [1, 576], state: [2, 1, 128] };
  return Object.fromEntries(
    inputs.map(({ name, dtype, shape }) => {
      const concrete = shape.map((size, axis) =>
        typeof size === "number" ? size : (open[name]?.[axis] ?? 1),
      );
      const length = elementCount(concrete);
      const data = dtype === "int64" ? new BigInt64Array(length).fill(16000n) : new Float32Array(length);
      return [name, { data, shape: concrete }];
    }),
  );
}
