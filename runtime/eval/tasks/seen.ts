// Owns the measures of what is seen as boxes and lane lines. Knows no picture and no model.

import { z } from "zod";
import { type Claim, judgeBoxes, meanAveragePrecision } from "../metrics/detection.js";
import { type LaneLineCounts, laneLineCounts } from "../metrics/lane-lines.js";
import { fScore, meanOf, ratio, sumCounts } from "../metrics/overlap.js";
import type { Task } from "./task.js";

const box = z.tuple([z.number(), z.number(), z.number().positive(), z.number().positive()]);

type LabelBox = { class: string; box: [number, number, number, number] };

interface BoxCounts {
  claims: Claim[];
  strict: Claim[];
  labelled: Record<string, number>;
}

/** Detection: average precision at IoU 0.5, and at 0.75 as a stricter one. */
export const DETECTION: Task<{ boxes: LabelBox[] }, { boxes: (LabelBox & { score: number })[] }, BoxCounts> =
  {
    label: z.strictObject({ boxes: z.array(z.strictObject({ class: z.string(), box })) }),
    answer: z.strictObject({ boxes: z.array(z.strictObject({ class: z.string(), box, score: z.number() })) }),
    measure(label, answer) {
      const judge = (iouAtLeast: number): Claim[] =>
        judgeBoxes({ label: label.boxes, claim: answer.boxes, iouAtLeast });
      const claims = judge(0.5);
      const labelled: Record<string, number> = {};
      for (const one of label.boxes) labelled[one.class] = (labelled[one.class] ?? 0) + 1;
      const met = claims.filter(({ isHit }) => isHit).length;
      const score = fScore({
        precision: ratio(met, claims.length),
        recall: ratio(met, label.boxes.length),
      });
      return { counts: { claims, strict: judge(0.75), labelled }, score };
    },
    summarise(all) {
      const labelled: Record<string, number> = {};
      for (const counts of all) {
        for (const [name, count] of Object.entries(counts.labelled))
          labelled[name] = (labelled[name] ?? 0) + count;
      }
      const claims = all.flatMap((counts) => counts.claims);
      const strict = all.flatMap((counts) => counts.strict);
      return {
        "average-precision": meanAveragePrecision(claims, labelled),
        "average-precision-strict": meanAveragePrecision(strict, labelled),
        "labelled-boxes": Object.values(labelled).reduce((sum, count) => sum + count, 0),
      };
    },
  };

interface LaneLines {
  rows: number[];
  lanes: number[][];
}

const lanes = z.array(z.array(z.number()));

/** Lanes as one x a row, by TuSimple's evaluation. */
export const LANE_LINES: Task<LaneLines, { lanes: number[][] }, LaneLineCounts> = {
  label: z
    .strictObject({ rows: z.array(z.number()).min(1), lanes })
    .refine(({ rows, lanes }) => lanes.every((lane) => lane.length === rows.length), {
      message: "one x for each row in every lane",
    }),
  answer: z.strictObject({ lanes }),
  measure({ rows, lanes }, answer) {
    const counts = laneLineCounts({ rows, label: lanes, claim: answer.lanes });
    return { counts, score: ratio(counts[0], counts[3]) };
  },
  summarise(all) {
    // TuSimple averages over pictures, and one without claims has no false ones. A picture without lanes has no accuracy
    // here; TuSimple, whose pictures all have some, would give it none of its points.
    const of = (part: number, whole: number): number | null =>
      meanOf(all.map((counts) => ratio(counts[part] ?? 0, counts[whole] ?? 0)));
    const falseClaims = meanOf(all.map((counts) => ratio(counts[2], counts[1]) ?? 0));
    const [, claimed = 0, , labelled = 0] = sumCounts(all, 5);
    return {
      "lane-accuracy": of(0, 3),
      "lane-false-claims": falseClaims,
      "lane-misses": of(4, 3),
      "lanes-claimed": claimed,
      "lanes-labelled": labelled,
    };
  },
};
