// Owns the promises of boxes and suppress: networks' own layouts decoded by hand, ties, numbers that are none, and suppression
// against the definition written out over all pairs.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { seededRng } from "../../../runtime/core/rng.js";
import { BOX_FIELDS, type BoxesRequest, planBoxes } from "../../../runtime/ops/boxes-plan.js";
import { boxes } from "../../../runtime/ops/reference/boxes.js";
import { exponential } from "../../../runtime/ops/reference/exponential.js";
import { suppress } from "../../../runtime/ops/reference/suppress.js";
import { planSuppress } from "../../../runtime/ops/suppress-plan.js";

const ROW = BOX_FIELDS.count;

function boxesOf(
  request: BoxesRequest,
  scores: readonly number[],
  own: readonly number[] = scores,
): number[][] {
  const out = new Float32Array(ROW * request.anchors);
  const tensors = { scores: Float32Array.from(scores), boxes: Float32Array.from(own) };
  const count = boxes(planBoxes(request), tensors, out);
  return Array.from({ length: count }, (_, row) => [...out.slice(row * ROW, (row + 1) * ROW)]);
}

const close = (row: readonly number[]) => row.map((number) => expect.closeTo(number, 4));

describe("boxes of", () => {
  test("YOLOv8: fields first, middle and size, no objectness", () => {
    const request: BoxesRequest = {
      ...{
        anchors: 3,
        classes: 2,
        tensors: "joint",
        layout: "fields-first",
        form: "centre",
        threshold: 0.25,
      },
    };
    const fields = [
      [100, 50, 10],
      [60, 40, 10],
      [20, 10, 4],
      [10, 30, 4],
      [0.1, 0.3, 0.9],
      [0.8, 0.2, 0.1],
    ];

    expect(boxesOf(request, fields.flat())).toEqual([
      close([90, 55, 110, 65, 0.8, 1]),
      close([45, 25, 55, 55, 0.3, 0]),
      close([8, 8, 12, 12, 0.9, 0]),
    ]);
  });

  test("YOLOv5: anchors first, an objectness that is multiplied, letterbox undone and cut at the image", () => {
    const request: BoxesRequest = {
      ...{
        anchors: 2,
        classes: 3,
        tensors: "joint",
        layout: "anchors-first",
        form: "centre",
        threshold: 0.25,
      },
      hasObjectness: true,
      toImage: { scaleX: 2, scaleY: 2, offsetX: 0, offsetY: -100 },
      image: { width: 300, height: 200 },
    };
    const anchors = [
      [100, 100, 120, 40, 0.5, 0.1, 0.9, 0.2],
      [100, 100, 120, 40, 0.5, 0.1, 0.4, 0.2],
    ];

    expect(boxesOf(request, anchors.flat())).toEqual([close([80, 60, 300, 140, 0.45, 1])]);
  });

  test("YOLOX: raw offsets from the cells of a grid, logits", () => {
    const request: BoxesRequest = {
      ...{
        anchors: 1,
        classes: 1,
        tensors: "joint",
        layout: "anchors-first",
        form: "anchors",
        threshold: 0.2,
      },
      ...{ hasObjectness: true, scores: "logits", priors: Float32Array.of(16, 24, 8, 8) },
    };

    const logistic = (value: number) => 1 / (1 + Math.exp(-value));
    const size = 8 * Math.exp(0.5);
    expect(boxesOf(request, [0.25, -0.5, 0.5, 0, 1, 2])).toEqual([
      close([18 - size / 2, 20 - 4, 18 + size / 2, 24, logistic(1) * logistic(2), 0]),
    ]);
  });

  test("SSD: priors and variances, a background, y before x", () => {
    const request: BoxesRequest = {
      ...{
        anchors: 2,
        classes: 3,
        tensors: "apart",
        layout: "anchors-first",
        form: "anchors",
        threshold: 0.4,
      },
      ...{ hasBackground: true, order: "yx", variances: [0.1, 0.2] },
      priors: Float32Array.of(0.5, 0.4, 0.2, 0.1, 0.5, 0.5, 1, 1),
      toImage: { scaleX: 300, scaleY: 300, offsetX: 0, offsetY: 0 },
    };
    const scores = [0.1, 0.3, 0.6, 0.9, 0.05, 0.05];
    const offsets = [1, 2, -1, 0.5, 0, 0, 0, 0];

    const [x, y] = [0.5 + 2 * 0.1 * 0.2, 0.4 + 1 * 0.1 * 0.1];
    const [w, h] = [0.2 * Math.exp(0.5 * 0.2), 0.1 * Math.exp(-1 * 0.2)];
    const corners = [x - w / 2, y - h / 2, x + w / 2, y + h / 2].map((part) => 300 * part);
    expect(boxesOf(request, scores, offsets)).toEqual([close([...corners, 0.6, 2])]);
  });

  test("a face detector: linear sizes from priors of size one", () => {
    const request: BoxesRequest = {
      ...{
        anchors: 1,
        classes: 1,
        tensors: "apart",
        layout: "fields-first",
        form: "anchors",
        threshold: 0.5,
      },
      ...{ sizes: "linear", variances: [1 / 128, 1 / 128], priors: Float32Array.of(0.5, 0.25, 1, 1) },
    };

    expect(boxesOf(request, [0.75], [12.8, -12.8, 64, 32])).toEqual([
      close([0.35, 0.025, 0.85, 0.275, 0.75, 0]),
    ]);
  });
});

describe("of an anchor", () => {
  const request: BoxesRequest = {
    ...{ anchors: 1, classes: 3, tensors: "apart", layout: "anchors-first", form: "corners", threshold: 0.5 },
  };
  const box = [0, 0, 1, 1];
  const { NaN: none, POSITIVE_INFINITY: far } = Number;

  test("the first of equal classes is taken", () => {
    expect(boxesOf(request, [0.2, 0.75, 0.75], box)).toEqual([[...box, 0.75, 1]]);
  });

  test("a class that is NaN has no score, and an anchor with nothing else is none", () => {
    expect(boxesOf(request, [none, 0.75, none], box)).toEqual([[...box, 0.75, 1]]);
    expect(boxesOf(request, [none, none, none], box)).toEqual([]);
    expect(boxesOf({ ...request, scores: "logits", threshold: 1e-9 }, [none, none, -far], box)).toEqual([]);
  });

  test("the score must be above the threshold, and finite", () => {
    expect(boxesOf(request, [0.5, 0, 0], box)).toEqual([]);
    expect(boxesOf(request, [far, 0, 0], box)).toEqual([]);
    expect(boxesOf({ ...request, scores: "logits" }, [far, 0, 0], box)[0]![4]).toBeCloseTo(1, 6);
  });

  test.each([
    ["NaN", [0, none, 1, 1]],
    ["infinite", [0, 0, far, 1]],
    ["of no width", [1, 0, 1, 1]],
    ["the wrong way round", [0, 1, 1, 0]],
  ])("a box that is %s is none", (_, corners) => {
    expect(boxesOf(request, [0, 0, 1], corners)).toEqual([]);
  });

  test("a box outside the image is none, one that reaches to infinity is cut", () => {
    const image = { width: 10, height: 10 };

    expect(boxesOf({ ...request, image }, [0, 0, 1], [-9, 0, 0, 5])).toEqual([]);
    expect(boxesOf({ ...request, image }, [0, 0, 1], [-far, 1, far, 11])).toEqual([[0, 1, 10, 10, 1, 2]]);
  });

  test("an objectness that is NaN is no detection", () => {
    for (const scores of ["probabilities", "logits"] as const) {
      const joint: BoxesRequest = {
        ...request,
        tensors: "joint",
        hasObjectness: true,
        scores,
        threshold: 1e-6,
      };
      expect(boxesOf(joint, [...box, none, 1, 1, 1])).toEqual([]);
    }
  });
});

test("rows that find no room are counted, and the first ones written", () => {
  const plan = planBoxes({
    ...{ anchors: 5, classes: 1, tensors: "apart", layout: "anchors-first", form: "corners", threshold: 0.1 },
  });
  const out = new Float32Array(2 * ROW).fill(-1);
  const own = Float32Array.from({ length: 20 }, (_, at) => (at % 4 < 2 ? 0 : 1));

  const count = boxes(plan, { scores: Float32Array.of(0, 0.2, 0.3, 0.4, 0.5), boxes: own }, out);

  expect(count).toBe(4);
  expect([out[4], out[10]]).toEqual([Math.fround(0.2), Math.fround(0.3)]);
});

test("e^x is the float32 next to the true one, held where float32 ends", () => {
  const rng = seededRng(4);
  for (let round = 0; round < 100_000; round++) {
    const x = Math.fround(rng.next() * 175 - 87);
    expect(Math.abs(exponential(x) / Math.exp(x) - 1)).toBeLessThan(2 ** -24 + 1e-12);
  }
  expect([exponential(0), exponential(1000), exponential(-1000)]).toEqual([
    1,
    exponential(88),
    exponential(-87),
  ]);
  expect(exponential(Number.NaN)).toBeNaN();
});

type Row = readonly [number, number, number, number, number, number];

function suppressed(
  rows: readonly Row[],
  given: { keep?: number; overlap?: number; classes?: "together" } = {},
) {
  const plan = planSuppress({ boxes: Math.max(1, rows.length), keep: Math.max(1, rows.length), ...given });
  const out = new Float32Array(plan.keep * ROW);
  const count = suppress(plan, Float32Array.from(rows.flat()), out);
  return Array.from({ length: count }, (_, row) => [...out.slice(row * ROW, (row + 1) * ROW)]);
}

describe("of boxes that overlap", () => {
  const first: Row = [0, 0, 10, 10, 0.5, 1];
  const near: Row = [1, 0, 11, 10, 0.75, 1];
  const other: Row = [1, 0, 11, 10, 0.25, 2];
  const away: Row = [50, 50, 60, 60, 0.125, 1];

  test("the one with the largest score stands, and those of other classes", () => {
    expect(suppressed([first, near, other, away])).toEqual([near, other, away]);
  });

  test("one stands for all classes where they are taken together", () => {
    expect(suppressed([first, near, other, away], { classes: "together" })).toEqual([near, away]);
  });

  test("as many are kept as are asked for", () => {
    expect(suppressed([first, near, other, away], { keep: 2 })).toEqual([near, other]);
  });

  test("an overlap must be above the limit: half is not above a half", () => {
    const half: Row = [0, 0, 10, 5, 0.25, 1];

    expect(suppressed([first, half], { overlap: 0.5 })).toEqual([first, half]);
    expect(suppressed([first, half], { overlap: 0.49 })).toEqual([first]);
  });

  test("the earlier of equal scores stands", () => {
    const equal: Row = [1, 0, 11, 10, 0.5, 1];

    expect(suppressed([first, equal])).toEqual([first]);
    expect(suppressed([equal, first])).toEqual([equal]);
  });

  test("a row that is no box neither stands nor suppresses", () => {
    const { NaN: none, POSITIVE_INFINITY: far } = Number;
    const broken: Row[] = [
      [0, 0, 10, 10, none, 1],
      [0, 0, 10, 10, far, 1],
      [0, none, 10, 10, 0.9, 1],
      [0, 0, far, 10, 0.9, 1],
      [10, 0, 0, 10, 0.9, 1],
      [0, 0, 10, 10, 0.9, none],
    ];

    expect(suppressed([...broken, first])).toEqual([first]);
    expect(suppressed([])).toEqual([]);
  });
});

test("suppression is the definition, written out over all pairs", () => {
  const whole = (max: number) => fc.integer({ min: 0, max });
  const row = fc
    .tuple(whole(20), whole(20), whole(12), whole(12), whole(8), whole(2))
    .map(([x, y, w, h, score, kind]): Row => [x, y, x + w + 1, y + h + 1, score / 8, kind]);
  fc.assert(
    fc.property(fc.array(row, { maxLength: 60 }), (rows) => {
      const order = rows.map((_, at) => at).sort((a, b) => rows[b]![4] - rows[a]![4] || a - b);
      const kept: Row[] = [];
      for (const at of order) {
        const one = rows[at]!;
        const covers = (other: Row): boolean => {
          const width = Math.max(0, Math.min(one[2], other[2]) - Math.max(one[0], other[0]));
          const height = Math.max(0, Math.min(one[3], other[3]) - Math.max(one[1], other[1]));
          const area = (box: Row) => (box[2] - box[0]) * (box[3] - box[1]);
          const all = area(one) + area(other) - width * height;
          return one[5] === other[5] && width * height > Math.fround(Math.fround(0.45) * all);
        };
        if (!kept.some(covers)) kept.push(one);
      }

      expect(suppressed(rows)).toEqual(kept);
    }),
    { numRuns: 300 },
  );
});

describe("a plan is refused", () => {
  const asked: BoxesRequest = {
    ...{ anchors: 4, classes: 2, tensors: "apart", layout: "anchors-first", form: "corners", threshold: 0.5 },
  };
  const priors = new Float32Array(16);
  const toImage = { scaleX: 1, scaleY: 1, offsetX: 0, offsetY: 0 };

  test.each<[string, () => unknown]>([
    ["anchors", () => planBoxes({ ...asked, anchors: 0 })],
    ["classes", () => planBoxes({ ...asked, classes: 0 })],
    ["classes", () => planBoxes({ ...asked, classes: 1, hasBackground: true })],
    ["anchors x classes", () => planBoxes({ ...asked, anchors: 262_144, classes: 4096 })],
    ["tensors", () => planBoxes({ ...asked, tensors: "three" as never })],
    ["layout", () => planBoxes({ ...asked, layout: "NCHW" as never })],
    ["form", () => planBoxes({ ...asked, form: "circle" as never })],
    ["hasObjectness", () => planBoxes({ ...asked, hasObjectness: true })],
    ["scores", () => planBoxes({ ...asked, scores: "odds" as never })],
    ["order", () => planBoxes({ ...asked, order: "zy" as never })],
    ["sizes", () => planBoxes({ ...asked, sizes: "cubic" as never })],
    ["priors", () => planBoxes({ ...asked, priors })],
    ["priors", () => planBoxes({ ...asked, form: "anchors" })],
    ["priors", () => planBoxes({ ...asked, form: "anchors", priors: new Float32Array(15) })],
    ["priors", () => planBoxes({ ...asked, form: "anchors", priors: new Float32Array(16).fill(Number.NaN) })],
    ["variances[1]", () => planBoxes({ ...asked, variances: [1, Number.NaN] })],
    ["threshold", () => planBoxes({ ...asked, threshold: 0 })],
    ["threshold", () => planBoxes({ ...asked, threshold: Number.NaN })],
    ["toImage.scaleY", () => planBoxes({ ...asked, toImage: { ...toImage, scaleY: 0 } })],
    ["toImage.offsetX", () => planBoxes({ ...asked, toImage: { ...toImage, offsetX: Number.NaN } })],
    ["image.width", () => planBoxes({ ...asked, image: { width: 0, height: 4 } })],
    ["boxes", () => planSuppress({ boxes: 0, keep: 1 })],
    ["keep", () => planSuppress({ boxes: 4, keep: 5 })],
    ["overlap", () => planSuppress({ boxes: 4, keep: 4, overlap: 1.5 })],
    ["overlap", () => planSuppress({ boxes: 4, keep: 4, overlap: Number.NaN })],
    ["classes", () => planSuppress({ boxes: 4, keep: 4, classes: "some" as never })],
  ])("for its %s: case %#", (what, plan) => {
    expect(plan).toThrow(expect.objectContaining({ code: "OP_ARGUMENT", what }));
  });
});
