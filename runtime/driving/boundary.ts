// Owns the far edge of the drivable area: its upper contour from left to right. Knows no lanes.
// Invariant: at most one point for each column step; each point is where the interpolated margin crosses zero.

import { largestRegion, type MarginField } from "./margin-field.js";
import { type Extent, GridToImage, type Point, type Polyline, simplify } from "./polyline.js";

/**
 * The upper contour of the largest drivable region, from left to right in image coordinates: one point for each network
 * column that holds some of it, simplified with a tolerance of half a network pixel. Empty when nothing is drivable.
 *
 * Islands apart from the largest region are left out: a contour that jumps to each of them is no boundary.
 */
export function upperBoundary(field: MarginField, image: Extent): Polyline {
  const { width, height, margins } = field;
  const region = largestRegion(field);
  const toImage = new GridToImage({ grid: field, image });
  const points: Point[] = [];
  for (let u = 0; u < width; u++) {
    for (let v = 0; v < height; v++) {
      const at = v * width + u;
      if (region[at] === 0) continue;
      const inside = margins[at]!;
      const above = v === 0 ? 0 : margins[at - width]!;
      // The margin falls to zero on the way from this row to the one above it.
      const rise = v === 0 || above > 0 ? 0 : inside / (inside - above);
      points.push(toImage.point(u, v - rise));
      break;
    }
  }
  return simplify(points, toImage.tolerance);
}
