// Owns the promises of the ops' definitions other than the image: each against arithmetic written down another way.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { seededRng } from "../../../runtime/core/rng.js";
import { LEVEL_FIELDS, planLevel } from "../../../runtime/ops/level-plan.js";
import { planMargins } from "../../../runtime/ops/margins-plan.js";
import { planMask } from "../../../runtime/ops/mask-plan.js";
import { level } from "../../../runtime/ops/reference/level.js";
import { margins } from "../../../runtime/ops/reference/margins.js";
import { mask } from "../../../runtime/ops/reference/mask.js";
import { resample } from "../../../runtime/ops/reference/resample.js";
import { runs } from "../../../runtime/ops/reference/runs.js";
import { planResample } from "../../../runtime/ops/resample-plan.js";
import { planRuns } from "../../../runtime/ops/runs-plan.js";

function marginsOf(scores: readonly number[], values: "logits" | "probabilities") {
  const plan = planMargins({ width: scores.length / 2, height: 1, values });
  const out = { margins: new Float32Array(plan.pixels), totals: new Float64Array(2) };
  margins(plan, Float32Array.from(scores), out);
  return { margins: [...out.margins], totals: [...out.totals] };
}

describe("margins", () => {
  test("of logits are tanh of half their difference, within 4e-7 and with its sign", () => {
    const differences = Array.from({ length: 16_001 }, (_, i) => (i - 8000) / 400);
    const scores = [...differences.map(() => 0), ...differences];

    const found = marginsOf(scores, "logits").margins;

    let largest = 0;
    for (const [i, difference] of differences.entries()) {
      largest = Math.max(largest, Math.abs(found[i]! - Math.tanh(Math.fround(difference) / 2)));
      expect(Math.sign(found[i]!)).toBe(Math.sign(difference));
    }
    expect(largest).toBeLessThan(4e-7);
  });

  test("keep the sign of differences too small to change one, and of those too large to count", () => {
    expect(marginsOf([0, 0, 0, 0, 1e-37, -1e-37, 3e38, -3e38], "logits").margins).toEqual([
      expect.toSatisfy((value: number) => value > 0),
      expect.toSatisfy((value: number) => value < 0),
      expect.closeTo(1, 6),
      expect.closeTo(-1, 6),
    ]);
  });

  test("claim nothing where there is no number, and stay within one", () => {
    const { NaN: none, POSITIVE_INFINITY: far } = Number;

    for (const values of ["logits", "probabilities"] as const) {
      const found = marginsOf([none, 0, far, 0, -far, 0, none, far, far, far], values);
      expect(found.margins).toEqual([0, 0, 0, expect.closeTo(1, 6), expect.closeTo(1, 6)]);
    }
    expect(marginsOf([0, 0, 7, -7], "probabilities").margins).toEqual([1, -1]);
  });

  test("are counted and added up where they claim the class", () => {
    const found = marginsOf([0.25, 0.5, 0.875, 0.75, 0.5, 0.125], "probabilities");

    expect(found).toEqual({ margins: [0.5, 0, -0.75], totals: [1, 0.5] });
  });
});

test("a mask is where the interpolated margins are above zero", () => {
  const side = fc.integer({ min: 1, max: 9 });
  fc.assert(
    fc.property(side, side, side, side, fc.integer(), (gridWidth, gridHeight, width, height, seed) => {
      const rng = seededRng(seed);
      const field = Float32Array.from({ length: gridWidth * gridHeight }, () => rng.next() - 0.5);
      const plan = planMask({ grid: { width: gridWidth, height: gridHeight }, image: { width, height } });
      const out = new Uint8Array(width * height);

      mask(plan, field, out);

      const at = (u: number, v: number) =>
        field[Math.min(v, gridHeight - 1) * gridWidth + Math.min(u, gridWidth - 1)]!;
      for (let y = 0; y < height; y++) {
        for (let x = 0; x < width; x++) {
          const u = Math.min(Math.max(((x + 0.5) * gridWidth) / width - 0.5, 0), gridWidth - 1);
          const v = Math.min(Math.max(((y + 0.5) * gridHeight) / height - 0.5, 0), gridHeight - 1);
          const [left, top] = [Math.floor(u), Math.floor(v)];
          const upper = at(left, top) * (left + 1 - u) + at(left + 1, top) * (u - left);
          const lower = at(left, top + 1) * (left + 1 - u) + at(left + 1, top + 1) * (u - left);
          const margin = upper * (top + 1 - v) + lower * (v - top);
          // Within rounding of zero either answer is right.
          if (Math.abs(margin) > 1e-6) expect(out[y * width + x]).toBe(margin > 0 ? 255 : 0);
        }
      }
    }),
  );
});

describe("runs", () => {
  const plan = planRuns({ width: 6, height: 2 });
  const field = Float32Array.of(0.5, 0.5, -1, 0, Number.NaN, 1, -1, 0.25, 0.25, 0.5, -0, -1);

  test("are the longest stretches above zero, with their weighted centres", () => {
    const out = new Float64Array(24);

    const count = runs(plan, field, out);

    expect(count).toBe(3);
    expect([...out.subarray(0, 12)]).toEqual([0, 0, 1, 0.5, 0, 5, 5, 5, 1, 1, 3, 2.25]);
    expect([...out.subarray(12)]).toEqual(new Array(12).fill(0));
  });

  test("are all counted where not all are written", () => {
    const out = new Float64Array(4);

    expect(runs(plan, field, out)).toBe(3);
    expect([...out]).toEqual([0, 0, 1, 0.5]);
    expect(runs(plan, field, new Float64Array(0))).toBe(3);
  });
});

test("resampled sound is its filter's taps times its samples, between the rows of the table", () => {
  const rng = seededRng(3);
  const shape = { up: 3, down: 7, taps: 11, phases: 2 };
  const table = Float32Array.from({ length: 33 }, () => rng.next() - 0.5);
  const input = Float32Array.from({ length: 60 }, () => rng.next() - 0.5);
  const output = new Float32Array(12);

  resample(planResample({ ...shape, table }), { input, at: { start: 2, fraction: 1 }, output });

  for (const [k, value] of output.entries()) {
    const place = 1 + k * 7;
    const start = 2 + Math.floor(place / 3);
    const phase = ((place % 3) * 2) / 3;
    const row = Math.floor(phase);
    let sum = 0;
    for (let tap = 0; tap < 11; tap++) {
      const [low, high] = [table[row * 11 + tap]!, table[(row + 1) * 11 + tap] ?? 0];
      sum += input[start + tap]! * (low + (phase - row) * (high - low));
    }
    expect(value).toBeCloseTo(sum, 6);
  }
});

describe("the level", () => {
  function levelOf(samples: readonly number[], options: { previous?: number; clipsAt?: number } = {}) {
    const { previous = 0, ...rest } = options;
    const stats = new Float64Array(LEVEL_FIELDS.count);
    level(planLevel({ samples: samples.length, preEmphasis: 0.5, ...rest }), {
      samples: Float32Array.from(samples),
      previous,
      stats,
    });
    return [...stats];
  }

  test("is the power with and without pre-emphasis, the peak and what clips", () => {
    expect(levelOf([1, -0.5, 0.25], { previous: 2 })).toEqual([0 + 1 + 0.25, 1 + 0.25 + 0.0625, 1, 1, 0]);
    expect(levelOf([1, -0.5, 0.25], { clipsAt: 0.25 })[LEVEL_FIELDS.clipped]).toBe(3);
  });

  test("takes what is no number for silence, and counts it", () => {
    expect(levelOf([Number.NaN, 0.5, Number.NEGATIVE_INFINITY, 0.5], { previous: Number.NaN })).toEqual([
      0.25 + 0.0625 + 0.25,
      0.5,
      0.5,
      0,
      2,
    ]);
  });
});
