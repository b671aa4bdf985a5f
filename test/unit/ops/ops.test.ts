// Owns the promise of the ops' calls: a bad view is refused by name and nothing is written.

import { describe, expect, test } from "vitest";
import { planBlur } from "../../../runtime/ops/blur-plan.js";
import { planBoxes } from "../../../runtime/ops/boxes-plan.js";
import { planGain } from "../../../runtime/ops/gain-plan.js";
import { planImage } from "../../../runtime/ops/image-plan.js";
import { REFERENCE_KERNELS } from "../../../runtime/ops/kernels.js";
import { planLevel } from "../../../runtime/ops/level-plan.js";
import { planLogMel } from "../../../runtime/ops/log-mel-plan.js";
import { planMargins } from "../../../runtime/ops/margins-plan.js";
import { planMask } from "../../../runtime/ops/mask-plan.js";
import { Ops } from "../../../runtime/ops/ops.js";
import { planResample } from "../../../runtime/ops/resample-plan.js";
import { planRuns } from "../../../runtime/ops/runs-plan.js";
import { planStft } from "../../../runtime/ops/spectrum-plan.js";
import { planSuppress } from "../../../runtime/ops/suppress-plan.js";

const ops = new Ops([REFERENCE_KERNELS]);
const size = { width: 4, height: 2 };
const imagePlan = planImage(
  { format: "rgb", ...size },
  { ...size, layout: "NCHW", colour: "RGB", dtype: "float32" },
);
const marginsPlan = planMargins({ ...size, values: "logits" });
const maskPlan = planMask({ grid: size, image: size });
const runsPlan = planRuns(size);
const resamplePlan = planResample({ up: 1, down: 2, taps: 4, phases: 1, table: new Float32Array(8) });
const levelPlan = planLevel({ samples: 8 });
const stftPlan = planStft({ samples: 48, frame: 32, hop: 16 });
const melPlan = planLogMel({ samples: 48, frame: 32, hop: 16, mel: { bands: 3, rateHz: 8000 } });

const gainPlan = planGain({ samples: 8, gain: 2 });
const boxesPlan = planBoxes({
  ...{ anchors: 2, classes: 3, tensors: "apart", layout: "anchors-first", form: "corners", threshold: 0.5 },
});
const suppressPlan = planSuppress({ boxes: 4, keep: 2 });
const blurPlan = planBlur({ width: 4, height: 4, format: "rgb", radius: 1 });

const floats = (length: number) => new Float32Array(length);
const doubles = (length: number) => new Float64Array(length);
const bytes = (length: number) => new Uint8Array(length);
const shared = new ArrayBuffer(1024);

const refusals: readonly [string, string, () => unknown][] = [
  ["samples", "too short", () => ops.gain(gainPlan, floats(7), floats(8))],
  ["out", "too long", () => ops.gain(gainPlan, floats(8), floats(9))],
  [
    "out",
    "over the samples, and were it all of them",
    () => ops.gain(gainPlan, new Float32Array(shared, 0, 8), new Float32Array(shared, 0, 8)),
  ],
  ["scores", "too short", () => ops.boxes(boxesPlan, { scores: floats(5), boxes: floats(8) }, floats(6))],
  ["boxes", "too long", () => ops.boxes(boxesPlan, { scores: floats(6), boxes: floats(9) }, floats(6))],
  ["out", "of half a row", () => ops.boxes(boxesPlan, { scores: floats(6), boxes: floats(8) }, floats(9))],
  [
    "out",
    "over the boxes",
    () =>
      ops.boxes(
        boxesPlan,
        { scores: floats(6), boxes: new Float32Array(shared, 0, 8) },
        new Float32Array(shared, 28, 6),
      ),
  ],
  [
    "out",
    "over the scores",
    () =>
      ops.boxes(
        boxesPlan,
        { scores: new Float32Array(shared, 0, 6), boxes: floats(8) },
        new Float32Array(shared, 20, 6),
      ),
  ],
  ["rows", "of half a row", () => ops.suppress(suppressPlan, floats(9), floats(12))],
  ["rows", "more than were planned", () => ops.suppress(suppressPlan, floats(30), floats(12))],
  ["out", "too short", () => ops.suppress(suppressPlan, floats(12), floats(6))],
  [
    "out",
    "over the rows",
    () => ops.suppress(suppressPlan, new Float32Array(shared, 0, 12), new Float32Array(shared, 44, 12)),
  ],
  ["regions", "of half a region", () => ops.blur(blurPlan, new Int32Array(6), bytes(48))],
  ["regions", "of another type", () => ops.blur(blurPlan, floats(4) as never, bytes(48))],
  ["image", "too short", () => ops.blur(blurPlan, new Int32Array(4), bytes(47))],
  [
    "image",
    "over the regions",
    () => ops.blur(blurPlan, new Int32Array(shared, 0, 4), new Uint8Array(shared, 15, 48)),
  ],
  ["samples", "too short", () => ops.stft(stftPlan, floats(47), floats(34))],
  ["samples", "of another type", () => ops.stft(stftPlan, new Int16Array(48), floats(34))],
  ["out", "too long", () => ops.stft(stftPlan, floats(48), floats(35))],
  [
    "out",
    "over the samples",
    () => ops.stft(stftPlan, new Float32Array(shared, 0, 48), new Float32Array(shared, 188, 34)),
  ],
  ["plan", "of another op", () => ops.stft(melPlan, floats(48), floats(6))],
  ["plan", "of another op", () => ops.logMel(stftPlan, floats(48), floats(34))],
  ["out", "too short", () => ops.logMel(melPlan, floats(48), floats(5))],
  ["source", "too short", () => ops.image(imagePlan, bytes(23), floats(24))],
  ["source", "of another type", () => ops.image(imagePlan, floats(24) as never, floats(24))],
  ["source", "absent", () => ops.image(imagePlan, undefined as never, floats(24))],
  ["target", "too long", () => ops.image(imagePlan, bytes(24), floats(25))],
  ["target", "of another type", () => ops.image(imagePlan, bytes(24), bytes(24))],
  [
    "target",
    "over the source",
    () => ops.image(imagePlan, new Uint8Array(shared, 90, 24), new Float32Array(shared, 0, 24)),
  ],
  [
    "scores",
    "too short",
    () => ops.margins(marginsPlan, floats(15), { margins: floats(8), totals: doubles(2) }),
  ],
  [
    "margins",
    "too short",
    () => ops.margins(marginsPlan, floats(16), { margins: floats(7), totals: doubles(2) }),
  ],
  [
    "totals",
    "too long",
    () => ops.margins(marginsPlan, floats(16), { margins: floats(8), totals: doubles(3) }),
  ],
  [
    "margins",
    "over the scores",
    () =>
      ops.margins(marginsPlan, new Float32Array(shared, 0, 16), {
        margins: new Float32Array(shared, 60, 8),
        totals: doubles(2),
      }),
  ],
  [
    "totals",
    "over the margins",
    () =>
      ops.margins(marginsPlan, floats(16), {
        margins: new Float32Array(shared, 0, 8),
        totals: new Float64Array(shared, 24, 2),
      }),
  ],
  ["margins", "too short", () => ops.mask(maskPlan, floats(7), bytes(8))],
  ["mask", "too short", () => ops.mask(maskPlan, floats(8), bytes(7))],
  [
    "mask",
    "over the margins",
    () => ops.mask(maskPlan, new Float32Array(shared, 0, 8), new Uint8Array(shared, 31, 8)),
  ],
  ["margins", "too short", () => ops.runs(runsPlan, floats(7), doubles(4))],
  ["runs", "of half a run", () => ops.runs(runsPlan, floats(8), doubles(6))],
  [
    "runs",
    "over the margins",
    () => ops.runs(runsPlan, new Float32Array(shared, 0, 8), new Float64Array(shared, 24, 4)),
  ],
  [
    "output",
    "longer than the input reaches",
    () => ops.resample(resamplePlan, { input: floats(5), at: { start: 0, fraction: 0 }, output: floats(2) }),
  ],
  [
    "at.start",
    "before the input",
    () => ops.resample(resamplePlan, { input: floats(9), at: { start: -1, fraction: 0 }, output: floats(1) }),
  ],
  [
    "at.fraction",
    "of a whole sample",
    () => ops.resample(resamplePlan, { input: floats(9), at: { start: 0, fraction: 1 }, output: floats(1) }),
  ],
  [
    "output",
    "over the input",
    () =>
      ops.resample(resamplePlan, {
        input: new Float32Array(shared, 0, 8),
        at: { start: 0, fraction: 0 },
        output: new Float32Array(shared, 28, 1),
      }),
  ],
  ["samples", "too many", () => ops.level(levelPlan, { samples: floats(9), previous: 0, stats: doubles(5) })],
  ["stats", "too short", () => ops.level(levelPlan, { samples: floats(8), previous: 0, stats: doubles(4) })],
];

test.each(refusals)("a view %s that is %s is refused by name", (what, _, call) => {
  expect(call).toThrow(expect.objectContaining({ code: "OP_ARGUMENT", what }));
});

test("views side by side on one buffer are taken", () => {
  const buffer = new ArrayBuffer(24 + 96);
  const source = new Uint8Array(buffer, 0, 24).fill(7);
  const target = new Float32Array(buffer, 24, 24);

  ops.image(imagePlan, source, target);

  expect(new Set(target)).toEqual(new Set([7]));
});

test("an empty output of resampled sound is nothing to do", () => {
  const nothing = { input: floats(0), at: { start: 0, fraction: 0 }, output: floats(0) };

  expect(ops.resample(resamplePlan, nothing)).toBeUndefined();
});

describe("a plan of", () => {
  test.each<[string, string, () => unknown]>([
    ["margins", "width", () => planMargins({ width: 0, height: 1, values: "logits" })],
    ["margins", "values", () => planMargins({ ...size, values: "odds" as "logits" })],
    ["margins", "width x height", () => planMargins({ width: 16_384, height: 16_384, values: "logits" })],
    ["a mask", "grid.height", () => planMask({ grid: { width: 1, height: 0 }, image: size })],
    ["a mask", "image.width", () => planMask({ grid: size, image: { width: 1.5, height: 1 } })],
    ["a mask", "image", () => planMask({ grid: size, image: { width: 16_384, height: 16_384 } })],
    ["runs", "height", () => planRuns({ width: 1, height: Number.NaN })],
    ["resampling", "up", () => planResample({ up: 0, down: 1, taps: 1, phases: 1, table: floats(2) })],
    ["resampling", "table", () => planResample({ up: 1, down: 1, taps: 2, phases: 1, table: floats(3) })],
    [
      "resampling",
      "table",
      () => planResample({ up: 1, down: 1, taps: 1, phases: 1, table: Float32Array.of(0, Number.NaN) }),
    ],
    ["a level", "samples", () => planLevel({ samples: 0 })],
    ["a level", "clipsAt", () => planLevel({ samples: 1, clipsAt: 0 })],
    ["a level", "preEmphasis", () => planLevel({ samples: 1, preEmphasis: Number.NaN })],
  ])("%s with a bad %s is refused by name", (_, what, call) => {
    expect(call).toThrow(expect.objectContaining({ code: "OP_ARGUMENT", what }));
  });
});
