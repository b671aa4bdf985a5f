// Owns the promises of paced and repeated sound, in virtual time.

import { expect, test } from "vitest";
import type { AudioChunk } from "../../../runtime/sources/audio.js";
import { paceAudio, repeatAudio } from "../../../runtime/sources/audio-pace.js";
import { readPcm } from "../../../runtime/sources/pcm.js";
import { VirtualClock } from "../../support/virtual-clock.js";
import { inPieces, s16 } from "../../support/wav-bytes.js";

function sound(samples: number, clock: VirtualClock): AsyncIterable<AudioChunk> {
  const bytes = inPieces(s16(...new Array(samples).fill(1)), 1_000_000);
  return readPcm({ bytes, clock, encoding: "s16le", sampleRateHz: 16_000, channels: 1 });
}

test("each chunk comes when its last sample would have been captured", async () => {
  const clock = new VirtualClock();
  await clock.advanceTo(5_000);
  const arrivals: number[] = [];
  const captures: number[] = [];

  const playing = (async () => {
    for await (const chunk of paceAudio(sound(1200, clock), { clock })) {
      arrivals.push(clock.nowUs());
      captures.push(chunk.capturedUs);
    }
  })();
  await clock.advanceTo(200_000);
  await playing;

  // Two chunks of 32 ms and one of 11 ms.
  expect(captures).toEqual([37_000, 69_000, 80_000]);
  expect(arrivals).toEqual(captures);
});

test("a consumer that falls behind gets the next chunks at once, stamped with when they were due", async () => {
  const clock = new VirtualClock();
  const source = paceAudio(sound(16_000, clock), { clock });

  const first = source.next();
  await clock.advanceTo(32_000);
  await first;
  await clock.advanceTo(132_000);
  const late = [await source.next(), await source.next(), await source.next()];
  await source.return();

  expect(late.map((next) => next.value?.capturedUs)).toEqual([64_000, 96_000, 128_000]);
});

test("a signal ends a wait", async () => {
  const clock = new VirtualClock();
  const stop = new AbortController();
  const source = paceAudio(sound(16_000, clock), { clock, signal: stop.signal });

  const first = source.next();
  await clock.advanceTo(1_000);
  stop.abort();

  expect(await first).toEqual({ done: true, value: undefined });
});

test("a repeated source has one continuous time axis, and an empty one ends", async () => {
  const clock = new VirtualClock();
  const starts: number[] = [];

  for await (const chunk of repeatAudio(() => sound(700, clock))) {
    starts.push(chunk.startSample);
    if (starts.length === 5) break;
  }
  const nothing = await repeatAudio(async function* () {}).next();

  // Every chunk is as long as the first: frames cut from them never drift against the chunks.
  expect(starts).toEqual([0, 512, 1024, 1536, 2048]);
  expect(nothing.done).toBe(true);
});
