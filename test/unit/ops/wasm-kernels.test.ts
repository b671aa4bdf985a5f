// Owns the promise of the ops in WebAssembly where memory is concerned: it grows under them, it may be refused, and callers'
// views are longer than needed, shared, or of other sizes from one call to the next.

import { describe, expect, test } from "vitest";
import type { Kernels } from "../../../runtime/bindings/kernels.js";
import { LIMITS } from "../../../runtime/core/limits.js";
import { IMAGE_HEAD, planImage } from "../../../runtime/ops/image-plan.js";
import { type OpKernels, REFERENCE_KERNELS } from "../../../runtime/ops/kernels.js";
import { planLevel } from "../../../runtime/ops/level-plan.js";
import { planMargins } from "../../../runtime/ops/margins-plan.js";
import { planResample } from "../../../runtime/ops/resample-plan.js";
import { planRuns, RUN_FIELDS } from "../../../runtime/ops/runs-plan.js";
import { kernelsIn } from "../../../runtime/ops/wasm-kernels.js";
import { instanceOf } from "../../support/wasm-kernels.js";

function instance(): Kernels {
  const found = instanceOf("simd128");
  if (typeof found === "string") throw new Error(found);
  return found;
}

const wave = (length: number) => Float32Array.from({ length }, (_, at) => Math.sin(at / 3));
const image = planImage(
  { format: "rgb", width: 6, height: 4 },
  { width: 5, height: 5, layout: "NHWC", colour: "BGR", dtype: "float16", fit: "letterbox" },
);
const pixels = Uint8Array.from({ length: image.sourceBytes }, (_, at) => (at * 37) % 256);

function imageOf(ops: OpKernels, source: Uint8Array = pixels): Uint16Array {
  const target = new Uint16Array(image.elements);
  ops.image(image, source, target);
  return target;
}

test("a small form is right again after a large one has made the memory grow", () => {
  const kernels = instance();
  const ops = kernelsIn(kernels, { name: "wasm" });
  const before = imageOf(ops);
  const bytesBefore = kernels.memory.buffer.byteLength;
  const margins = planMargins({ width: 1000, height: 300, values: "logits" });
  const given = [wave(600_000), { margins: new Float32Array(300_000), totals: new Float64Array(2) }] as const;

  ops.margins(margins, ...given);

  expect(kernels.memory.buffer.byteLength).toBeGreaterThan(bytesBefore);
  expect(imageOf(ops)).toEqual(before);
  expect(before).toEqual(imageOf(REFERENCE_KERNELS));
  const wanted = { margins: new Float32Array(300_000), totals: new Float64Array(2) };
  REFERENCE_KERNELS.margins(margins, given[0], wanted);
  expect(given[1].margins.every((value, at) => value === wanted.margins[at])).toBe(true);
});

test("a small form is right again after others on the same instance have made its memory grow", () => {
  const kernels = instance();
  const [ops, others] = [kernelsIn(kernels, { name: "wasm" }), kernelsIn(kernels, { name: "others" })];
  const before = imageOf(ops);
  const large = planMargins({ width: 1000, height: 300, values: "probabilities" });

  others.margins(large, wave(600_000), { margins: new Float32Array(300_000), totals: new Float64Array(2) });

  expect(imageOf(ops)).toEqual(before);
});

test("a later call of a form makes nothing grow", () => {
  const kernels = instance();
  const ops = kernelsIn(kernels, { name: "wasm" });
  imageOf(ops);
  const { buffer } = kernels.memory;

  for (let call = 0; call < 1000; call++) imageOf(ops);

  expect(kernels.memory.buffer).toBe(buffer);
});

test("a source longer than its plan, or shared with other threads, is read as far as the plan goes", () => {
  const ops = kernelsIn(instance(), { name: "wasm" });
  const shared = new Uint8Array(new SharedArrayBuffer(pixels.length + 200_000));
  shared.set(pixels);

  expect(imageOf(ops, shared)).toEqual(imageOf(REFERENCE_KERNELS));
});

describe("where there is no memory to be had,", () => {
  test.each<[string, (inner: Kernels) => Kernels]>([
    [
      "because the engine gives none",
      (inner) => ({
        ...inner,
        memory: {
          buffer: inner.memory.buffer,
          grow: () => {
            throw new RangeError("no more");
          },
        },
      }),
    ],
    ["because the form is beyond the limit", (inner) => ({ ...inner, heap_start: () => LIMITS.kernelBytes })],
  ])("%s, the reference runs", (_, without) => {
    const kernels = instance();
    const ops = kernelsIn(without(kernels), { name: "wasm" });
    const plan = planRuns({ width: 400, height: 200 });
    const margins = wave(80_000);
    const [found, wanted] = [new Float64Array(RUN_FIELDS * 20_000), new Float64Array(RUN_FIELDS * 20_000)];

    const count = ops.runs(plan, margins, found);

    expect(count).toBe(REFERENCE_KERNELS.runs(plan, margins, wanted));
    expect(count).toBeGreaterThan(1000);
    expect(found).toEqual(wanted);
    expect(kernels.memory.buffer.byteLength).toBeLessThan(1_000_000);
  });
});

test("chunks of a stream may be of any length, one after the other", () => {
  const ops = kernelsIn(instance(), { name: "wasm" });
  const plan = planResample({ up: 1, down: 3, taps: 20, phases: 1, table: wave(40) });
  for (const outputs of [5, 160, 159, 161, 1, 4000, 160]) {
    const input = wave(3 * outputs + 20);
    const [found, wanted] = [new Float32Array(outputs), new Float32Array(outputs)];

    ops.resample(plan, { input, at: { start: 0, fraction: 0 }, output: found });
    REFERENCE_KERNELS.resample(plan, { input, at: { start: 0, fraction: 0 }, output: wanted });

    expect(found).toEqual(wanted);
  }
});

test("room for more runs than a mask can have is taken, and room for fewer is filled with the first", () => {
  const ops = kernelsIn(instance(), { name: "wasm" });
  const plan = planRuns({ width: 8, height: 2 });
  const margins = Float32Array.from({ length: 16 }, (_, at) => (at % 2 === 0 ? 1 : -1));
  for (const room of [100, 8, 3, 0]) {
    const found = new Float64Array(RUN_FIELDS * room).fill(-1);

    expect(ops.runs(plan, margins, found)).toBe(8);
    expect(found.filter((_, at) => at % RUN_FIELDS === 3).slice(0, 3)).toEqual(
      Float64Array.of(0, 2, 4).slice(0, Math.min(room, 3)),
    );
  }
});

test.each(["mark", "length", "sourceBytes", "width", "element"] as const)(
  "a block whose %s was changed after it was planned is refused and writes nothing",
  (field) => {
    const ops = kernelsIn(instance(), { name: "wasm" });
    const words = image.words.slice();
    words[IMAGE_HEAD[field]]! += 1_000_000;
    const target = new Uint16Array(image.elements).fill(7);

    expect(() => ops.image({ ...image, words }, pixels, target)).toThrow(
      expect.objectContaining({ code: "OP_ARGUMENT", what: "plan" }),
    );
    expect(new Set(target)).toEqual(new Set([7]));
  },
);

test("a level of a frame that is not whole eights, at any limit of clipping", () => {
  const ops = kernelsIn(instance(), { name: "wasm" });
  // The limit lies between two floats: 0.1 as float32 is above 0.1, 0.3 below.
  for (const clipsAt of [0.1, 0.3, 1e-300, 1]) {
    const plan = planLevel({ samples: 13, clipsAt });
    const samples = Float32Array.from({ length: 13 }, (_, at) => [0.1, -0.3, 1, 0][at % 4]!);
    const [found, wanted] = [new Float64Array(5), new Float64Array(5)];

    ops.level(plan, { samples, previous: 0.5, stats: found });
    REFERENCE_KERNELS.level(plan, { samples, previous: 0.5, stats: wanted });

    expect(found).toEqual(wanted);
  }
});
