// Owns the promises of margins, regions, boundary, lane lines, masks and simplification, on masks made here.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { upperBoundary } from "../../../runtime/driving/boundary.js";
import { laneLines } from "../../../runtime/driving/lane-lines.js";
import {
  areaRatio,
  classifyValues,
  type MarginField,
  meanClaimedMargin,
  readMargins,
} from "../../../runtime/driving/margin-field.js";
import { maskAt } from "../../../runtime/driving/mask.js";
import { largestRegion, runsByRow } from "../../../runtime/driving/mask-runs.js";
import { distanceToSegment, type Point, simplify } from "../../../runtime/driving/polyline.js";

/** A field that is `inside` where the shape holds and `outside` elsewhere. */
function fieldOf(
  size: { width: number; height: number },
  holds: (u: number, v: number) => boolean,
  levels = { inside: 0.9, outside: -0.9 },
): MarginField {
  const margins = new Float32Array(size.width * size.height);
  for (let v = 0; v < size.height; v++) {
    for (let u = 0; u < size.width; u++)
      margins[v * size.width + u] = holds(u, v) ? levels.inside : levels.outside;
  }
  return fieldFrom(size, margins);
}

/** A field with these margins: pairs of scores that differ by them. */
function fieldFrom(size: { width: number; height: number }, margins: ArrayLike<number>): MarginField {
  const scores = Float32Array.from(
    { length: 2 * margins.length },
    (_, i) => margins[i - margins.length] ?? 0,
  );
  return readMargins(scores, { ...size, values: "probabilities" });
}

const SQUARE = { width: 80, height: 80 };

describe("the margin of a two-class output", () => {
  test("is the same from logits as from their softmax", () => {
    fc.assert(
      fc.property(
        fc.float({ min: -20, max: 20, noNaN: true }),
        fc.float({ min: -20, max: 20, noNaN: true }),
        (l0, l1) => {
          const sum = Math.exp(l0) + Math.exp(l1);
          const pixel = { width: 1, height: 1 };

          const fromLogits = readMargins(Float32Array.from([l0, l1]), { ...pixel, values: "logits" });
          const pair = Float32Array.from([Math.exp(l0) / sum, Math.exp(l1) / sum]);
          const fromPair = readMargins(pair, { ...pixel, values: "probabilities" });

          expect(fromLogits.margins[0]).toBeCloseTo(fromPair.margins[0]!, 5);
        },
      ),
    );
  });

  test("tells softmax pairs from logits by their values", () => {
    expect(classifyValues(Float32Array.from([0.25, 1, 0.75, 0]))).toBe("probabilities");
    expect(classifyValues(Float32Array.from([0.25, 3, 0.75, -2]))).toBe("logits");
    expect(classifyValues(Float32Array.from([0.25, 0.2, 0.75, 0.2]))).toBe("logits");
  });

  test("gives area by its sign and confidence over what is claimed only", () => {
    const field = fieldFrom({ width: 4, height: 1 }, [0.5, 1, -1, -1]);
    const empty = fieldFrom({ width: 2, height: 1 }, [-1, 0]);

    expect(areaRatio(field)).toBe(0.5);
    expect(meanClaimedMargin([field, empty])).toBe(0.75);
    expect(meanClaimedMargin([empty])).toBe(0);
  });
});

describe("regions of a mask", () => {
  test("keep the largest of several", () => {
    const field = fieldOf({ width: 6, height: 2 }, (u, v) => u < 2 || (u > 3 && v === 0));

    const region = largestRegion(runsByRow(field));

    expect(region.map(({ v, from, to }) => [v, from, to])).toEqual([
      [0, 0, 1],
      [1, 0, 1],
    ]);
  });

  test("are those a flood fill finds, on any mask", () => {
    const side = fc.integer({ min: 1, max: 12 });
    fc.assert(
      fc.property(side, side, fc.infiniteStream(fc.boolean()), (width, height, values) => {
        const holds = Array.from({ length: width * height }, () => values.next().value as boolean);
        const field = fieldOf({ width, height }, (u, v) => holds[v * width + u]!);

        const region = largestRegion(runsByRow(field));

        const sizes = floodSizes({ width, height, holds });
        const pixels = region.flatMap(({ v, from, to }) =>
          Array.from({ length: to - from + 1 }, (_, i) => v * width + from + i),
        );
        expect(pixels.length).toBe(Math.max(0, ...sizes.values()));
        for (const pixel of pixels) expect(sizes.get(pixel)).toBe(pixels.length);
      }),
    );
  });
});

/** For each pixel of the mask, the size of the 4-connected region it belongs to. */
function floodSizes(mask: { width: number; height: number; holds: readonly boolean[] }): Map<number, number> {
  const sizes = new Map<number, number>();
  for (const seed of mask.holds.keys()) {
    if (!mask.holds[seed] || sizes.has(seed)) continue;
    const region = new Set([seed]);
    for (const at of region) {
      const [x, y] = [at % mask.width, Math.floor(at / mask.width)];
      const around = [
        x > 0 && at - 1,
        x + 1 < mask.width && at + 1,
        y > 0 && at - mask.width,
        at + mask.width,
      ];
      for (const next of around) if (next !== false && mask.holds[next]) region.add(next);
    }
    for (const at of region) sizes.set(at, region.size);
  }
  return sizes;
}

describe("the boundary", () => {
  test("of a flat horizon is one straight line where the margin crosses zero", () => {
    const field = fieldOf(SQUARE, (_, v) => v >= 40);

    const boundary = upperBoundary(field, { width: 640, height: 360 });

    // Rows 39 and 40 have opposite margins: the crossing is half way, at grid row 39.5, image row 40 * 4.5 - 0.5.
    expect(boundary).toEqual([
      [3.5, 179.5],
      [635.5, 179.5],
    ]);
  });

  test("follows a slope to within a network pixel", () => {
    const field = fieldOf(SQUARE, (u, v) => v >= 20 + u / 2);

    const boundary = upperBoundary(field, { width: 800, height: 800 });

    for (const [x, y] of boundary) expect(Math.abs(y - (200 + x / 2))).toBeLessThanOrEqual(10);
    expect(boundary.map(([x]) => x)).toEqual([...boundary.map(([x]) => x)].sort((a, b) => a - b));
  });

  test("ignores islands in the sky", () => {
    const field = fieldOf(SQUARE, (u, v) => v >= 40 || (v < 5 && u > 30 && u < 36));

    const boundary = upperBoundary(field, SQUARE);

    for (const [, y] of boundary) expect(y).toBeGreaterThan(38);
  });

  test("of nothing drivable is empty, of everything lies on the top edge", () => {
    const image = { width: 10, height: 10 };

    expect(
      upperBoundary(
        fieldOf(SQUARE, () => false),
        image,
      ),
    ).toEqual([]);
    expect(
      upperBoundary(
        fieldOf(SQUARE, () => true),
        image,
      ),
    ).toEqual([
      [0, 0],
      [9, 0],
    ]);
  });

  test("of an image of one pixel stays inside it", () => {
    const boundary = upperBoundary(
      fieldOf(SQUARE, (_, v) => v > 3),
      { width: 1, height: 1 },
    );

    for (const point of boundary) expect(point).toEqual([0, 0]);
  });
});

describe("lane lines", () => {
  const centred = (u: number, at: number) => Math.abs(u - at) <= 1;

  test("come from left to right, each from bottom to top", () => {
    const field = fieldOf(SQUARE, (u, v) => v >= 30 && (centred(u, 60) || centred(u, 20)));

    const lanes = laneLines(field, { width: 160, height: 160 });

    expect(lanes).toEqual([
      [
        [40.5, 158.5],
        [40.5, 60.5],
      ],
      [
        [120.5, 158.5],
        [120.5, 60.5],
      ],
    ]);
  });

  test("that meet at the vanishing point stay two lines", () => {
    const field = fieldOf(
      SQUARE,
      (u, v) => v >= 20 && (centred(u, 40 - (v - 20) / 2) || centred(u, 40 + (v - 20) / 2)),
    );

    const lanes = laneLines(field, SQUARE);

    expect(lanes).toHaveLength(2);
    expect(lanes[0]![0]![0]).toBeCloseTo(10.5, 0);
    expect(lanes[1]![0]![0]).toBeCloseTo(69.5, 0);
    for (const lane of lanes) expect(lane).toHaveLength(2);
  });

  test("leave out specks", () => {
    const field = fieldOf(SQUARE, (u, v) => (v === 50 && u > 10 && u < 15) || (v > 70 && v < 73 && u === 40));

    expect(laneLines(field, SQUARE)).toEqual([]);
  });

  test("follow a shallow line whose rows touch only at their corners", () => {
    const field = fieldOf(SQUARE, (u, v) => Math.floor(u / 4) === 79 - v);

    const lanes = laneLines(field, SQUARE);

    expect(lanes).toHaveLength(1);
    expect(lanes[0]).toHaveLength(2);
  });

  test("never lie outside the image, nor use a mask pixel twice", () => {
    const size = { width: 12, height: 12 };
    fc.assert(
      fc.property(fc.array(fc.boolean(), { minLength: 144, maxLength: 144 }), (holds) => {
        const field = fieldOf(size, (u, v) => holds[v * 12 + u]!);

        const lanes = laneLines(field, { width: 30, height: 7 });

        const lows = lanes.map((lane) => lane[0]![0]);
        expect(lows).toEqual([...lows].sort((a, b) => a - b));
        for (const lane of lanes) {
          for (const [i, [x, y]] of lane.entries()) {
            expect(x >= 0 && x <= 29 && y >= 0 && y <= 6).toBe(true);
            if (i > 0) expect(y).toBeLessThanOrEqual(lane[i - 1]![1]);
          }
        }
      }),
    );
  });
});

describe("a mask", () => {
  test("interpolates margins, so that a doubtful side gives way", () => {
    // Between +0.9 and -0.1 the margin crosses zero at nine tenths of the way.
    const field = fieldFrom({ width: 2, height: 1 }, [0.9, -0.1]);

    const mask = maskAt(field, { width: 20, height: 1 });

    expect(mask.filter((value) => value === 255)).toHaveLength(14);
  });

  test("at the network's own size is the sign of the margin", () => {
    const side = fc.integer({ min: 1, max: 7 });
    fc.assert(
      fc.property(side, side, fc.infiniteStream(fc.constantFrom(-0.5, 0, 0.5)), (width, height, values) => {
        const margins = Float32Array.from({ length: width * height }, () => values.next().value as number);

        const mask = maskAt(fieldFrom({ width, height }, margins), { width, height });

        expect([...mask]).toEqual([...margins].map((margin) => (margin > 0 ? 255 : 0)));
      }),
    );
  });

  test("holds 0 and 255 only, at any image size", () => {
    const side = fc.integer({ min: 1, max: 50 });
    fc.assert(
      fc.property(side, side, (width, height) => {
        const mask = maskAt(
          fieldOf(SQUARE, (u, v) => v > u),
          { width, height },
        );

        expect(mask).toHaveLength(width * height);
        expect(mask.every((value) => value === 0 || value === 255)).toBe(true);
      }),
    );
  });
});

describe("simplification", () => {
  test("leaves every point within the tolerance of the line, and keeps both ends", () => {
    const point = fc.tuple(
      fc.integer({ min: 0, max: 99 }),
      fc.integer({ min: 0, max: 99 }),
    ) as fc.Arbitrary<Point>;
    fc.assert(
      fc.property(
        fc.array(point, { minLength: 2, maxLength: 30 }),
        fc.integer({ min: 0, max: 20 }),
        (points, tolerance) => {
          const line = simplify(points, tolerance);

          expect(line[0]).toEqual(points[0]);
          expect(line.at(-1)).toEqual(points.at(-1));
          for (const away of points) {
            const distances = line.slice(1).map((end, i) => distanceToSegment(away, line[i]!, end));
            expect(Math.min(...distances)).toBeLessThanOrEqual(tolerance + 1e-9);
          }
        },
      ),
    );
  });
});
