// The addon's ops refuse whatever JavaScript passes that would lead out of a view, by name, and never crash.

import { describe, expect, test } from "vitest";
import { seededRng } from "../../runtime/core/rng.js";
import { planImage } from "../../runtime/ops/image-plan.js";
import { planMask } from "../../runtime/ops/mask-plan.js";
import { requireAddon } from "./native-host.js";

const addon = requireAddon();
const size = { width: 9, height: 5 };
const target = { ...size, layout: "NCHW", colour: "RGB", dtype: "float32" } as const;
const image = planImage({ format: "rgb", ...size }, target);
const planes = planImage({ format: "i420", width: 8, height: 4 }, target);
const mask = planMask({ grid: size, image: size });

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
});
