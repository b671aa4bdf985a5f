// Owns the promises of blur and gain: against means and products written out, and that nothing outside a region changes.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { seededRng } from "../../../runtime/core/rng.js";
import { planBlur } from "../../../runtime/ops/blur-plan.js";
import { planGain } from "../../../runtime/ops/gain-plan.js";
import { type OpKernels, REFERENCE_KERNELS } from "../../../runtime/ops/kernels.js";
import { Ops } from "../../../runtime/ops/ops.js";
import { blur } from "../../../runtime/ops/reference/blur.js";
import { gain } from "../../../runtime/ops/reference/gain.js";

/** Nearest whole number, ties to even. */
function nearest(value: number): number {
  const low = Math.floor(value);
  if (value - low !== 0.5) return Math.round(value);
  return low % 2 === 0 ? low : low + 1;
}

/** Means along rows, then down columns, edges repeated, of one channel of a region. */
function blurred(pixels: readonly (readonly number[])[], radius: number): number[][] {
  const mean = (line: readonly number[]) =>
    line.map((_, at) => {
      let sum = 0;
      for (let step = -radius; step <= radius; step++)
        sum += line[Math.min(Math.max(at + step, 0), line.length - 1)]!;
      return nearest(sum / (2 * radius + 1));
    });
  const rows = pixels.map(mean);
  const columns = rows[0]!.map((_, x) => mean(rows.map((row) => row[x]!)));
  return rows.map((row, y) => row.map((_, x) => columns[x]![y]!));
}

test("a region is the means of its own pixels, and nothing else changes", () => {
  const side = fc.integer({ min: 1, max: 20 });
  const place = fc.integer({ min: -5, max: 22 });
  fc.assert(
    fc.property(
      fc.record({ width: side, height: side, radius: fc.integer({ min: 1, max: 9 }), isRgba: fc.boolean() }),
      fc.record({ left: place, top: place, across: place, down: place, pad: fc.integer({ min: 0, max: 3 }) }),
      ({ width, height, radius, isRgba }, { left, top, across, down, pad }) => {
        const channels = isRgba ? 4 : 3;
        const strideBytes = width * channels + pad;
        const plan = planBlur({ width, height, format: isRgba ? "rgba" : "rgb", strideBytes, radius });
        const rng = seededRng(width * height + radius);
        const before = Uint8Array.from({ length: plan.imageBytes }, () => rng.below(256));
        const image = before.slice();

        blur(plan, Int32Array.of(left, top, across, down), image);

        const wanted = before.slice();
        const columns = Array.from({ length: width }, (_, x) => x).filter(
          (x) => x >= left && x < left + across,
        );
        const rows = Array.from({ length: height }, (_, y) => y).filter((y) => y >= top && y < top + down);
        for (let channel = 0; channel < channels && columns.length > 0 && rows.length > 0; channel++) {
          const at = (x: number, y: number) => y * strideBytes + x * channels + channel;
          const means = blurred(
            rows.map((y) => columns.map((x) => before[at(x, y)]!)),
            radius,
          );
          for (const [v, y] of rows.entries())
            for (const [u, x] of columns.entries()) wanted[at(x, y)] = means[v]![u]!;
        }
        expect(image).toEqual(wanted);
      },
    ),
    { numRuns: 300 },
  );
});

test("one colour stays as it is, a face does not", () => {
  const plan = planBlur({ width: 64, height: 64, format: "rgb", radius: 255, passes: 3 });
  const white = new Uint8Array(plan.imageBytes).fill(255);
  const checks = Uint8Array.from({ length: plan.imageBytes }, (_, at) => (Math.floor(at / 3) % 2) * 255);

  blur(plan, Int32Array.of(0, 0, 64, 64), white);
  blur(plan, Int32Array.of(0, 0, 64, 64), checks);

  expect(new Set(white)).toEqual(new Set([255]));
  expect(Math.max(...checks) - Math.min(...checks)).toBeLessThan(3);
});

test("regions of any numbers are cut off at the image, or do nothing", () => {
  const plan = planBlur({ width: 8, height: 8, format: "rgba", radius: 2 });
  const before = Uint8Array.from({ length: plan.imageBytes }, (_, at) => (at * 37) % 251);
  const [least, most] = [-(2 ** 31), 2 ** 31 - 1];
  const nothing = [0, 0, 0, 8, 8, 0, 8, 8, most, 0, most, 8, 0, 0, least, 8, least, 0, most, 8];
  const all = before.slice();
  const whole = before.slice();

  const none = before.slice();
  blur(plan, Int32Array.from(nothing), none);
  blur(plan, Int32Array.of(-5, -5, most, most), all);
  blur(plan, Int32Array.of(0, 0, 8, 8), whole);

  expect(none).toEqual(before);
  expect(all).toEqual(whole);
  expect(all).not.toEqual(before);
});

test("passes and regions follow each other", () => {
  const pixels = Uint8Array.from({ length: 12 * 9 * 3 }, (_, at) => (at * 53) % 256);
  const request = { width: 12, height: 9, format: "rgb", radius: 2 } as const;
  const [once, twice] = [pixels.slice(), pixels.slice()];

  blur(planBlur(request), Int32Array.of(1, 1, 8, 7, 1, 1, 8, 7), once);
  blur(planBlur({ ...request, passes: 2 }), Int32Array.of(1, 1, 8, 7), twice);

  expect(once).toEqual(twice);
});

test("choosing an implementation leaves no trace in the image", () => {
  const plan = planBlur({ width: 40, height: 30, format: "rgb", radius: 3 });
  const pixels = Uint8Array.from({ length: plan.imageBytes }, (_, at) => (at * 53) % 256);
  const regions = Int32Array.of(2, 2, 20, 20);
  const other: OpKernels = { ...REFERENCE_KERNELS, name: "another" };
  const [measured, wanted] = [pixels.slice(), pixels.slice()];

  new Ops([REFERENCE_KERNELS, other]).blur(plan, regions, measured);
  blur(plan, regions, wanted);

  expect(measured).toEqual(wanted);
});

describe("gain", () => {
  test("is a product, held at the limit on both sides and counted", () => {
    const out = new Float32Array(6);

    const held = gain(
      planGain({ samples: 6, gain: 2, limit: 0.5 }),
      Float32Array.of(0.1, 0.25, 0.3, -0.3, -0.25, 0),
      out,
    );

    expect(held).toBe(2);
    expect([...out]).toEqual([Math.fround(0.2), 0.5, 0.5, -0.5, -0.5, 0]);
  });

  test("is silence where there is no number, and the limit where there is none", () => {
    const { NaN: none, POSITIVE_INFINITY: far } = Number;
    const out = new Float32Array(4);

    expect(gain(planGain({ samples: 4, gain: 0 }), Float32Array.of(none, far, -far, 1), out)).toBe(0);
    expect([...out]).toEqual([0, 0, 0, 0]);
    expect(gain(planGain({ samples: 4, gain: 1 }), Float32Array.of(none, far, -far, 1), out)).toBe(2);
    expect([...out]).toEqual([0, 1, -1, 1]);
  });
});

describe("a plan is refused", () => {
  const image = { width: 8, height: 8, format: "rgb", radius: 1 } as const;

  test.each<[string, () => unknown]>([
    ["width", () => planBlur({ ...image, width: 0 })],
    ["height", () => planBlur({ ...image, height: 20_000 })],
    ["format", () => planBlur({ ...image, format: "nv12" as never })],
    ["strideBytes", () => planBlur({ ...image, strideBytes: 23 })],
    ["radius", () => planBlur({ ...image, radius: 0 })],
    ["radius", () => planBlur({ ...image, radius: 256 })],
    ["passes", () => planBlur({ ...image, passes: 0 })],
    ["samples", () => planGain({ samples: 0, gain: 1 })],
    ["gain", () => planGain({ samples: 4, gain: Number.NaN })],
    ["limit", () => planGain({ samples: 4, gain: 1, limit: 0 })],
    ["limit", () => planGain({ samples: 4, gain: 1, limit: Number.POSITIVE_INFINITY })],
  ])("for its %s: case %#", (what, plan) => {
    expect(plan).toThrow(expect.objectContaining({ code: "OP_ARGUMENT", what }));
  });
});
