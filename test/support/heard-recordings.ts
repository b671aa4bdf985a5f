// Owns recordings as tests of voice models hear them: read whole, cut into windows, the state carried by whoever runs them.
// Knows no model and no provider. Invariant: what cannot be read is counted, never passed over in silence.

import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { speechFrames, VOICE_SAMPLE } from "../../bench/harness/assets.js";
import { packageRoot } from "../../runtime/bindings/package-root.js";
import { RedlineError, type Session } from "../../runtime/index.js";
import { PATIENCE } from "../native/native-host.js";

export const CONTEXT = 64;
export const FRAME = 512;
const ASSETS = join(packageRoot(), "../shared/assets/audio");

/** Runs one window; the state is read and written in place. Answers the probability. */
export type RunWindow = (window: Float32Array, state: Float32Array) => number;

/** Runs a recording frame by frame, the state carried; answers the probabilities. */
export function hear(frames: readonly Float32Array[], run: RunWindow): number[] {
  const window = new Float32Array(CONTEXT + FRAME);
  const state = new Float32Array(256);
  return frames.map((frame) => {
    window.copyWithin(0, FRAME);
    window.set(frame, CONTEXT);
    return run(window, state);
  });
}

/** A session's way to run a window. */
export function through(session: Session): RunWindow {
  const sr = BigInt64Array.of(16000n);
  return (input, state) => {
    const outcome = session.runSync({ input, state, sr });
    if (outcome.status !== "done") throw new Error(`${outcome.status} / ${outcome.reason}`);
    state.set(outcome.outputs.stateN!.data as Float32Array);
    const probability = outcome.outputs.output!.data[0] as number;
    outcome.release();
    return probability;
  };
}

/** The largest difference. */
export function apart(one: readonly number[], other: readonly number[]): number {
  return one.reduce((worst, value, index) => Math.max(worst, Math.abs(value - other[index]!)), 0);
}

/** A recording as frames of 16 kHz. */
export interface Recording {
  readonly path: string;
  readonly frames: readonly Float32Array[];
}

/**
 * The bundled recording, and one in `every` of the assets folder where a checkout has one (default: each); an emulator hears fewer.
 */
export async function heardRecordings({ every = 1 } = {}): Promise<{
  read: readonly Recording[];
  unread: number;
}> {
  const wavs = existsSync(ASSETS)
    ? readdirSync(ASSETS, { recursive: true, encoding: "utf8" })
        .filter((name) => name.endsWith(".wav"))
        .sort()
        .filter((_, index) => index % (every * PATIENCE) === 0)
        .map((name) => join(ASSETS, name))
    : [];
  if (wavs.length === 0) console.log("no assets folder: the bundled recording alone is heard");
  const read: Recording[] = [];
  let unread = 0;
  for (const path of [VOICE_SAMPLE, ...wavs]) {
    try {
      read.push({ path, frames: await speechFrames(path) });
    } catch (error) {
      const isKnown = error instanceof RedlineError || /less than one frame/.test(String(error));
      if (!isKnown) throw error;
      unread += 1;
    }
  }
  return { read, unread };
}
