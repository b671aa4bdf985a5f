// Owns where the bench finds its inputs: the checkout, the bundled samples, the teacher, the speech as frames.
// Invariant: an input that is absent is an error that says what to pass instead.

import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { packageRoot } from "../../runtime/bindings/package-root.js";
import { monotonicUs, SystemClock } from "../../runtime/bindings/system-clock.js";
import { sharedOps } from "../../runtime/ops/shared-ops.js";
import { readWav } from "../../runtime/sources/wav.js";
import { openStore } from "../../runtime/store/store.js";
import { FrameCutter } from "../../runtime/voice/frames.js";
import { SpeechResampler } from "../../runtime/voice/resample.js";

/** The checkout, whether the bench runs from its sources or from dist. */
export const REPO_ROOT = packageRoot();

/** The bundled speech. */
export const VOICE_SAMPLE = join(REPO_ROOT, "models/samples/voice.wav");

/** The bundled drive. */
export const DRIVE_SAMPLE = join(REPO_ROOT, "models/samples/drive");

/** Where the teacher lies beside a development checkout. */
export const DEFAULT_TEACHER = join(REPO_ROOT, "../shared/assets/models/twinlitenet/twinlitenet.onnx");

/** The path of a file the bench cannot do without. */
export function requireFile(path: string, option: string): string {
  const full = resolve(path);
  if (!existsSync(full)) throw new Error(`${full} does not exist: pass another file with --${option}`);
  return full;
}

/** The path of a model of the store, fetched if need be. */
export async function storedModel(name: string): Promise<string> {
  const store = openStore();
  try {
    return (await store.resolve(name)).path;
  } finally {
    await store.close();
  }
}

/** A WAV file as samples at 16 kHz. */
export async function speechSamples(path: string): Promise<Float32Array> {
  const pieces: Float32Array[] = [];
  let resampler: SpeechResampler | undefined;
  for await (const chunk of readWav({ path, clock: new SystemClock(monotonicUs) })) {
    resampler ??= new SpeechResampler(sharedOps(), chunk);
    pieces.push(resampler.push(chunk.samples));
  }
  const samples = new Float32Array(pieces.reduce((length, piece) => length + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    samples.set(piece, at);
    at += piece.length;
  }
  return samples;
}

/** A WAV file as frames of 512 samples at 16 kHz; the padded last one is left out. */
export async function speechFrames(path: string): Promise<Float32Array[]> {
  const frames = new FrameCutter().push(await speechSamples(path)).map(({ samples }) => samples);
  if (frames.length === 0) throw new Error(`${path} holds less than one frame of 32 ms`);
  return frames;
}
