// Owns the promises of the voice-activity stream, against runs of the real model by hand.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Session } from "../../../runtime/sessions/session.js";
import type { Manifest } from "../../../runtime/store/manifest.js";
import { FRAME_SAMPLES } from "../../../runtime/voice/frames.js";
import { SILERO_TENSORS, type VadReading, VoiceActivity, vadTensorsOf } from "../../../runtime/voice/vad.js";
import { openInProcess } from "../../support/in-process-session.js";
import { findSilero } from "../../support/silero.js";

/** Something like a vowel: harmonics of 140 Hz, loudest near 700 Hz, swelling and fading four times a second. */
function vowel(frames: number): Float32Array[] {
  return Array.from({ length: frames }, (_, frame) =>
    Float32Array.from({ length: FRAME_SAMPLES }, (_, n) => {
      const t = (frame * FRAME_SAMPLES + n) / 16_000;
      let sample = 0;
      for (let harmonic = 1; harmonic <= 20; harmonic++) {
        const hz = 140 * harmonic * (1 + 0.02 * Math.sin(12 * t));
        sample += Math.exp(-Math.abs(hz - 700) / 500) * Math.sin(2 * Math.PI * hz * t);
      }
      return 0.1 * sample * (0.6 + 0.4 * Math.sin(2 * Math.PI * 4 * t));
    }),
  );
}

async function readings(vad: VoiceActivity, frames: readonly Float32Array[]): Promise<VadReading[]> {
  const all: VadReading[] = [];
  for (const frame of frames) all.push(await vad.run(frame));
  return all;
}

describe.each(["silero-vad", "silero-vad-v6"] as const)("%s as a stream", (model) => {
  let path: string;
  let manifest: Manifest;
  let session: Session;
  beforeAll(async () => {
    const found = await findSilero(model);
    path = found.path;
    manifest = found.manifest!;
    session = await openInProcess({ graph: path, manifest });
  });
  afterAll(() => session.close());

  test("carries context and state: the second frame depends on the first", async () => {
    const [first, second] = vowel(2);

    const followed = (await readings(new VoiceActivity({ session }), [first!, second!]))[1];
    const alone = (await readings(new VoiceActivity({ session }), [second!]))[0];

    expect(followed?.probability).not.toBeCloseTo(alone!.probability!, 4);
  });

  test("gives what a run by hand with 64 samples of context and the returned state gives", async () => {
    const frames = vowel(5);
    const streamed = await readings(new VoiceActivity({ session }), frames);

    const byHand: number[] = [];
    let state = new Float32Array(256);
    let context = new Float32Array(64);
    for (const frame of frames) {
      const input = { data: Float32Array.from([...context, ...frame]), shape: [1, 576] };
      const carried = { data: state, shape: [2, 1, 128] };
      const outcome = await session.run({ input, state: carried, sr: BigInt64Array.of(16_000n) });
      byHand.push((outcome.outputs.output!.data as Float32Array)[0]!);
      state = Float32Array.from(outcome.outputs.stateN!.data as Float32Array);
      context = frame.slice(-64);
      outcome.release();
    }

    expect(streamed.map((reading) => reading.probability)).toEqual(byHand);
  });

  test("is the same by manifest roles and by Silero's names", async () => {
    const bare = await openInProcess({ graph: path });
    const frames = vowel(3);

    const byRole = await readings(new VoiceActivity({ session }), frames);
    const byName = await readings(new VoiceActivity({ session: bare }), frames);
    await bare.close();

    expect(vadTensorsOf(manifest)).toEqual(SILERO_TENSORS);
    expect(byName.map((reading) => reading.probability)).toEqual(
      byRole.map((reading) => reading.probability),
    );
  });

  test("a frame that settles without outputs keeps the state and lets the stream go on", async () => {
    const lossy = await openInProcess({
      graph: path,
      settleInstead: (job) => (job === 1 ? { status: "dropped", reason: "stale" } : undefined),
    });
    const [first, lost, third] = vowel(3);

    const withLoss = await readings(new VoiceActivity({ session: lossy }), [first!, lost!, third!]);
    const skipping = new VoiceActivity({ session });
    const before = await skipping.run(first!);
    skipping.skip(lost!);
    const after = await skipping.run(third!);
    await lossy.close();

    expect(withLoss[1]).toMatchObject({ probability: undefined, status: "dropped", reason: "stale" });
    expect(withLoss[0]?.probability).toBe(before.probability);
    expect(withLoss[2]?.probability).toBe(after.probability);
  });

  test("forgets everything on reset", async () => {
    const vad = new VoiceActivity({ session });
    const frames = vowel(3);

    const first = await readings(vad, frames);
    vad.reset();
    const again = await readings(vad, frames);

    expect(again.map((reading) => reading.probability)).toEqual(first.map((reading) => reading.probability));
  });
});

test("a session without a free slot costs the frame, not the stream", async () => {
  const { path } = await findSilero();
  const session = await openInProcess({ graph: path, slots: 1 });
  const vad = new VoiceActivity({ session });
  const taken = session.reserve();
  const frame = vowel(1)[0]!;

  const rejected = await vad.run(frame);
  taken?.release();
  const next = await vad.run(frame);
  await session.close();

  expect(session.stats()).toMatchObject({ n: 2, outcomes: { rejected: 1, done: 1 } });
  expect(rejected).toMatchObject({ status: "rejected", reason: "no-slot", probability: undefined });
  expect(next.status).toBe("done");
});

test("a model that is no voice-activity model is refused, and what is missing is named", async () => {
  const { path, manifest } = await findSilero();
  const session = await openInProcess({ graph: path });
  const roleless = { ...manifest!, inputs: manifest!.inputs.filter((input) => input.role !== "state") };

  expect(() => new VoiceActivity({ session, tensors: { ...SILERO_TENSORS, audio: "sound" } })).toThrow(
    expect.objectContaining({
      code: "MODEL_UNSUITABLE",
      expected: "input sound: float32 [1, 576]",
      received: "inputs input, state, sr",
    }),
  );
  expect(
    () => new VoiceActivity({ session, tensors: { ...SILERO_TENSORS, audio: "state", state: "input" } }),
  ).toThrow(
    expect.objectContaining({ code: "MODEL_UNSUITABLE", received: expect.stringContaining("float32 [2,") }),
  );
  expect(() => vadTensorsOf(roleless)).toThrow(
    expect.objectContaining({ code: "MODEL_UNSUITABLE", expected: expect.stringContaining("role state") }),
  );
  await session.close();
});
