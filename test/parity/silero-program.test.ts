// Silero as a program of fused ops gives, over whole recordings, the probabilities that ONNX Runtime gives.
// The bundled recording always; every recording of the assets folder where a checkout has one.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { speechFrames, VOICE_SAMPLE } from "../../bench/harness/assets.js";
import { loadNative } from "../../runtime/bindings/load.js";
import { packageRoot } from "../../runtime/bindings/package-root.js";
import { createRuntime, RedlineError, type Session } from "../../runtime/index.js";
import { lowerProgram } from "../../runtime/programs/program.js";
import { ProgramRun } from "../../runtime/programs/run-program.js";
import { PATIENCE } from "../native/native-host.js";
import { findSilero } from "../support/silero.js";

const TOLERANCE = 1e-4;
const CONTEXT = 64;
const FRAME = 512;
const ASSETS = join(packageRoot(), "../shared/assets/audio");

const runtime = await createRuntime();
afterAll(() => runtime.close());

/** Runs a recording frame by frame, the state carried; answers the probabilities. */
function listen(frames: readonly Float32Array[], run: (window: Float32Array, state: Float32Array) => number) {
  const window = new Float32Array(CONTEXT + FRAME);
  const state = new Float32Array(256);
  return frames.map((frame) => {
    window.copyWithin(0, FRAME);
    window.set(frame, CONTEXT);
    return run(window, state);
  });
}

function through(session: Session) {
  const sr = BigInt64Array.of(16000n);
  return (input: Float32Array, state: Float32Array): number => {
    const outcome = session.runSync({ input, state, sr });
    if (outcome.status !== "done") throw new Error(`${outcome.status} / ${outcome.reason}`);
    state.set(outcome.outputs.stateN!.data as Float32Array);
    const probability = outcome.outputs.output!.data[0] as number;
    outcome.release();
    return probability;
  };
}

function apart(one: readonly number[], other: readonly number[]): number {
  return one.reduce((worst, value, index) => Math.max(worst, Math.abs(value - other[index]!)), 0);
}

/** What cannot be read, or is shorter than a frame, is counted. */
async function recordings(paths: readonly string[]) {
  const read: { path: string; frames: readonly Float32Array[] }[] = [];
  let unread = 0;
  for (const path of paths) {
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

const wavs = existsSync(ASSETS)
  ? readdirSync(ASSETS, { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".wav"))
      .sort()
      // An emulator runs that many times slower: it hears one in so many.
      .filter((_, index) => index % PATIENCE === 0)
      .map((name) => join(ASSETS, name))
  : [];
const { read, unread } = await recordings([VOICE_SAMPLE, ...wavs]);
if (wavs.length === 0) console.log("no assets folder: the bundled recording alone is heard");

describe.skipIf(loadNative().addon === null).each(["silero-vad", "silero-vad-v6"] as const)("%s", (model) => {
  test(`differs from ONNX Runtime by at most ${TOLERANCE} over ${read.length} recordings`, async () => {
    const program = await runtime.open(model, {
      inline: true,
      provider: "program",
      name: `${model} program`,
    });
    const ort = await runtime.open(model, { inline: true, provider: "ort", name: `${model} ort` });

    const worst = read.map(({ path, frames }) => ({
      path,
      frames: frames.length,
      apart: apart(listen(frames, through(program)), listen(frames, through(ort))),
    }));

    const frames = worst.reduce((sum, one) => sum + one.frames, 0);
    const most = Math.max(...worst.map((one) => one.apart));
    console.log(
      `${model}: ${frames} frames of ${read.length} recordings (${unread} not read), at most ${most} apart`,
    );
    expect(worst.filter((one) => one.apart > TOLERANCE)).toEqual([]);
    // Frames that all came out as 0 would agree too.
    expect(frames).toBeGreaterThan(100);
    await Promise.all([program.close(), ort.close()]);
  }, 120_000);

  test("runs by the reference ops as it does natively", async () => {
    const found = await findSilero(model);
    const lowered = await lowerProgram(readFileSync(found.path), {
      constants: { sr: 16000 },
      shapes: { input: [1, CONTEXT + FRAME], state: [2, 1, 128] },
      feeds: { stateN: "state" },
    });
    const reference = new ProgramRun(lowered);
    const session = await runtime.open(model, { inline: true, provider: "program", name: `${model} again` });
    const frames = read[0]!.frames.slice(0, 150);

    const native = listen(frames, through(session));
    const defined = listen(frames, (input, state) => {
      const { output, stateN } = reference.run({ input, state });
      state.set(stateN!);
      return output![0]!;
    });

    expect(apart(native, defined)).toBeLessThan(TOLERANCE / 10);
    expect(Math.max(...defined)).toBeGreaterThan(0.5);
    expect(lowered.carried).toEqual({ stateN: "state" });
    await session.close();
  });
});
