// Owns a mask as runs of neighbouring pixels, row by row, and the regions they form. Knows no shapes beyond that.
// Invariant: runs are maximal, and lie in order of row, then of column.

import { planRuns, RUN_FIELDS } from "../ops/runs-plan.js";
import { sharedOps } from "../ops/shared-ops.js";
import type { MarginField } from "./margin-field.js";

/** Pixels of row `v` from column `from` to `to`, both included, and their margin-weighted centre. */
export interface Run {
  readonly v: number;
  readonly from: number;
  readonly to: number;
  readonly centre: number;
}

/** Runs that are made room for, for each row; a busier mask is read again with as much room as it takes. */
const RUNS_PER_ROW = 4;

/** The runs of each row where the class holds, from the top row to the bottom row. */
export function runsByRow({ width, height, margins }: MarginField): readonly (readonly Run[])[] {
  const plan = planRuns({ width, height });
  let found = new Float64Array(RUN_FIELDS * RUNS_PER_ROW * height);
  const count = sharedOps().runs(plan, margins, found);
  if (count * RUN_FIELDS > found.length) {
    found = new Float64Array(count * RUN_FIELDS);
    sharedOps().runs(plan, margins, found);
  }
  const rows: Run[][] = Array.from({ length: height }, () => []);
  for (let at = 0; at < count * RUN_FIELDS; at += RUN_FIELDS) {
    const [v, from, to, centre] = found.subarray(at, at + RUN_FIELDS) as unknown as [
      number,
      number,
      number,
      number,
    ];
    rows[v]!.push({ v, from, to, centre });
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
