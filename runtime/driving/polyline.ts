// Owns polylines in image coordinates: the way from network pixels to image pixels, and simplification.
// Knows no masks. Invariant: points lie inside the image, in tenths of a pixel.

/** x to the right, y down, in image pixels; (0, 0) is the centre of the top left pixel. */
export type Point = readonly [x: number, y: number];
/** Points joined by straight lines, in order. */
export type Polyline = readonly Point[];

/** A width and a height in pixels. */
export interface Extent {
  readonly width: number;
  readonly height: number;
}

/** Turns points of a network-sized grid into image points. Pixel centres are at whole numbers on both sides. */
export class GridToImage {
  readonly #across: number;
  readonly #down: number;
  readonly #image: Extent;

  constructor(sizes: { readonly grid: Extent; readonly image: Extent }) {
    this.#image = sizes.image;
    this.#across = sizes.image.width / sizes.grid.width;
    this.#down = sizes.image.height / sizes.grid.height;
  }

  /** Half a network pixel, in image pixels: the network cannot know a place better than that. */
  get tolerance(): number {
    return Math.max(this.#across, this.#down) / 2;
  }

  point(u: number, v: number): Point {
    const x = (u + 0.5) * this.#across - 0.5;
    const y = (v + 0.5) * this.#down - 0.5;
    return [tenths(clamp(x, this.#image.width - 1)), tenths(clamp(y, this.#image.height - 1))];
  }

  /** The grid column, with fraction, under an image column. */
  column(x: number): number {
    return (x + 0.5) / this.#across - 0.5;
  }
}

/**
 * Douglas-Peucker: leaves out points that lie within `tolerance` of the line that remains. Ends are kept.
 *
 * @param tolerance in the unit of the points
 */
export function simplify(points: Polyline, tolerance: number): Polyline {
  if (points.length <= 2) return points;
  const isKept = new Uint8Array(points.length);
  isKept[0] = 1;
  isKept[points.length - 1] = 1;
  const spans: [number, number][] = [[0, points.length - 1]];
  for (let span = spans.pop(); span !== undefined; span = spans.pop()) {
    const [from, to] = span;
    let farthest = -1;
    let distance = tolerance;
    for (let i = from + 1; i < to; i++) {
      const away = distanceToSegment(points[i]!, points[from]!, points[to]!);
      if (away > distance) {
        farthest = i;
        distance = away;
      }
    }
    if (farthest < 0) continue;
    isKept[farthest] = 1;
    spans.push([from, farthest], [farthest, to]);
  }
  return points.filter((_, i) => isKept[i] === 1);
}

/** Distance from `point` to the segment from `start` to `end`. */
export function distanceToSegment(point: Point, start: Point, end: Point): number {
  const dx = end[0] - start[0];
  const dy = end[1] - start[1];
  const lengthSquared = dx * dx + dy * dy;
  const along =
    lengthSquared === 0
      ? 0
      : Math.min(1, Math.max(0, ((point[0] - start[0]) * dx + (point[1] - start[1]) * dy) / lengthSquared));
  return Math.hypot(point[0] - start[0] - along * dx, point[1] - start[1] - along * dy);
}

function clamp(value: number, most: number): number {
  return Math.min(Math.max(value, 0), most);
}

function tenths(value: number): number {
  return Math.round(value * 10) / 10;
}
