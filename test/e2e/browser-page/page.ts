// Owns a page that uses the browser's door and leaves what it found on `results`: `?do=` says what. Knows no test runner.

import { createRuntime, listen, openMicrophone, readSamples } from "../../../runtime/browser.js";

/** The probabilities of every frame of a recording. */
export interface HeardPage {
  readonly provider: string;
  readonly device: string;
  readonly detail: string;
  readonly probabilities: readonly number[];
}

/** What the microphone gave until speech began. */
export interface MicrophonePage {
  readonly sampleRateHz: number;
  readonly lostSamples: number;
  readonly startMs: number;
}

const SILERO = {
  manifest: "/models/silero-vad/manifest.json",
  golden: "/models/silero-vad/golden/silero-vad.json",
};
const model = "/models/silero-vad/silero_vad_v5.onnx";

async function heard(): Promise<HeardPage> {
  const runtime = await createRuntime();
  const session = await runtime.open(model, SILERO);
  const samples = new Float32Array(await (await fetch("/samples.f32")).arrayBuffer());
  const source = readSamples({ samples, sampleRateHz: 16_000, clock: runtime.clock });
  const probabilities: number[] = [];
  const { provider, device, detail } = session;
  const onFrame = ({ probability }: { probability: number | undefined }): void => {
    probabilities.push(probability ?? -1);
  };
  for await (const _ of listen({ session, source, clock: runtime.clock, gate: "off", onFrame }));
  return { provider, device, detail, probabilities };
}

async function microphone(): Promise<MicrophonePage> {
  const runtime = await createRuntime();
  const session = await runtime.open(model, { ...SILERO, contract: { periodMs: 32, late: "keep" } });
  const source = await openMicrophone({ clock: runtime.clock });
  for await (const event of listen({ session, source, clock: runtime.clock, mode: "live" })) {
    if (event.type !== "speech-start") continue;
    await source.close();
    return { sampleRateHz: source.sampleRateHz, lostSamples: source.lostSamples, startMs: event.startMs };
  }
  throw new Error("the microphone ended before anyone spoke");
}

const plays = { heard, microphone };
const { search } = (globalThis as unknown as { location: { search: string } }).location;
const asked = new URLSearchParams(search).get("do") as keyof typeof plays;
Object.assign(globalThis, { results: await plays[asked]() });
