// Owns the way from a lane mask to lines: runs of each row, followed upwards from the bottom. Knows no drivable area.
// Invariant: every run belongs to at most one line, so lines that meet or fork stay apart.

import type { MarginField } from "./margin-field.js";
import { type Run, runsByRow } from "./mask-runs.js";
import { type Extent, GridToImage, type Polyline, simplify } from "./polyline.js";

interface Track {
  pixels: number;
  /** Rows below which the track is a speck. */
  readonly rowsMin: number;
  readonly points: { readonly u: number; readonly v: number }[];
  last: Run;
}

/**
 * A line shorter than 1/40 of the network's height is a speck: 8 of 320 rows keeps the dashes one sees in the trial images
 * and leaves out the crumbs between them. Below four rows a mark has no direction.
 */
const HEIGHT_SHARE_MIN = 1 / 40;
const ROWS_MIN = 4;
/** What goes on above a meeting of lines is one only if it is this much longer than a speck. */
const MEETING_FACTOR = 2;
/** Pixels of a line at least, as a multiple of its least rows: thinner marks are noise of the upsampling. */
const PIXELS_PER_ROW_MIN = 1.5;

/**
 * Lane lines in image coordinates, left to right by their lowest point, each from bottom to top: the centre of the mask in
 * each network row, simplified with a tolerance of half a network pixel. Lines that meet, as at the vanishing point, all end
 * there: the middle of what they become belongs to none of them. Dashes are separate lines.
 */
export function laneLines(field: MarginField, image: Extent): readonly Polyline[] {
  const toImage = new GridToImage({ grid: field, image });
  const rowsMin = Math.max(ROWS_MIN, Math.round(field.height * HEIGHT_SHARE_MIN));
  return followRuns(field, rowsMin)
    .filter((track) => track.points.length >= track.rowsMin && track.pixels >= rowsMin * PIXELS_PER_ROW_MIN)
    .sort((a, b) => a.points[0]!.u - b.points[0]!.u)
    .map(({ points }) =>
      simplify(
        points.map(({ u, v }) => toImage.point(u, v)),
        toImage.tolerance,
      ),
    );
}

function followRuns(field: MarginField, rowsMin: number): Track[] {
  const ended: Track[] = [];
  let open: Track[] = [];
  const rows = runsByRow(field);
  for (let v = field.height - 1; v >= 0; v--) {
    const runs = rows[v]!;
    const next: Track[] = [];
    const taken = new Set<Run>();
    const lines = open.filter((track) => track.points.length >= rowsMin);
    const meetings = runs.filter((run) => lines.filter(({ last }) => touches(last, run)).length > 1);
    const ways = runs.filter((run) => !meetings.includes(run));
    // The longest line chooses first, so that it is the one that goes on past specks and through forks.
    for (const track of open.sort((a, b) => b.points.length - a.points.length)) {
      const run = closestTouching(track.last, ways, taken);
      if (run === undefined) {
        ended.push(track);
        continue;
      }
      taken.add(run);
      extend(track, run);
      next.push(track);
    }
    for (const run of runs) {
      if (taken.has(run)) continue;
      const least = meetings.includes(run) ? MEETING_FACTOR * rowsMin : rowsMin;
      next.push(extend({ pixels: 0, rowsMin: least, points: [], last: run }, run));
    }
    open = next;
  }
  return ended.concat(open);
}

function extend(track: Track, run: Run): Track {
  track.points.push({ u: run.centre, v: run.v });
  track.pixels += run.to - run.from + 1;
  track.last = run;
  return track;
}

/** The free run touching `last` from the row above whose centre is closest to its own. */
function closestTouching(last: Run, runs: readonly Run[], taken: ReadonlySet<Run>): Run | undefined {
  let closest: Run | undefined;
  for (const run of runs) {
    if (taken.has(run) || !touches(last, run)) continue;
    if (
      closest === undefined ||
      Math.abs(run.centre - last.centre) < Math.abs(closest.centre - last.centre)
    ) {
      closest = run;
    }
  }
  return closest;
}

/** Whether runs of two neighbouring rows touch, corners included. */
function touches(a: Run, b: Run): boolean {
  return a.from <= b.to + 1 && b.from <= a.to + 1;
}
