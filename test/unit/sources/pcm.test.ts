// Owns the promises of raw samples from a pipe.

import { expect, test } from "vitest";
import { RedlineError } from "../../../runtime/core/errors.js";
import type { AudioChunk } from "../../../runtime/sources/audio.js";
import { readPcm } from "../../../runtime/sources/pcm.js";
import { VirtualClock } from "../../support/virtual-clock.js";
import { inPieces, s16 } from "../../support/wav-bytes.js";

const layout = { encoding: "s16le", sampleRateHz: 16_000, channels: 1 } as const;

async function collect(source: AsyncIterable<AudioChunk>): Promise<AudioChunk[]> {
  const chunks: AudioChunk[] = [];
  for await (const chunk of source) chunks.push(chunk);
  return chunks;
}

test("raw 16-bit and float samples are read whatever pieces they arrive in", async () => {
  const clock = new VirtualClock();
  const whole = s16(...Array.from({ length: 2000 }, (_, index) => index));
  const floats = Buffer.from(Float32Array.of(0.5, -0.5).buffer);

  const chunks = await collect(readPcm({ ...layout, bytes: inPieces(whole, 333), clock }));
  const float = await collect(readPcm({ ...layout, encoding: "f32le", bytes: inPieces(floats, 3), clock }));

  expect(chunks.flatMap((chunk) => [...chunk.samples])).toEqual(
    Array.from({ length: 2000 }, (_, index) => index / 32_768),
  );
  expect(float.flatMap((chunk) => [...chunk.samples])).toEqual([0.5, -0.5]);
});

test("samples of a pipe are handed on as they arrive, not when a chunk is full", async () => {
  const clock = new VirtualClock();
  let isSecondAsked = false;
  async function* pipe(): AsyncGenerator<Uint8Array> {
    yield s16(1, 2, 3);
    isSecondAsked = true;
    yield s16(4);
  }

  const source = readPcm({ ...layout, bytes: pipe(), clock });
  const first = await source.next();
  await source.return();

  expect(first.value?.samples).toHaveLength(3);
  expect(isSecondAsked).toBe(false);
});

test("samples that arrived together were captured one after the other", async () => {
  const clock = new VirtualClock();
  await clock.advanceTo(1_000_000);

  const chunks = await collect(
    readPcm({ ...layout, bytes: inPieces(s16(...new Array(1536).fill(0)), 10_000), clock, chunkMs: 32 }),
  );

  expect(chunks.map((chunk) => chunk.capturedUs)).toEqual([936_000, 968_000, 1_000_000]);
});

test("a stream that ends inside a sample frame gives the whole ones and says so", async () => {
  const clock = new VirtualClock();
  const chunks: AudioChunk[] = [];
  const source = readPcm({ ...layout, channels: 2, bytes: inPieces(s16(1, 2, 3, 4, 5), 4), clock });

  const listening = (async () => {
    for await (const chunk of source) chunks.push(chunk);
  })();

  await expect(listening).rejects.toMatchObject({ code: "SOURCE_TRUNCATED" });
  expect(chunks.flatMap((chunk) => [...chunk.samples])).toHaveLength(4);
});

test("an empty stream and an impossible layout are refused", async () => {
  const clock = new VirtualClock();
  const nothing = readPcm({ ...layout, bytes: inPieces(new Uint8Array(0), 1), clock });
  const noChannel = readPcm({ ...layout, channels: 0, bytes: inPieces(s16(1), 2), clock });
  const tooFast = readPcm({ ...layout, sampleRateHz: 768_001, bytes: inPieces(s16(1), 2), clock });

  await expect(collect(nothing)).rejects.toMatchObject({ code: "SOURCE_EMPTY" });
  await expect(collect(noChannel)).rejects.toMatchObject({ code: "SOURCE_FORMAT", received: "0" });
  await expect(collect(tooFast)).rejects.toThrow(RedlineError);
});
