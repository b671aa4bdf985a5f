// Owns the promise of runtime/eval/metrics: each metric is what its definition says, on cases worked out by hand or by brute force.

import { describe, expect, test } from "vitest";
import { isConstrained, judgeGrounded, slotCounts } from "../../../runtime/eval/metrics/answers.js";
import { boundaryCounts, outlineOf } from "../../../runtime/eval/metrics/boundary.js";
import { areaUnderRisk, calibrationError, riskCoverage } from "../../../runtime/eval/metrics/confidence.js";
import { averagePrecision, boxIou, judgeBoxes } from "../../../runtime/eval/metrics/detection.js";
import { nearCounts, squaredDistances } from "../../../runtime/eval/metrics/distance.js";
import { judgeTurn } from "../../../runtime/eval/metrics/endpoint.js";
import { laneLineCounts } from "../../../runtime/eval/metrics/lane-lines.js";
import { fScore, iou, overlapOf, quantile } from "../../../runtime/eval/metrics/overlap.js";
import { areaUnder, equalErrorRate, rocCurve, type Scored } from "../../../runtime/eval/metrics/roc.js";
import { spanCounts } from "../../../runtime/eval/metrics/segments.js";
import { missesAt, wakeCounts } from "../../../runtime/eval/metrics/wake.js";
import { wordCounts, wordsOf } from "../../../runtime/eval/metrics/words.js";

/** Numbers in [0, 1) from a seed. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

function randomMask(
  seed: number,
  { width, height, share }: { width: number; height: number; share: number },
) {
  const next = numbers(seed);
  return { width, height, data: Uint8Array.from({ length: width * height }, () => (next() < share ? 1 : 0)) };
}

describe("masks", () => {
  test("intersection over union is over the pixels of both masks, and null where neither has any", () => {
    const overlap = overlapOf({ label: Uint8Array.of(1, 1, 0, 0), claim: Uint8Array.of(0, 255, 1, 0) });

    expect(overlap).toEqual([1, 1, 1]);
    expect(iou(overlap)).toBeCloseTo(1 / 3, 12);
    expect(iou([0, 0, 0])).toBeNull();
    expect(fScore({ precision: null, recall: 0 })).toBe(0);
  });

  test.each([
    [1, 1, 1],
    [7, 5, 0.1],
    [16, 9, 0.02],
    [9, 16, 0.5],
    [12, 12, 0],
  ])(
    "distances in a %i x %i mask of density %f are those a search through all pixels finds",
    (width, height, share) => {
      const mask = randomMask(width * 31 + height, { width, height, share });
      const pixels = [...mask.data.keys()].filter((i) => mask.data[i] === 1);

      const found = squaredDistances(mask);

      for (let i = 0; i < found.length; i++) {
        const nearest = pixels.map(
          (p) => ((p % width) - (i % width)) ** 2 + (Math.floor(p / width) - Math.floor(i / width)) ** 2,
        );
        expect(found[i]).toBe(Math.min(...nearest));
      }
    },
  );

  test("an outline lies inside its mask and not along the picture's edge; moved by less than the bound it is met", () => {
    const square = (from: number) => {
      const data = new Uint8Array(400);
      for (let y = from; y < from + 8; y++) for (let x = 0; x < 8; x++) data[y * 20 + x] = 1;
      return { width: 20, height: 20, data };
    };
    const outline = outlineOf(square(4));

    // Two rows of eight and a column of six more: the left side is the picture's.
    expect(outline.data.reduce((sum, value) => sum + value, 0)).toBe(8 + 8 + 6);
    // 0.8 % of the diagonal rounds up to one pixel.
    expect(boundaryCounts({ label: square(4), claim: square(5) })).toEqual([22, 22, 22, 22]);
    const [claimedNear, claimed] = boundaryCounts({ label: square(4), claim: square(6) });
    expect(claimedNear).toBeLessThan(claimed);
  });

  test("pixels near the other mask are counted both ways, and nothing is near an empty mask", () => {
    const line = (x: number) => {
      const data = new Uint8Array(100);
      for (let y = 0; y < 10; y++) data[y * 10 + x] = 1;
      return { width: 10, height: 10, data };
    };
    const empty = { width: 10, height: 10, data: new Uint8Array(100) };

    expect(nearCounts({ label: line(2), claim: line(5), withinPixels: 3 })).toEqual([10, 10, 10, 10]);
    expect(nearCounts({ label: line(2), claim: line(6), withinPixels: 3 })).toEqual([0, 10, 0, 10]);
    expect(nearCounts({ label: empty, claim: line(6), withinPixels: 3 })).toEqual([0, 10, 0, 0]);
  });
});

describe("lanes and boxes", () => {
  const rows = [100, 110, 120, 130];

  test("a lane is met by TuSimple's rule: 85 % of the points within 20 pixels, absences included", () => {
    const label = [[50, 50, 50, -2]];

    expect(laneLineCounts({ rows, label, claim: [[69, 50, 50, -2]] })).toEqual([1, 1, 0, 1, 0]);
    expect(laneLineCounts({ rows, label, claim: [[70, 50, 50, -2]] })).toEqual([0.75, 1, 1, 1, 1]);
    expect(laneLineCounts({ rows, label, claim: [] })).toEqual([0, 0, 0, 1, 1]);
  });

  test("the bound is across the lane, so a slanted one has more room along the row", () => {
    const label = [[0, 10, 20, 30]];
    const beside = [[27, 37, 47, 57]];

    // At 45 degrees 20 pixels across are 28.3 along the row.
    expect(laneLineCounts({ rows, label, claim: beside })[0]).toBe(1);
    expect(laneLineCounts({ rows, label: [[0, 0, 0, 0]], claim: [[27, 27, 27, 27]] })[0]).toBe(0);
  });

  test("more than two claims beyond the labels void a picture; a fifth lane forgives one miss", () => {
    const far = [1, 200, 400, 600, 800].map((x) => rows.map(() => x));

    expect(laneLineCounts({ rows, label: far.slice(0, 1), claim: far.slice(0, 4) })).toEqual([0, 4, 0, 1, 1]);
    expect(laneLineCounts({ rows, label: far, claim: far.slice(0, 4) })).toEqual([4, 4, 0, 4, 0]);
  });

  test("boxes are judged by falling score, each label once, and precision is averaged under its envelope", () => {
    const box = (left: number) => [left, 0, 10, 10] as const;
    const label = [
      { class: "car", box: box(0) },
      { class: "car", box: box(100) },
      { class: "car", box: box(200) },
    ];
    const claim = [
      { class: "car", box: box(0), score: 0.9 },
      { class: "car", box: box(1), score: 0.8 },
      { class: "car", box: box(101), score: 0.7 },
      { class: "bus", box: box(200), score: 0.6 },
    ];

    const judged = judgeBoxes({ label, claim, iouAtLeast: 0.5 });

    expect(boxIou(box(0), box(5))).toBeCloseTo(1 / 3, 12);
    expect(judged.map(({ isHit }) => isHit)).toEqual([true, false, true, false]);
    const cars = judged.filter((one) => one.class === "car");
    expect(averagePrecision(cars, 3)).toBeCloseTo(1 / 3 + (1 / 3) * (2 / 3), 12);
    expect(averagePrecision(cars, 0)).toBeNull();
  });
});

describe("sound", () => {
  test("the area under the ROC is the share of pairs in the right order, ties half", () => {
    const next = numbers(5);
    const scored = Array.from({ length: 200 }, (): Scored => {
      const isPositive = next() < 0.4;
      return [Math.round(10 * (next() + (isPositive ? 0.3 : 0))) / 10, isPositive];
    });
    const pairs = scored.flatMap(([a, isA]) =>
      isA ? scored.flatMap(([b, isB]) => (isB ? [] : [a > b ? 1 : a === b ? 0.5 : 0])) : [],
    );

    const area = areaUnder(rocCurve(scored));

    expect(area).toBeCloseTo(pairs.reduce((sum: number, one) => sum + one, 0) / pairs.length, 12);
    expect(areaUnder(rocCurve([[1, true]]))).toBeNull();
  });

  test("misses and false alarms are equal where the curve says so", () => {
    const scored: Scored[] = [
      [0.9, true],
      [0.8, false],
      [0.7, true],
      [0.6, true],
      [0.5, false],
      [0.4, true],
      [0.3, false],
      [0.2, false],
    ];

    expect(equalErrorRate(rocCurve(scored))).toBeCloseTo(0.25, 12);
    expect(
      equalErrorRate(
        rocCurve([
          [1, true],
          [0, false],
        ]),
      ),
    ).toBe(0);
  });

  test("a segment is met at both ends within 200 ms, or a fifth of its length at the end", () => {
    const label = [[1000, 3000]] as const;

    expect(spanCounts({ label, claim: [[1200, 3400]] })).toMatchObject({
      met: 1,
      onsetMs: [200],
      offsetMs: [400],
    });
    expect(spanCounts({ label, claim: [[1201, 3000]] }).met).toBe(0);
    expect(spanCounts({ label, claim: [[1000, 3401]] })).toMatchObject({ met: 0, offsetMs: [401] });
    expect(spanCounts({ label, claim: [[3100, 3200]] })).toMatchObject({ claimed: 1, onsetMs: [] });
  });

  test("a wake word is heard until a second after it; detections wait a second; minutes are those without words", () => {
    const recording = {
      words: [[1000, 2000]] as const,
      durationMs: 63_000,
      detections: [
        { atMs: 2900, score: 0.5 },
        { atMs: 3500, score: 0.9 },
        { atMs: 20_000, score: 0.7 },
      ],
    };

    // 3500 falls into the second after 2900.
    expect(wakeCounts([recording], 0.5)).toMatchObject({
      misses: 0,
      falseAccepts: 1,
      negativeMinutes: 61 / 60,
    });
    expect(wakeCounts([recording], 0.8)).toMatchObject({ misses: 1, falseAccepts: 1 });
    expect(missesAt([recording], 0)).toMatchObject({ misses: 1, falseAccepts: 0 });
    expect(missesAt([recording], 1)).toMatchObject({ misses: 0, threshold: 0.5 });
  });

  test("a turn is cut early, missed after two seconds, or ended with its delay", () => {
    expect(judgeTurn({ speechEndMs: 1000, decidedMs: 900 })).toEqual({ verdict: "early", delayMs: -100 });
    expect(judgeTurn({ speechEndMs: 1000, decidedMs: 3000 })).toEqual({ verdict: "ended", delayMs: 2000 });
    expect(judgeTurn({ speechEndMs: 1000, decidedMs: 3001 }).verdict).toBe("missed");
    expect(judgeTurn({ speechEndMs: 1000, decidedMs: null }).verdict).toBe("missed");
    expect(quantile([3, 1, 2], 0.5)).toBe(2);
  });
});

describe("words", () => {
  test("the normaliser keeps words and apostrophes within them, and drops what is not spoken", () => {
    expect(wordsOf("“It’s 21 °C,” he said -- 'quoted' caf\u0065\u0301!")).toEqual([
      "it's",
      "21",
      "c",
      "he",
      "said",
      "quoted",
      "caf\u00e9",
    ]);
  });

  test("word errors are those of a best alignment", () => {
    expect(wordCounts({ label: "the cat sat on the mat", answer: "The cat sit on mat" })).toEqual([
      1, 1, 0, 6,
    ]);
    expect(wordCounts({ label: "", answer: "thank you" })).toEqual([0, 0, 2, 0]);
    expect(wordCounts({ label: "a b c", answer: "" })).toEqual([0, 3, 0, 3]);
  });

  test("slots are right by name and normalised value", () => {
    const label = { drink: "iced coffee", size: "large" };

    expect(slotCounts({ label, answer: { drink: "Iced  coffee", size: "small", milk: "none" } })).toEqual([
      1, 3, 2,
    ]);
  });

  test("constrained output has exactly the fields asked for", () => {
    const fields = { degrees: "number", unit: ["celsius", "kelvin"] } as const;

    expect(isConstrained('{"degrees": 21, "unit": "celsius"}', fields)).toBe(true);
    expect(isConstrained('{"degrees": "21", "unit": "celsius"}', fields)).toBe(false);
    expect(isConstrained('{"degrees": 21, "unit": "rankine"}', fields)).toBe(false);
    expect(isConstrained('{"degrees": 21, "unit": "celsius", "note": "warm"}', fields)).toBe(false);
    expect(isConstrained("[1]", {})).toBe(false);
    expect(isConstrained("Sure! {}", {})).toBe(false);
  });

  test("an answer to a question the text does not answer is invented, however good it sounds", () => {
    const accepted = ["10 minutes"];

    expect(judgeGrounded({ accepted, text: "About 10 minutes.", isWithheld: false })).toBe("right");
    expect(judgeGrounded({ accepted, text: "110 minutes", isWithheld: false })).toBe("wrong");
    expect(judgeGrounded({ accepted: [], text: "10 minutes", isWithheld: false })).toBe("invented");
    expect(judgeGrounded({ accepted: [], text: "", isWithheld: true })).toBe("rightly-withheld");
    expect(judgeGrounded({ accepted, text: "", isWithheld: true })).toBe("withheld");
  });
});

describe("confidence", () => {
  test("calibration error is the gap of each bin by its share", () => {
    // Bins of 1/15: 0.9 and 0.92 share one, 0.1 has its own.
    const error = calibrationError([
      [0.9, true],
      [0.92, false],
      [0.1, false],
    ]);

    expect(error).toBeCloseTo((2 / 3) * Math.abs(0.5 - 0.91) + (1 / 3) * 0.1, 12);
    expect(
      calibrationError([
        [0, false],
        [1, true],
      ]),
    ).toBe(0);
    expect(calibrationError([])).toBeNull();
  });

  test("risk grows as less sure answers are given; equal confidences come together", () => {
    const curve = riskCoverage([
      [0.5, false],
      [0.9, true],
      [0.5, true],
      [0.8, true],
    ]);

    expect(curve).toEqual([
      { coverage: 0.25, risk: 0 },
      { coverage: 0.5, risk: 0 },
      { coverage: 1, risk: 0.25 },
    ]);
    expect(areaUnderRisk(curve)).toBeCloseTo(0.125, 12);
  });
});
