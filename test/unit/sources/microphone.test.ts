// Owns the promises of the microphone source up to the device: capture times, shape, closing.

import { expect, test } from "vitest";
import { CaptureTimeline, type Recorder, readMicrophone } from "../../../runtime/sources/microphone.js";
import { VirtualClock } from "../../support/virtual-clock.js";

const CHUNK_US = 32_000;

test("chunks are stamped with when they were captured, not with when they were read", () => {
  const timeline = new CaptureTimeline();

  // The third reading is 20 ms late, the fourth comes at once after it from the buffer.
  const stamps = [1_000_000, 1_032_000, 1_084_000, 1_096_500].map((arrivedUs) => timeline.stamp(arrivedUs));

  // The schedule may slip by 6.4 us a chunk, which is what a drifting device clock needs.
  expect(stamps).toEqual([1_000_000, 1_032_000, 1_064_006, 1_096_013]);
});

test("after a stall that overran the recorder's buffer the schedule begins anew", () => {
  const timeline = new CaptureTimeline();
  timeline.stamp(1_000_000);

  const afterStall = timeline.stamp(6_000_000);
  const next = timeline.stamp(6_032_000);

  expect(afterStall).toBe(6_000_000);
  expect(next).toBe(6_000_000 + CHUNK_US);
});

test("the microphone gives 16 kHz mono floats and is closed when the consumer stops", async () => {
  const clock = new VirtualClock();
  const calls: string[] = [];
  const recorder: Recorder = {
    next: async () => {
      calls.push("next");
      return { samples: new Int16Array(512).fill(-16_384), readUs: Number(process.hrtime.bigint() / 1000n) };
    },
    close: async () => {
      calls.push("close");
    },
  };

  const starts: number[] = [];
  for await (const chunk of readMicrophone({ clock, openRecorder: async () => recorder })) {
    starts.push(chunk.startSample);
    expect(chunk).toMatchObject({ sampleRateHz: 16_000, channels: 1 });
    expect(chunk.samples.every((sample) => sample === -0.5)).toBe(true);
    if (starts.length === 2) break;
  }

  expect(starts).toEqual([0, 512]);
  expect(calls).toEqual(["next", "next", "close"]);
});
