// Owns the promises of the WAV reader: every format it takes, every file it refuses, and what a damaged one still gives.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { RedlineError } from "../../../runtime/core/errors.js";
import type { AudioChunk } from "../../../runtime/sources/audio.js";
import { decodeWav, readWav } from "../../../runtime/sources/wav.js";
import { VirtualClock } from "../../support/virtual-clock.js";
import { inPieces, s16, type WavParts, wavBytes, wavChunk } from "../../support/wav-bytes.js";

const folder = mkdtempSync(path.join(tmpdir(), "redline-wav-"));
afterAll(() => rmSync(folder, { recursive: true }));
const clock = new VirtualClock();

/** Everything a source gives: its samples, and the error it ends with, if any. */
async function heard(
  source: AsyncIterable<AudioChunk>,
): Promise<{ samples: number[]; chunks: AudioChunk[]; error: RedlineError | undefined }> {
  const chunks: AudioChunk[] = [];
  let error: RedlineError | undefined;
  try {
    for await (const chunk of source) chunks.push(chunk);
  } catch (thrown) {
    if (!(thrown instanceof RedlineError)) throw thrown;
    error = thrown;
  }
  return { samples: chunks.flatMap((chunk) => [...chunk.samples]), chunks, error };
}

function fromPipe(bytes: Uint8Array, pieceBytes = 7): ReturnType<typeof heard> {
  return heard(decodeWav({ bytes: inPieces(bytes, pieceBytes), clock, label: "pipe" }));
}

function fromFile(bytes: Uint8Array, chunkMs = 32): ReturnType<typeof heard> {
  const file = path.join(folder, "sound.wav");
  writeFileSync(file, bytes);
  return heard(readWav({ path: file, clock, chunkMs }));
}

function fromParts(parts: WavParts): ReturnType<typeof heard> {
  return fromPipe(wavBytes(parts));
}

describe("every sample format becomes floats in [-1, 1]", () => {
  const f32 = (...values: number[]) => Buffer.from(Float32Array.from(values).buffer);
  const f64 = (...values: number[]) => Buffer.from(Float64Array.from(values).buffer);
  const bytes = (...values: number[]) => Uint8Array.from(values);
  test.each<[string, WavParts, number[]]>([
    ["8-bit PCM", { bits: 8, data: bytes(0, 64, 128, 255) }, [-1, -0.5, 0, 127 / 128]],
    ["16-bit PCM", { data: s16(-32768, -16384, 0, 32767) }, [-1, -0.5, 0, 32767 / 32768]],
    ["12-bit PCM in 16 bits", { bits: 12, data: s16(-32768, 16384) }, [-1, 0.5]],
    [
      "24-bit PCM",
      { bits: 24, data: bytes(0, 0, 0x80, 0, 0, 0xc0, 0xff, 0xff, 0xff) },
      [-1, -0.5, -(2 ** -23)],
    ],
    ["32-bit PCM", { bits: 32, data: bytes(0, 0, 0, 0x80, 0, 0, 0, 0x40) }, [-1, 0.5]],
    ["32-bit float", { format: 3, bits: 32, data: f32(-1, 0.25, 1) }, [-1, 0.25, 1]],
    ["64-bit float", { format: 3, bits: 64, data: f64(-0.5, 0.125) }, [-0.5, 0.125]],
    // Values of ITU-T G.711's decoder tables, scaled to 16 bits.
    [
      "A-law",
      { format: 6, bits: 8, data: bytes(0x55, 0xd5, 0x00, 0x80, 0x2a, 0xaa) },
      [-8, 8, -5504, 5504, -32256, 32256].map((value) => value / 32768),
    ],
    [
      "mu-law",
      { format: 7, bits: 8, data: bytes(0x00, 0x80, 0xff, 0x7e, 0xa0) },
      [-32124, 32124, 0, -8, 7932].map((value) => value / 32768),
    ],
  ])("%s", async (_, parts, expected) => {
    const plain = await fromParts(parts);
    const extensible = await fromParts({ ...parts, extensible: true });

    expect(plain.error).toBeUndefined();
    expect(plain.samples).toEqual(expected);
    expect(extensible.samples).toEqual(expected);
  });
});

test("NaN and infinite samples become silence, louder ones full scale, and both are counted", async () => {
  const data = Buffer.from(Float32Array.of(0.5, Number.NaN, Infinity, -3, 0.25).buffer);

  const { samples, chunks, error } = await heard(
    decodeWav({ bytes: inPieces(wavBytes({ format: 3, bits: 32, data }), 1000), clock }),
  );

  expect(error).toBeUndefined();
  expect(samples).toEqual([0.5, 0, 0, -1, 0.25]);
  expect(chunks[0]?.repairs).toEqual({ nonFinite: 2, clipped: 1 });
});

test("stereo samples stay interleaved and chunks say where they begin", async () => {
  const frames = 16_000;
  const data = s16(...Array.from({ length: 2 * frames }, (_, index) => index % 30_000));

  const { samples, chunks } = await fromFile(wavBytes({ channels: 2, sampleRateHz: 48_000, data }), 20);

  expect(samples).toEqual(
    [...new Int16Array(data.buffer, data.byteOffset, 2 * frames)].map((v) => v / 32768),
  );
  expect(chunks.map((chunk) => chunk.startSample)).toEqual(
    Array.from({ length: Math.ceil(frames / 960) }, (_, index) => index * 960),
  );
  expect(chunks[0]).toMatchObject({ sampleRateHz: 48_000, channels: 2, capturedUs: clock.nowUs() });
});

test("chunks before the data, odd ones with their padding, are passed over", async () => {
  const between = [
    wavChunk("LIST", Buffer.from("INFOISFT\x05\0\0\0sox")),
    wavChunk("junk", new Uint8Array(3)),
  ];

  const { samples, error } = await fromParts({ data: s16(1, 2, 3), between });

  expect(error).toBeUndefined();
  expect(samples).toHaveLength(3);
});

test("an odd data chunk ends before its padding and before what follows it", async () => {
  const after = wavChunk("LIST", Buffer.from("INFO"));

  const { samples, error } = await fromParts({ bits: 8, data: Uint8Array.of(128, 255, 0), after });

  expect(error).toBeUndefined();
  expect(samples).toEqual([0, 127 / 128, -1]);
});

test("RF64 takes its length from ds64", async () => {
  const { samples, error } = await fromParts({
    rf64: true,
    data: s16(1, 2, 3),
    after: wavChunk("LIST", s16(9)),
  });

  expect(error).toBeUndefined();
  expect(samples).toHaveLength(3);
});

test.each([
  ["0xFFFFFFFF, as ffmpeg writes to a pipe", 0xffff_ffff],
  ["0x7FFFF000, as sox writes to a pipe", 0x7fff_f000],
  ["0, as a recorder that was killed leaves it", 0],
])("a stream of unknown length lasts until its end (%s)", async (_, declaredBytes) => {
  const { samples, error } = await fromParts({ data: s16(1, 2, 3), declaredBytes });

  expect(error).toBeUndefined();
  expect(samples).toHaveLength(3);
});

test("a truncated file gives every sample it has and then says so", async () => {
  const whole = wavBytes({ channels: 2, data: s16(...new Array(20_000).fill(100)) });
  const cut = whole.subarray(0, 44 + 4 * 5000 + 3);

  const { samples, error } = await fromFile(cut);

  expect(samples).toHaveLength(10_000);
  expect(error).toMatchObject({
    code: "SOURCE_TRUNCATED",
    received: "20003 bytes",
    expected: "40000 bytes of samples",
  });
});

test("a file cut inside its header is truncated, not unknown", async () => {
  const whole = wavBytes({ data: s16(1, 2, 3) });

  for (const bytes of [6, 20, 40, 44]) {
    const { error, samples } = await fromPipe(whole.subarray(0, bytes));
    expect([bytes, error?.code]).toEqual([bytes, "SOURCE_TRUNCATED"]);
    expect(samples).toEqual([]);
  }
});

describe("what is not a readable WAV is refused with a way out", () => {
  const text = (value: string) => Buffer.from(value.padEnd(64, "\0"), "latin1");
  test.each<[string, Uint8Array, string]>([
    ["MP3 with tags", text("ID3\x04"), "MP3 audio"],
    ["MP3 frames", text("\xff\xfb\x90\x00"), "MP3 audio"],
    ["FLAC", text("fLaC"), "FLAC audio"],
    ["Ogg", text("OggS"), "an Ogg stream"],
    ["MP4", text("\0\0\0\x20ftypM4A "), "an MP4 or M4A file"],
    ["AVI", text("RIFF\0\0\0\0AVI "), "another RIFF file"],
    ["text", text("hello, world"), "a file that begins with the bytes 68656c6c6f2c2077"],
    ["MP3 inside WAV", wavBytes({ format: 85, bits: 0, data: s16(1) }), "MP3"],
    ["ADPCM inside WAV", wavBytes({ format: 2, bits: 4, data: s16(1) }), "Microsoft ADPCM"],
    ["0 channels", wavBytes({ channels: 0, data: s16(1) }), "0"],
    ["33 channels", wavBytes({ channels: 33, data: s16(1) }), "33"],
    ["0 Hz", wavBytes({ sampleRateHz: 0, data: s16(1) }), "0"],
    ["16-bit float", wavBytes({ format: 3, bits: 16, data: s16(1) }), "16-bit samples"],
  ])("%s", async (_, bytes, received) => {
    const { error, samples } = await fromPipe(bytes);

    expect(error).toMatchObject({ code: "SOURCE_FORMAT", received });
    expect(error?.hint).toBe("convert it first: ffmpeg -i pipe -ar 16000 out.wav");
    expect(samples).toEqual([]);
  });
});

test("a file or stream without a sample is empty", async () => {
  const nothing = await fromFile(new Uint8Array(0));
  const headerOnly = await fromFile(wavBytes({ data: new Uint8Array(0) }));
  const followed = await fromParts({ data: new Uint8Array(0), after: wavChunk("LIST", Buffer.from("INFO")) });

  for (const { error } of [nothing, headerOnly, followed]) expect(error?.code).toBe("SOURCE_EMPTY");
});

test("a missing file and a folder are named", async () => {
  const missing = await heard(readWav({ path: path.join(folder, "none.wav"), clock }));
  const directory = await heard(readWav({ path: folder, clock }));

  expect(missing.error?.code).toBe("SOURCE_MISSING");
  expect(missing.error?.message).toContain("none.wav");
  expect(directory.error).toMatchObject({ code: "SOURCE_FORMAT", received: "a folder" });
});

test("the pieces in which a pipe delivers bytes do not change the samples", async () => {
  const whole = wavBytes({ channels: 3, bits: 24, data: new Uint8Array(9 * 200).map((_, i) => i * 7) });

  const expected = await fromPipe(whole, whole.length);

  for (const size of [1, 2, 5, 11, 64]) {
    const { samples, error } = await fromPipe(whole, size);
    expect(error).toBeUndefined();
    expect(samples).toEqual(expected.samples);
  }
});

test("memory stays constant over an hour of sound", async () => {
  // An hour of 16 kHz 16-bit sound, made as it is read: 115 MB.
  const header = wavBytes({ data: new Uint8Array(0), declaredBytes: 2 * 16_000 * 3600 });
  async function* hour(): AsyncGenerator<Uint8Array> {
    yield header;
    const second = new Uint8Array(32_000).fill(1);
    for (let at = 0; at < 3600; at++) yield second;
  }

  let frames = 0;
  let mostHeldBytes = 0;
  const beforeBytes = process.memoryUsage().arrayBuffers;
  for await (const chunk of decodeWav({ bytes: hour(), clock, chunkMs: 1000 })) {
    frames += chunk.samples.length;
    mostHeldBytes = Math.max(mostHeldBytes, process.memoryUsage().arrayBuffers - beforeBytes);
  }

  expect(frames).toBe(16_000 * 3600);
  // Garbage of many one-second chunks of 64 kB may wait for the collector, the whole of 230 MB may not.
  expect(mostHeldBytes).toBeLessThan(115_000_000);
});
