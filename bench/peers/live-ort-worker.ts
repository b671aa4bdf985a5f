// Owns one worker thread of the peer: the voice loop, the driving loop, or the hog, on a session of its own.
// Invariant: the loops are Redline's own pipelines, fed by the same sources at the same pace; only the session differs.

import { once } from "node:events";
import { parentPort, workerData } from "node:worker_threads";
import { monotonicUs, SystemClock } from "../../runtime/bindings/system-clock.js";
import { elementCount } from "../../runtime/core/tensor.js";
import { watchRoad } from "../../runtime/driving/watch-road.js";
import { WARM_UP_RUNS } from "../../runtime/live-run.js";
import type { Session } from "../../runtime/sessions/session.js";
import { paceAudio, repeatAudio } from "../../runtime/sources/audio-pace.js";
import { openFrames } from "../../runtime/sources/frame-input.js";
import { paced } from "../../runtime/sources/paced.js";
import { readWav } from "../../runtime/sources/wav.js";
import { listen } from "../../runtime/voice/listen.js";
import { contractsOf, LiveCounter, type LiveRecord, type LiveRequest } from "../harness/live-block.js";
import { openPeerSession } from "./peer-session.js";

/** Which loop a worker runs. */
export type LiveRole = "voice" | "driving" | "hog";

const { role, request } = workerData as { role: LiveRole; request: LiveRequest };
const clock = new SystemClock(monotonicUs);
const counter = new LiveCounter(() => clock.nowUs());
const session = await openPeerSession({
  path: role === "voice" ? request.voiceModel : request.drivingModel,
  name: role,
  contract: contractsOf(request)[role],
  events: { emit: counter.note },
});
for (let run = 0; run < WARM_UP_RUNS; run++) await session.run(zeros(session));
parentPort?.postMessage("ready");
if (parentPort !== null) await once(parentPort, "message");
counter.isCounting = true;
const signal = AbortSignal.timeout(request.seconds * 1000);
const record = await { voice: hear, driving: drive, hog: burn }[role]();
await session.close();
parentPort?.postMessage(record);
parentPort?.close();

async function hear(): Promise<LiveRecord> {
  const source = paceAudio(
    repeatAudio(() => readWav({ path: request.audio, clock })),
    { clock, signal },
  );
  const gate = request.gate === "off" ? ({ gate: "off" } as const) : {};
  const events = listen({ session, source, clock, mode: "live", signal, ...gate });
  while (!(await events.next()).done);
  return counter.record({ lost: 0, starved: 0 });
}

async function drive(): Promise<LiveRecord> {
  const { periodUs } = session.contract;
  const camera = paced(await openFrames(request.frames, { clock }), { clock, periodUs, loop: true });
  let refused = 0;
  for await (const event of watchRoad({ session, source: camera, clock, pace: "live", signal })) {
    // Nothing but the supervisor drops a frame here.
    if (event.type === "frame" && event.outcome === "dropped") refused += 1;
  }
  return counter.record({ lost: camera.skipped + refused, starved: camera.starved });
}

async function burn(): Promise<LiveRecord> {
  const inputs = zeros(session);
  while (!signal.aborted) await session.run(inputs);
  return counter.record({ lost: 0, starved: 0 });
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
