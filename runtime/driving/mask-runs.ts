// Owns a mask as runs of neighbouring pixels, row by row, and the regions they form. Knows no shapes beyond that.
// Invariant: runs are maximal, and lie in order of row, then of column.

import type { MarginField } from "./margin-field.js";

/** Pixels of row `v` from column `from` to `to`, both included, and their margin-weighted centre. */
export interface Run {
  readonly v: number;
  readonly from: number;
  readonly to: number;
  readonly centre: number;
}

/** The runs of each row where the class holds, from the top row to the bottom row. */
export function runsByRow({ width, height, margins }: MarginField): readonly (readonly Run[])[] {
  const rows: Run[][] = [];
  for (let v = 0; v < height; v++) {
    const runs: Run[] = [];
    const row = v * width;
    for (let u = 0; u < width; u++) {
      if (!(margins[row + u]! > 0)) continue;
      const from = u;
      let weight = 0;
      let moment = 0;
      for (; u < width && margins[row + u]! > 0; u++) {
        weight += margins[row + u]!;
        moment += margins[row + u]! * u;
      }
      runs.push({ v, from, to: u - 1, centre: moment / weight });
    }
    rows.push(runs);
  }
  return rows;
}

/** The runs of the largest 4-connected region, from top to bottom; none when the mask is empty. */
export function largestRegion(rows: readonly (readonly Run[])[]): readonly Run[] {
  const runs = rows.flat();
  const parents = Int32Array.from(runs.keys());
  const rootOf = (index: number): number => {
    let root = index;
    while (parents[root] !== root) {
      parents[root] = parents[parents[root]!]!;
      root = parents[root]!;
    }
    return root;
  };
  let above = 0;
  for (let index = 0; index < runs.length; index++) {
    const run = runs[index]!;
    // `above` passes every run that no later run of this row can touch any more.
    while (above < index && isPast(runs[above]!, run)) above++;
    for (let other = above; other < index && runs[other]!.v < run.v && runs[other]!.from <= run.to; other++) {
      if (runs[other]!.to >= run.from) parents[rootOf(other)] = rootOf(index);
    }
  }
  const sizes = new Int32Array(runs.length);
  let largest = -1;
  for (const [index, { from, to }] of runs.entries()) {
    const root = rootOf(index);
    sizes[root] = sizes[root]! + to - from + 1;
    if (largest < 0 || sizes[root]! > sizes[largest]!) largest = root;
  }
  return runs.filter((_, index) => rootOf(index) === largest);
}

/** Whether `other` lies above the row over `run`, or in that row and left of it. */
function isPast(other: Run, run: Run): boolean {
  return other.v < run.v - 1 || (other.v === run.v - 1 && other.to < run.from);
}
