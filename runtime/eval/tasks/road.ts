// Owns the measure of drivable area and lanes as masks. Knows no model and no file.
// Invariant: masks are compared at the label's own size, and a head without a label is not measured.

import { z } from "zod";
import { boundaryCounts, laneCounts, nearScores } from "../metrics/boundary.js";
import type { NearCounts, SizedMask } from "../metrics/distance.js";
import { iou, meanOf, type Overlap, overlapOf, sumCounts } from "../metrics/overlap.js";
import type { MetricValues, Task } from "./task.js";

/** Masks of one picture by head; a head without a label is left out. */
export interface RoadMasks {
  readonly drivable?: SizedMask | undefined;
  readonly lanes?: SizedMask | undefined;
}

/** What a picture came to. */
export interface RoadCounts {
  readonly drivable?: Overlap;
  readonly boundary?: NearCounts;
  readonly lanes?: Overlap;
  readonly lanesNear?: NearCounts;
}

const mask = z.strictObject({ width: z.int(), height: z.int(), data: z.instanceof(Uint8Array) });
const masks = z.strictObject({ drivable: mask.optional(), lanes: mask.optional() });

/** Segmentation of the road into two masks. */
export const ROAD: Task<RoadMasks, RoadMasks, RoadCounts> = {
  label: masks,
  answer: masks,
  measure(label, claim) {
    const counts: RoadCounts = {
      ...(label.drivable && claim.drivable
        ? {
            drivable: overlapOf({ label: label.drivable.data, claim: claim.drivable.data }),
            boundary: boundaryCounts({ label: label.drivable, claim: claim.drivable }),
          }
        : {}),
      ...(label.lanes && claim.lanes
        ? {
            lanes: overlapOf({ label: label.lanes.data, claim: claim.lanes.data }),
            lanesNear: laneCounts({ label: label.lanes, claim: claim.lanes }),
          }
        : {}),
    };
    return { counts, score: scoreOf(counts) };
  },
  summarise(all) {
    const of = <Kind extends keyof RoadCounts>(kind: Kind) =>
      all.flatMap((counts) => (counts[kind] === undefined ? [] : [counts[kind]]));
    const near = nearScores(sumCounts(of("lanesNear"), 4) as unknown as NearCounts);
    return {
      "drivable-iou": iou(sumCounts(of("drivable"), 3) as unknown as Overlap),
      "drivable-iou-frames": meanOf(of("drivable").map(iou)),
      "drivable-boundary-f": meanOf(of("boundary").map((counts) => nearScores(counts).f)),
      "lane-iou": iou(sumCounts(of("lanes"), 3) as unknown as Overlap),
      "lane-precision": near.precision,
      "lane-recall": near.recall,
      "lane-f": near.f,
    } satisfies MetricValues;
  },
};

/** The road if it is labelled, else the lanes. */
function scoreOf({ drivable, lanesNear }: RoadCounts): number | null {
  if (drivable !== undefined) return iou(drivable);
  return lanesNear === undefined ? null : nearScores(lanesNear).f;
}
