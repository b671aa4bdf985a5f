// The addon's ops refuse whatever JavaScript passes that would lead out of a view, by name, and never crash.

import { describe, expect, test } from "vitest";
import { seededRng } from "../../runtime/core/rng.js";
import { planBlur } from "../../runtime/ops/blur-plan.js";
import { planBoxes } from "../../runtime/ops/boxes-plan.js";
import { planImage } from "../../runtime/ops/image-plan.js";
import { planLogMel } from "../../runtime/ops/log-mel-plan.js";
import { planMask } from "../../runtime/ops/mask-plan.js";
import { planStft } from "../../runtime/ops/spectrum-plan.js";
import { requireAddon } from "./native-host.js";

const addon = requireAddon();
const size = { width: 9, height: 5 };
const target = { ...size, layout: "NCHW", colour: "RGB", dtype: "float32" } as const;
const image = planImage({ format: "rgb", ...size }, target);
const planes = planImage({ format: "i420", width: 8, height: 4 }, target);
const mask = planMask({ grid: size, image: size });
const sound = { samples: 100, frame: 40, hop: 20, points: 80 };
const stft = planStft(sound);
const logMel = planLogMel({ ...sound, edges: "reflect", mel: { bands: 5, rateHz: 8000 } });
const boxes = planBoxes({
  ...{ anchors: 9, classes: 3, tensors: "apart", layout: "fields-first", form: "anchors", threshold: 0.5 },
  priors: new Float32Array(36).fill(0.5),
});
const blur = planBlur({ width: 9, height: 5, format: "rgb", radius: 2 });
const blurOf = (set: number, given: { regions?: Int32Array; image?: Uint8Array; radius?: number }) =>
  addon.opBlur(
    set,
    blur.scratch.slice(),
    given.regions ?? new Int32Array(4),
    given.image ?? bytes(135),
    ...([9, 5, 3, 27, given.radius ?? 2, 1] as const),
  );
const stftFloats = stft.frames * stft.width;
const melFloats = logMel.frames * logMel.width;

const floats = (length: number) => new Float32Array(length);
const bytes = (length: number) => new Uint8Array(length);
const refused = (message: string) => expect.objectContaining({ code: "OP_ARGUMENT", message });

test("sets are listed from scalar to the widest", () => {
  expect(addon.opSets[0]).toBe("scalar");
  expect(new Set(addon.opSets).size).toBe(addon.opSets.length);
});

describe.each(addon.opSets.map((name, set) => ({ name, set })))("of $name,", ({ set }) => {
  const cases: readonly [string, () => unknown][] = [
    [
      "target: expected 135 elements, not 134",
      () => addon.opImage(set, image.words, bytes(135), floats(134)),
    ],
    ["source: expected at least 135 bytes", () => addon.opImage(set, image.words, bytes(134), floats(135))],
    [
      "target: expected a typed array of another element type",
      () => addon.opImage(set, image.words, bytes(135), bytes(135)),
    ],
    ["source: expected a typed array", () => addon.opImage(set, image.words, null as never, floats(135))],
    [
      "words: not the block of an image plan",
      () => addon.opImage(set, new Int32Array(99), bytes(9), floats(9)),
    ],
    ["words: not the block of an image plan", () => addon.opImage(set, mask.words, bytes(9), floats(9))],
    ["words: not the block of a mask plan", () => addon.opMask(set, image.words, floats(45), bytes(45))],
    ["mask: expected 45 elements, not 44", () => addon.opMask(set, mask.words, floats(45), bytes(44))],
    [
      "words: expected memory apart from the other views",
      () => addon.opMask(set, mask.words, new Float32Array(mask.words.buffer, 0, 45), bytes(45)),
    ],
    [
      "scores: expected 8 elements, not 9",
      () => addon.opMargins(set, floats(9), floats(4), new Float64Array(2), 1),
    ],
    [
      "isLogits: expected a whole number from 0 to 1",
      () => addon.opMargins(set, floats(8), floats(4), new Float64Array(2), 2),
    ],
    ["margins: expected whole rows of 4", () => addon.opRuns(set, floats(9), new Float64Array(4), 4)],
    [
      "output: expected windows within the input",
      () => addon.opResample(set, floats(8), floats(4), floats(2), 4, 1, 1, 1, 0, 0),
    ],
    [
      "table: expected 8 elements, not 7",
      () => addon.opResample(set, floats(7), floats(9), floats(1), 4, 1, 1, 1, 0, 0),
    ],
    [
      "fraction: expected a whole number from 0 to 0",
      () => addon.opResample(set, floats(8), floats(9), floats(1), 4, 1, 1, 1, 0, 1),
    ],
    ["words: not the block of a spectrum plan", () => addon.opStft(set, mask.words, floats(100), floats(9))],
    [
      "words: expected a plan without bands",
      () => addon.opStft(set, logMel.words, floats(100), floats(melFloats)),
    ],
    [
      "words: expected a plan with bands",
      () => addon.opLogMel(set, stft.words, floats(100), floats(stftFloats)),
    ],
    [
      "samples: expected 100 elements, not 99",
      () => addon.opStft(set, stft.words, floats(99), floats(stftFloats)),
    ],
    [
      "samples: expected a typed array of another element type",
      () => addon.opStft(set, stft.words, new Int16Array(100), floats(stftFloats)),
    ],
    [
      `out: expected ${melFloats} elements, not 1`,
      () => addon.opLogMel(set, logMel.words, floats(100), floats(1)),
    ],
    [
      "words: expected memory apart from the other views",
      () => addon.opStft(set, stft.words, new Float32Array(stft.words.buffer, 0, 100), floats(stftFloats)),
    ],
    ["out: expected 8 elements, not 9", () => addon.opGain(set, floats(8), floats(9), 1, 1)],
    ["gain: expected a number", () => addon.opGain(set, floats(8), floats(8), "x" as never, 1)],
    [
      "words: not the block of a boxes plan",
      () => addon.opBoxes(set, mask.words, floats(27), floats(36), floats(6)),
    ],
    [
      "scores: expected 27 elements, not 26",
      () => addon.opBoxes(set, boxes.words, floats(26), floats(36), floats(6)),
    ],
    [
      "boxes: expected 36 elements, not 37",
      () => addon.opBoxes(set, boxes.words, floats(27), floats(37), floats(6)),
    ],
    [
      "rows: expected whole rows of 6",
      () => addon.opSuppress(set, new Int32Array(99), floats(7), floats(6), 0.5, 0),
    ],
    [
      "out: expected whole rows of 6",
      () => addon.opSuppress(set, new Int32Array(99), floats(6), floats(7), 0.5, 0),
    ],
    [
      "scratch: expected room for the rows",
      () => addon.opSuppress(set, new Int32Array(55), floats(12), floats(6), 0.5, 0),
    ],
    [
      "isTogether: expected a whole number from 0 to 1",
      () => addon.opSuppress(set, new Int32Array(99), floats(6), floats(6), 0.5, 2),
    ],
    ["regions: expected whole regions of 4", () => blurOf(set, { regions: new Int32Array(3) })],
    ["image: expected at least 135 bytes", () => blurOf(set, { image: bytes(134) })],
    ["radius: expected a whole number from 1 to 255", () => blurOf(set, { radius: 256 })],
    [
      `scratch: expected ${blur.scratch.length + 12} elements, not ${blur.scratch.length}`,
      () => blurOf(set, { radius: 3 }),
    ],
    ["samples: expected at least one", () => addon.opLevel(set, floats(0), new Float64Array(5), 0, 0, 1)],
    [
      "previous: expected a number",
      () => addon.opLevel(set, floats(1), new Float64Array(5), 0, "x" as never, 1),
    ],
  ];
  test.each(cases)("%s", (message, call) => {
    expect(call).toThrow(refused(message));
  });

  test("memory that overlaps is refused", () => {
    const buffer = new ArrayBuffer(1024);
    const source = new Uint8Array(buffer, 0, 135);

    expect(() => addon.opImage(set, image.words, source, new Float32Array(buffer, 132, 135))).toThrow(
      refused("target: expected memory apart from the other views"),
    );
  });

  test("a detached source is refused", () => {
    const source = bytes(135);
    structuredClone(source.buffer, { transfer: [source.buffer] });

    expect(() => addon.opImage(set, image.words, source, floats(135))).toThrow(
      refused("source: expected at least 135 bytes"),
    );
  });

  test("a plan with any word changed is refused, or stays inside its views", () => {
    const rng = seededRng(11);
    const values = [-1, 0, 1, 2, 3, 4, 46, 47, 200, 16_384, 16_385, 2 ** 24, 2 ** 31 - 1, -(2 ** 31)];
    let refusals = 0;
    for (let round = 0; round < 4000; round++) {
      const plan = round % 2 === 0 ? image : planes;
      const words = plan.words.slice();
      // The head more often than the tables.
      const at = rng.below(2) === 0 ? rng.below(30) : rng.below(words.length);
      words[at] = values[rng.below(values.length)]!;
      try {
        addon.opImage(set, words, bytes(plan.sourceBytes), floats(plan.elements));
      } catch (error) {
        expect(error).toMatchObject({ code: "OP_ARGUMENT" });
        refusals++;
      }
    }
    expect(refusals).toBeGreaterThan(1000);
  });

  test("a mask plan with any word changed is refused, or stays inside its views", () => {
    const rng = seededRng(12);
    let refusals = 0;
    for (let round = 0; round < 2000; round++) {
      const words = mask.words.slice();
      words[rng.below(words.length)] = rng.below(3) === 0 ? -1 : rng.below(300);
      try {
        addon.opMask(set, words, floats(45), bytes(45));
      } catch (error) {
        expect(error).toMatchObject({ code: "OP_ARGUMENT" });
        refusals++;
      }
    }
    expect(refusals).toBeGreaterThan(300);
  });

  test("a spectrum's plan with any word changed is refused, or stays inside its views", () => {
    const rng = seededRng(13);
    const values = [-1, 0, 1, 2, 3, 5, 7, 8, 16, 40, 80, 200, 16_384, 2 ** 24, 2 ** 31 - 1, -(2 ** 31)];
    let refusals = 0;
    for (let round = 0; round < 4000; round++) {
      const plan = round % 2 === 0 ? stft : logMel;
      const words = plan.words.slice();
      // The head more often than the tables.
      const at = rng.below(2) === 0 ? rng.below(35) : rng.below(words.length);
      words[at] = values[rng.below(values.length)]!;
      const out = floats(plan.frames * plan.width);
      try {
        if (plan.op === "stft") addon.opStft(set, words, floats(plan.samples), out);
        else addon.opLogMel(set, words, floats(plan.samples), out);
      } catch (error) {
        expect(error).toMatchObject({ code: "OP_ARGUMENT" });
        refusals++;
      }
    }
    expect(refusals).toBeGreaterThan(1000);
  });

  test("a boxes plan with any word changed is refused, or stays inside its views", () => {
    const rng = seededRng(14);
    const values = [-1, 0, 1, 2, 3, 9, 27, 28, 36, 4096, 2 ** 18, 2 ** 31 - 1, -(2 ** 31)];
    let refusals = 0;
    for (let round = 0; round < 2000; round++) {
      const words = boxes.words.slice();
      words[rng.below(28)] = values[rng.below(values.length)]!;
      try {
        addon.opBoxes(set, words, floats(27).fill(0.75), floats(36), floats(54));
      } catch (error) {
        expect(error).toMatchObject({ code: "OP_ARGUMENT" });
        refusals++;
      }
    }
    expect(refusals).toBeGreaterThan(500);
  });
});
