// Owns how well the outline of a mask is met, and how well thin marks are: both within a distance. Knows no file and no model.
// Invariant: an outline lies inside its mask; the edge of the picture is no outline.

import { type NearCounts, nearCounts, type SizedMask } from "./distance.js";
import { fScore, ratio } from "./overlap.js";

/** DAVIS: outlines are met within this share of the picture's diagonal, rounded up to whole pixels. */
const DIAGONAL_SHARE = 0.008;

/** A lane mark is met within three pixels of the label, at the label's own size. */
export const LANE_WITHIN_PIXELS = 3;

/** Pixels of a mask with a neighbour, left, right, above or below, that is not of it. */
export function outlineOf({ width, height, data }: SizedMask): SizedMask {
  const outline = new Uint8Array(data.length);
  const isOutside = (x: number, y: number): boolean =>
    x >= 0 && x < width && y >= 0 && y < height && data[y * width + x] === 0;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (data[y * width + x] === 0) continue;
      const isEdge = isOutside(x - 1, y) || isOutside(x + 1, y) || isOutside(x, y - 1) || isOutside(x, y + 1);
      if (isEdge) outline[y * width + x] = 1;
    }
  }
  return { width, height, data: outline };
}

/**
 * Counts for the boundary F measure (Martin et al., 2004; Perazzi et al., "A Benchmark Dataset and Evaluation Methodology
 * for Video Object Segmentation", 2016, section 4): outlines met within 0.8 % of the diagonal.
 */
export function boundaryCounts(given: { readonly label: SizedMask; readonly claim: SizedMask }): NearCounts {
  const { width, height } = given.label;
  const withinPixels = Math.ceil(DIAGONAL_SHARE * Math.hypot(width, height));
  return nearCounts({ label: outlineOf(given.label), claim: outlineOf(given.claim), withinPixels });
}

/** Counts for lane precision and recall: mask pixels within three pixels of the other mask. */
export function laneCounts(given: { readonly label: SizedMask; readonly claim: SizedMask }): NearCounts {
  return nearCounts({ ...given, withinPixels: LANE_WITHIN_PIXELS });
}

/** Precision, recall and their harmonic mean from counts of near pixels; null where there is nothing to share. */
export function nearScores([claimedNear, claimed, labelledNear, labelled]: NearCounts): {
  readonly precision: number | null;
  readonly recall: number | null;
  readonly f: number | null;
} {
  const precision = ratio(claimedNear, claimed);
  const recall = ratio(labelledNear, labelled);
  return { precision, recall, f: fScore({ precision, recall }) };
}
