// Owns a process that only listens to silence: the always-on set, energy gate before the voice model, or its timer alone.
// Invariant: both forms are handed the same sound at the same pace; only what is done with it differs.

import { seededRng } from "../../runtime/core/rng.js";
import { createRuntime, listen } from "../../runtime/index.js";
import type { AudioChunk } from "../../runtime/sources/audio.js";
import { NO_REPAIRS } from "../../runtime/sources/audio.js";
import { paceAudio, repeatAudio } from "../../runtime/sources/audio-pace.js";
import { serveArm } from "../harness/child.js";

/** What is listened to, how and for how long. */
export interface IdleRequest {
  readonly arm: "always-on" | "timer alone";
  readonly seconds: number;
  readonly provider: "ort" | "ort-node";
}

/** What it cost. */
export interface IdleResult {
  /** Processor time of the whole process as a share of one core. */
  readonly cpuShare: number;
  readonly frames: number;
  /** Frames the gate kept from the model. */
  readonly gatedFrames: number;
}

const SAMPLE_RATE_HZ = 16_000;
const CHUNK_SAMPLES = 512;
/** The noise of a quiet room and its microphone: -66 dBFS peak, uniform. */
const NOISE = 0.0005;
/** A second of it, played over and over. */
const CHUNKS = 31;
/** Opening, first frames and their compilation are no part of idling. */
const WARM_UP_S = 3;

serveArm({ run });

async function run({ arm, seconds, provider }: IdleRequest): Promise<IdleResult> {
  await using runtime = await createRuntime({ provider });
  const { clock } = runtime;
  const stop = AbortSignal.timeout((WARM_UP_S + seconds) * 1000);
  const source = paceAudio(
    repeatAudio(() => silence(clock.nowUs())),
    { clock, signal: stop },
  );
  let from: { readonly cpu: NodeJS.CpuUsage; readonly ms: number } | undefined;
  let frames = 0;
  let gatedFrames = 0;
  const startMs = performance.now();
  const note = (isGated: boolean): void => {
    if (performance.now() - startMs < WARM_UP_S * 1000) return;
    from ??= { cpu: process.cpuUsage(), ms: performance.now() };
    frames += 1;
    if (isGated) gatedFrames += 1;
  };
  if (arm === "timer alone") {
    for await (const _ of source) note(false);
  } else {
    const contract = { periodMs: 32, criticality: "interactive" } as const;
    const session = await runtime.open("silero-vad", {
      contract,
      admit: "best-effort",
      inline: "when-short",
    });
    const onFrame = ({ status }: { readonly status: string }): void => note(status === "gated");
    for await (const _ of listen({ session, source, clock, mode: "live", signal: stop, onFrame }));
  }
  if (from === undefined) throw new Error("no frame was due");
  const { user, system } = process.cpuUsage(from.cpu);
  return { cpuShare: (user + system) / ((performance.now() - from.ms) * 1000), frames, gatedFrames };
}

async function* silence(capturedUs: number): AsyncGenerator<AudioChunk, void, undefined> {
  const rng = seededRng(1);
  for (let index = 0; index < CHUNKS; index++) {
    const samples = Float32Array.from({ length: CHUNK_SAMPLES }, () => (2 * rng.next() - 1) * NOISE);
    yield {
      capturedUs,
      sampleRateHz: SAMPLE_RATE_HZ,
      channels: 1,
      samples,
      startSample: index * CHUNK_SAMPLES,
      repairs: NO_REPAIRS,
    };
  }
}
