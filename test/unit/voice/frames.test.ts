// Owns the promises of cutting a stream into frames.

import { expect, test } from "vitest";
import { FRAME_SAMPLES, FrameCutter } from "../../../runtime/voice/frames.js";

test("frames follow each other without gap or overlap, and the last is padded and says so", () => {
  const cutter = new FrameCutter();
  const sound = Float32Array.from({ length: 1100 }, (_, index) => index + 1);

  const frames = [...cutter.push(sound.subarray(0, 700)), ...cutter.push(sound.subarray(700))];
  const tail = cutter.flush();

  expect(frames.map(({ index, soundSamples }) => [index, soundSamples])).toEqual([
    [0, 512],
    [1, 512],
  ]);
  expect(frames.flatMap((frame) => [...frame.samples])).toEqual([...sound.subarray(0, 1024)]);
  expect(tail).toMatchObject({ index: 2, soundSamples: 76 });
  expect(tail?.samples).toHaveLength(FRAME_SAMPLES);
  expect([...tail!.samples]).toEqual([...sound.subarray(1024), ...new Array(436).fill(0)]);
});

test("a stream that ends on a frame's edge has no tail", () => {
  const cutter = new FrameCutter();

  const frames = cutter.push(new Float32Array(1024));

  expect(frames).toHaveLength(2);
  expect(cutter.flush()).toBeUndefined();
});
