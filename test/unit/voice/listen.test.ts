// Owns the promises of the whole voice pipeline, on real recordings and a real model.

import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Session } from "../../../runtime/sessions/session.js";
import type { AudioChunk } from "../../../runtime/sources/audio.js";
import { paceAudio } from "../../../runtime/sources/audio-pace.js";
import { decodeWav, readWav } from "../../../runtime/sources/wav.js";
import {
  type FrameReading,
  type ListenOptions,
  listen,
  type VoiceEvent,
  type VoiceReport,
} from "../../../runtime/voice/listen.js";
import { openInProcess, processClock } from "../../support/in-process-session.js";
import { findSilero } from "../../support/silero.js";
import { inPieces, s16, wavBytes } from "../../support/wav-bytes.js";

const repository = new URL("../../../", import.meta.url);
const voicePath = fileURLToPath(new URL("models/samples/voice.wav", repository));
const jfkPath = fileURLToPath(new URL("../shared/assets/audio/misc/jfk.wav", repository));
const clock = processClock;

let session: Session;
beforeAll(async () => {
  const { path, manifest } = await findSilero();
  session = await openInProcess({ graph: path, manifest: manifest! });
});
afterAll(() => session.close());

async function heard(options: Partial<ListenOptions> & Pick<ListenOptions, "source">): Promise<{
  events: VoiceEvent[];
  speech: Extract<VoiceEvent, { type: "speech" }>[];
  report: VoiceReport;
}> {
  const events: VoiceEvent[] = [];
  for await (const event of listen({ session, clock, ...options })) events.push(event);
  const report = events.at(-1);
  if (report?.type !== "report") throw new Error("the last event is not a report");
  return { events, speech: events.filter((event) => event.type === "speech"), report };
}

describe.each(["off", "on"] as const)("the bundled recording, gate %s", (gate) => {
  test("every utterance is found where it is", async () => {
    const marks: { utterances: { startMs: number; endMs: number }[] } = JSON.parse(
      readFileSync(new URL("models/samples/voice.json", repository), "utf8"),
    );

    // Half a second of silence ends a segment here, so that the pause after a greeting does not.
    const { speech, report } = await heard({
      source: readWav({ path: voicePath, clock }),
      segments: { minSilenceMs: 500 },
      ...(gate === "off" ? { gate } : {}),
    });

    expect(speech).toHaveLength(marks.utterances.length);
    for (const [index, { startMs, endMs }] of marks.utterances.entries()) {
      const found = speech[index]!;
      // Silero needs a frame or two of sound to be sure, and lets go up to four frames after it; padding is 30 ms.
      expect([index, Math.abs(found.startMs - startMs)]).toEqual([index, expect.toSatisfy((ms) => ms <= 64)]);
      expect([index, Math.abs(found.endMs - endMs)]).toEqual([index, expect.toSatisfy((ms) => ms <= 160)]);
      expect(found.probability).toBeGreaterThan(0.8);
    }
    expect(report).toMatchObject({ frames: 647, durationMs: 20_674, segments: 4, truncated: false });
    expect(report.gatedFrames + report.outcomes.done).toBe(647);
    expect(report.gatedFrames > 0).toBe(gate === "on");
  });
});

test("speech-start comes while the onset's frame is the newest, speech at the end", async () => {
  const order: (FrameReading | VoiceEvent)[] = [];

  for await (const event of listen({
    session,
    clock,
    source: readWav({ path: voicePath, clock }),
    gate: "off",
    onFrame: (reading) => order.push(reading),
  })) {
    order.push(event);
  }

  const starts = order.flatMap((entry, at) => ("type" in entry && entry.type === "speech-start" ? [at] : []));
  expect(starts.length).toBeGreaterThan(0);
  for (const at of starts) {
    const frame = order[at - 1] as FrameReading;
    expect(frame.probability).toBeGreaterThanOrEqual(0.5);
    // The start lies 30 ms of padding before the frame that reached the threshold.
    expect(order[at]).toMatchObject({ startMs: frame.index * 32 - 30 });
  }
});

test.skipIf(!existsSync(jfkPath))("a real recording gives the segments Silero's own code gives", async () => {
  const { speech } = await heard({ source: readWav({ path: jfkPath, clock }), gate: "off" });

  // What get_speech_timestamps of the Python package silero-vad 6.0.0 answers for this file with the v5 model.
  expect(speech.map(({ startMs, endMs }) => [startMs, endMs])).toEqual([
    [290, 2238],
    [3330, 3774],
    [4002, 4350],
    [5378, 7646],
    [8162, 10_622],
  ]);
});

test("when the gate opens, the frames before it are run first", async () => {
  const rules = { preRollFrames: 3 };
  const frames: FrameReading[] = [];
  const quiet = new Int16Array(512 * 40).map((_, n) => ((n * 7919) % 21) - 10);
  const tone = new Int16Array(512 * 4).map((_, n) => 8000 * Math.sin(n / 5));
  const wav = wavBytes({ data: Buffer.concat([s16(...quiet), s16(...tone)]) });

  const { report } = await heard({
    source: decodeWav({ bytes: inPieces(wav, 65_536), clock }),
    gate: rules,
    onFrame: (reading) => frames.push(reading),
  });

  const ran = frames.filter(({ status }) => status === "done").map(({ index }) => index);
  expect(ran.slice(-7)).toEqual([37, 38, 39, 40, 41, 42, 43]);
  expect(ran).not.toContain(36);
  expect(frames.map(({ index }) => index)).toEqual(Array.from({ length: 44 }, (_, index) => index));
  expect(report.gatedFrames + report.outcomes.done).toBe(44);
});

test("a truncated file is heard to its last sample, and the report says so", async () => {
  const whole = readFileSync(voicePath);
  const cut = whole.subarray(0, 44 + 2 * 16_000 * 6);

  const { speech, report } = await heard({ source: decodeWav({ bytes: inPieces(cut, 4096), clock }) });

  expect(speech.at(0)?.startMs).toBeLessThan(1300);
  expect(report).toMatchObject({ truncated: true, durationMs: 6000, frames: 188 });
  expect(report.fault?.code).toBe("SOURCE_TRUNCATED");
});

test("a source that fails gives the speech before the failure and then its error", async () => {
  async function* failing(): AsyncGenerator<AudioChunk> {
    for await (const chunk of readWav({ path: voicePath, clock })) {
      if (chunk.startSample > 4 * 16_000) throw new Error("unplugged");
      yield chunk;
    }
  }
  const events: VoiceEvent[] = [];

  const listening = (async () => {
    for await (const event of listen({ session, clock, source: failing() })) events.push(event);
  })();

  await expect(listening).rejects.toThrow("unplugged");
  expect(events.at(-1)).toMatchObject({ type: "speech" });
});

test("frames that are dropped are counted and the stream goes on", async () => {
  const { path } = await findSilero();
  const lossy = await openInProcess({
    graph: path,
    settleInstead: (job) => (job % 50 === 49 ? { status: "dropped", reason: "stale" } : undefined),
  });

  const { speech, report } = await heard({
    session: lossy,
    source: readWav({ path: voicePath, clock }),
    segments: { minSilenceMs: 500 },
    gate: "off",
  });
  await lossy.close();

  expect(report.outcomes).toMatchObject({ done: 647 - 12, dropped: 12 });
  expect(speech).toHaveLength(4);
});

test("damaged samples are counted in the report", async () => {
  const data = Buffer.from(
    Float32Array.from({ length: 3000 }, (_, n) => (n % 1000 === 0 ? NaN : 0.01)).buffer,
  );

  const { report } = await heard({
    source: decodeWav({ bytes: inPieces(wavBytes({ format: 3, bits: 32, data }), 4096), clock }),
  });

  expect(report.repairs).toEqual({ nonFinite: 3, clipped: 0 });
  expect(report.outcomes.failed).toBe(0);
});

test("times stay on the input's axis whatever its rate", async () => {
  // The same sound declared as 8 kHz lasts twice as long; Silero still hears speech in it.
  const samples = readFileSync(voicePath).subarray(44);
  const slow = wavBytes({ sampleRateHz: 8000, data: samples });

  const { speech, report } = await heard({ source: decodeWav({ bytes: inPieces(slow, 65_536), clock }) });

  expect(report).toMatchObject({ durationMs: 41_348, frames: Math.ceil((330_784 * 2) / 512) });
  expect(speech.length).toBeGreaterThan(0);
  expect(speech[0]!.startMs).toBeGreaterThan(2 * 1200 - 200);
});

test("in live mode a frame's deadline counts from its last sample", async () => {
  const captured: number[] = [];
  const startedUs = clock.nowUs();
  const spied = new Proxy(session, {
    get(target, key) {
      if (key !== "reserve") return Reflect.get(target, key, target);
      return () => {
        const slot = target.reserve()!;
        return {
          ...slot,
          run: (options: { capturedUs: number }) => {
            captured.push(options.capturedUs);
            return slot.run(options);
          },
        };
      };
    },
  });
  const wav = wavBytes({ sampleRateHz: 48_000, data: s16(...new Array(48_000 / 5).fill(100)) });

  await heard({
    session: spied as unknown as Session,
    mode: "live",
    gate: "off",
    source: paceAudio(decodeWav({ bytes: inPieces(wav, 100_000), clock, chunkMs: 50 }), { clock }),
  });

  // 200 ms in chunks of 50: frame k ends at 32 (k + 1) ms of the recording, whichever chunk brings it.
  const offsets = captured.slice(0, 6).map((atUs) => atUs - captured[0]!);
  expect(offsets).toEqual([0, 32_000, 64_000, 96_000, 128_000, 160_000]);
  expect(captured[0]! - startedUs).toBeGreaterThanOrEqual(32_000);
});

test("a signal ends listening even while the source is silent", async () => {
  const stop = new AbortController();
  async function* silent(): AsyncGenerator<AudioChunk> {
    yield* readWav({ path: voicePath, clock });
    stop.abort();
    await new Promise(() => {});
  }

  const { report } = await heard({ source: silent(), signal: stop.signal });

  expect(report).toMatchObject({ durationMs: 20_674, truncated: false });
});

test("a source that changes its rate in mid-stream is refused", async () => {
  async function* changing(): AsyncGenerator<AudioChunk> {
    const bytes = inPieces(wavBytes({ data: s16(1, 2, 3) }), 100);
    for await (const chunk of decodeWav({ bytes, clock })) yield* [chunk, { ...chunk, sampleRateHz: 8000 }];
  }

  await expect(heard({ source: changing() })).rejects.toMatchObject({ code: "SOURCE_FORMAT" });
});
