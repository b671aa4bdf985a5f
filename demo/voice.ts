// Owns the voice half of the demo: a recording or a microphone through the voice pipeline, drawn as it is heard.

import {
  type AudioSource,
  type BrowserRuntime,
  type BrowserSession,
  listen,
  openMicrophone,
  readSamples,
} from "../runtime/browser.js";
import type { LatencyPlot } from "./latency-plot.js";

/** What the voice half draws on. */
export interface VoiceStage {
  readonly runtime: BrowserRuntime;
  readonly plot: LatencyPlot;
  readonly speech: HTMLCanvasElement;
  readonly voice: HTMLElement;
  readonly list: HTMLElement;
}

/** What was heard. */
export interface Heard {
  readonly provider: string;
  readonly detail: string;
  readonly frames: number;
  readonly segments: readonly { readonly startMs: number; readonly endMs: number }[];
}

let opened: Promise<BrowserSession> | undefined;

function silero(runtime: BrowserRuntime): Promise<BrowserSession> {
  opened ??= runtime.open("/models/silero-vad/silero_vad_v5.onnx", {
    manifest: "/models/silero-vad/manifest.json",
    golden: "/models/silero-vad/golden/silero-vad.json",
    contract: { periodMs: 32, late: "keep" },
  });
  return opened;
}

/** Plays the bundled recording. */
export async function hearSample(stage: VoiceStage, { pace }: { pace: "file" | "live" }): Promise<Heard> {
  const response = await fetch("/models/samples/voice.wav");
  // Decoding brings the sound to the context's rate.
  const sound = await new OfflineAudioContext(1, 1, 16_000).decodeAudioData(await response.arrayBuffer());
  const samples = sound.getChannelData(0);
  const { clock } = stage.runtime;
  return hear(stage, readSamples({ samples, sampleRateHz: sound.sampleRate, clock, pace }));
}

/** Listens to the microphone for half a minute. */
export async function hearMicrophone(stage: VoiceStage): Promise<Heard> {
  const microphone = await openMicrophone({ clock: stage.runtime.clock });
  return hear(stage, microphone, AbortSignal.timeout(30_000));
}

async function hear(stage: VoiceStage, source: AudioSource, signal?: AbortSignal): Promise<Heard> {
  const { runtime, plot, speech, voice, list } = stage;
  const session = await silero(runtime);
  const to = speech.getContext("2d")!;
  to.clearRect(0, 0, speech.width, speech.height);
  list.replaceChildren();
  voice.textContent = `${session.provider} on ${session.device}: ${session.detail}`;
  const segments: { startMs: number; endMs: number }[] = [];
  let frames = 0;
  const events = listen({
    session,
    source,
    clock: runtime.clock,
    ...(signal === undefined ? {} : { signal }),
    onFrame: ({ probability, latencyUs, status }) => {
      const x = frames % speech.width;
      to.clearRect(x, 0, 2, speech.height);
      to.fillStyle = status === "gated" ? "#d6d9de" : (probability ?? 0) >= 0.5 ? "#1f8a4c" : "#2563a8";
      const high = Math.max(2, (probability ?? 0) * (speech.height - 4));
      to.fillRect(x, speech.height - high, 1.5, high);
      if (status === "done" || status === "late") plot.add("voice", latencyUs);
      frames += 1;
    },
  });
  for await (const event of events) {
    if (event.type !== "speech") continue;
    segments.push({ startMs: event.startMs, endMs: event.endMs });
    const item = document.createElement("li");
    item.textContent = `${(event.startMs / 1000).toFixed(2)} to ${(event.endMs / 1000).toFixed(2)} s, probability ${event.probability.toFixed(2)}`;
    list.append(item);
  }
  return { provider: session.provider, detail: session.detail, frames, segments };
}
