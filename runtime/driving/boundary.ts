// Owns the far edge of the drivable area: its upper contour from left to right. Knows no lanes.
// Invariant: at most one point for each column step; each point is where the interpolated margin crosses zero.

import type { MarginField } from "./margin-field.js";
import { largestRegion, runsByRow } from "./mask-runs.js";
import { type Extent, GridToImage, type Point, type Polyline, simplify } from "./polyline.js";

/**
 * The upper contour of the largest drivable region, from left to right in image coordinates: one point for each network
 * column that holds some of it, simplified with a tolerance of half a network pixel. Empty when nothing is drivable.
 *
 * Islands apart from the largest region are left out: a contour that jumps to each of them is no boundary.
 */
export function upperBoundary(field: MarginField, image: Extent): Polyline {
  const { width, margins } = field;
  const toImage = new GridToImage({ grid: field, image });
  const tops = new Int32Array(width).fill(-1);
  for (const { v, from, to } of largestRegion(runsByRow(field))) {
    for (let u = from; u <= to; u++) if (tops[u]! < 0) tops[u] = v;
  }
  const points: Point[] = [];
  for (let u = 0; u < width; u++) {
    const v = tops[u]!;
    if (v < 0) continue;
    const inside = margins[v * width + u]!;
    const above = v === 0 ? 0 : margins[(v - 1) * width + u]!;
    // The margin falls to zero on the way from this row to the one above it.
    const rise = v === 0 || above > 0 ? 0 : inside / (inside - above);
    points.push(toImage.point(u, v - rise));
  }
  return simplify(points, toImage.tolerance);
}
