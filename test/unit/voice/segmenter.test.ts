// Owns the promises of the segmenter: hysteresis, minima, padding, and laws for all probabilities.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type SegmentEvent, Segmenter, type SegmentRules } from "../../../runtime/voice/segmenter.js";

/** Frames of one probability each, written as [probability, how many]. */
function run(
  spans: readonly (readonly [probability: number | undefined, frames: number])[],
  { rules, endMs }: { rules?: SegmentRules; endMs?: number } = {},
): SegmentEvent[] {
  const segmenter = new Segmenter(rules);
  const events: SegmentEvent[] = [];
  for (const [probability, frames] of spans) {
    for (let frame = 0; frame < frames; frame++) events.push(...segmenter.push(probability));
  }
  return [...events, ...segmenter.flush(endMs)];
}

test("speech starts with the first frame at the threshold and is padded on both sides", () => {
  const events = run([
    [0.1, 10],
    [0.9, 20],
    [0.1, 10],
  ]);

  // Frames 10 to 29 are speech: 320 to 960 ms, 30 ms of padding on either side.
  expect(events).toEqual([
    { type: "speech-start", startMs: 290 },
    { type: "speech", startMs: 290, endMs: 990, probability: expect.closeTo(0.9, 6) },
  ]);
});

test("the start is announced on the very frame that reaches the threshold", () => {
  const segmenter = new Segmenter();

  expect(segmenter.push(0.49)).toEqual([]);
  expect(segmenter.push(0.5)).toEqual([{ type: "speech-start", startMs: 2 }]);
  expect(segmenter.isOpen).toBe(true);
});

test("between the two thresholds nothing changes", () => {
  const held = run([
    [0.9, 10],
    [0.4, 50],
    [0.9, 10],
    [0.1, 10],
  ]);
  const never = run([[0.49, 100]]);

  expect(held.filter((event) => event.type === "speech")).toHaveLength(1);
  expect(never).toEqual([]);
});

test("a pause shorter than the minimum silence does not end speech, one as long does", () => {
  const short = run([
    [0.9, 10],
    [0.1, 4],
    [0.9, 10],
    [0.1, 10],
  ]);
  const long = run([
    [0.9, 10],
    [0.1, 5],
    [0.9, 10],
    [0.1, 10],
  ]);

  expect(short.filter((event) => event.type === "speech")).toHaveLength(1);
  expect(long.filter((event) => event.type === "speech")).toHaveLength(2);
});

test("the mean probability leaves out the silence that ended the segment", () => {
  const [, speech] = run([
    [0.8, 10],
    [0.6, 10],
    [0.0, 10],
  ]);

  expect(speech).toMatchObject({ type: "speech", probability: expect.closeTo(0.7, 6) });
});

test("a start that proves too short is withdrawn", () => {
  const events = run([
    [0.1, 5],
    [0.9, 7],
    [0.1, 10],
  ]);

  expect(events).toEqual([
    { type: "speech-start", startMs: 130 },
    { type: "speech-withdrawn", startMs: 130, endMs: 414 },
  ]);
});

test("the end of the stream ends speech, no later than the sound itself", () => {
  const events = run(
    [
      [0.1, 5],
      [0.9, 20],
    ],
    { endMs: 795 },
  );

  expect(events.at(-1)).toMatchObject({ type: "speech", startMs: 130, endMs: 795 });
});

test("a frame of unknown probability takes its time and decides nothing", () => {
  const events = run([
    [0.9, 10],
    [undefined, 10],
    [0.9, 10],
    [0.1, 10],
  ]);

  expect(events).toEqual([
    { type: "speech-start", startMs: 0 },
    { type: "speech", startMs: 0, endMs: 990, probability: expect.closeTo(0.9, 6) },
  ]);
});

describe("for all probabilities", () => {
  const unit = fc.double({ min: 0, max: 1, noNaN: true });
  const probabilities = fc.array(fc.option(unit, { nil: undefined }), { maxLength: 300 });
  const rules = fc.record({
    threshold: fc.constantFrom(0.3, 0.5, 0.8),
    minSpeechMs: fc.constantFrom(0, 64, 250),
    minSilenceMs: fc.constantFrom(0, 32, 100, 500),
    padMs: fc.constantFrom(0, 30, 200),
  });

  test("segments are in order, do not overlap, and every start has one end", () => {
    fc.assert(
      fc.property(probabilities, rules, (values, given) => {
        const events = run(
          values.map((value) => [value, 1]),
          { rules: given },
        );

        let lastEndMs = 0;
        for (let at = 0; at < events.length; at += 2) {
          const [start, end] = [events[at]!, events[at + 1]!];
          expect(start.type).toBe("speech-start");
          expect(["speech", "speech-withdrawn"]).toContain(end.type);
          expect(start.startMs).toBe(end.startMs);
          if (end.type !== "speech") continue;
          expect(end.startMs).toBeGreaterThanOrEqual(lastEndMs);
          expect(end.endMs).toBeGreaterThan(end.startMs);
          expect(end.endMs).toBeLessThanOrEqual(values.length * 32);
          lastEndMs = end.endMs;
        }
      }),
    );
  });
});
