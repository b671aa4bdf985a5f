// Owns the suppress op's definition. Knows no other implementation.
// Invariant: the order of rows is a total one, so that no way of sorting shows; overlaps are rounded to float32 as in
// native/ops/suppress.h.

import { BOX_FIELDS } from "../boxes-plan.js";
import { fround } from "../float-bits.js";
import { KEPT_FIELDS, KEPT_SPARE, rowsOf, type SuppressPlan } from "../suppress-plan.js";

const ROW = BOX_FIELDS.count;

/** Writes the rows that stand and answers how many. Both views have been checked. */
export function suppress(plan: SuppressPlan, rows: Float32Array, out: Float32Array): number {
  const { scratch } = plan;
  let waiting = 0;
  for (let row = 0; row < rowsOf(rows); row++) if (isBox(rows, row)) scratch[waiting++] = row;
  for (let at = (waiting >> 1) - 1; at >= 0; at--) sink(scratch, { rows, at, count: waiting });
  let kept = 0;
  while (waiting > 0 && kept < plan.keep) {
    const row = scratch[0]!;
    scratch[0] = scratch[--waiting]!;
    sink(scratch, { rows, at: 0, count: waiting });
    if (isCovered(plan, { rows, row, kept })) continue;
    remember(plan, { rows, row, kept });
    for (let field = 0; field < ROW; field++) out[kept * ROW + field] = rows[row * ROW + field]!;
    kept++;
  }
  return kept;
}

function isBox(rows: Float32Array, row: number): boolean {
  const at = row * ROW;
  for (let field = 0; field < ROW; field++) if (!Number.isFinite(rows[at + field]!)) return false;
  return (
    rows[at + BOX_FIELDS.right]! > rows[at + BOX_FIELDS.left]! &&
    rows[at + BOX_FIELDS.bottom]! > rows[at + BOX_FIELDS.top]!
  );
}

/** Whether one row comes before another: by score, then by place. */
function isBefore(rows: Float32Array, one: number, other: number): boolean {
  const [a, b] = [rows[one * ROW + BOX_FIELDS.score]!, rows[other * ROW + BOX_FIELDS.score]!];
  return a > b || (a === b && one < other);
}

/** Lets the row at a place of the heap sink below those that come before it. */
function sink(order: Int32Array, given: { rows: Float32Array; at: number; count: number }): void {
  const { rows, count } = given;
  let at = given.at;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= count) return;
    if (child + 1 < count && isBefore(rows, order[child + 1]!, order[child]!)) child++;
    const [upper, lower] = [order[at]!, order[child]!];
    if (!isBefore(rows, lower, upper)) return;
    order[at] = lower;
    order[child] = upper;
    at = child;
  }
}

/** Where field `field` of the kept boxes begins in the scratch floats. */
function fieldAt({ boxes, keep }: SuppressPlan, field: number): number {
  return boxes + field * (keep + KEPT_SPARE);
}

function areaOf(rows: Float32Array, row: number): number {
  const at = row * ROW;
  const width = fround(rows[at + BOX_FIELDS.right]! - rows[at + BOX_FIELDS.left]!);
  return fround(width * fround(rows[at + BOX_FIELDS.bottom]! - rows[at + BOX_FIELDS.top]!));
}

function remember(
  plan: SuppressPlan,
  { rows, row, kept }: { rows: Float32Array; row: number; kept: number },
) {
  for (let field = 0; field < 4; field++) plan.floats[fieldAt(plan, field) + kept] = rows[row * ROW + field]!;
  plan.floats[fieldAt(plan, 4) + kept] = areaOf(rows, row);
  plan.floats[fieldAt(plan, KEPT_FIELDS - 1) + kept] = rows[row * ROW + BOX_FIELDS.class]!;
}

function isCovered(plan: SuppressPlan, given: { rows: Float32Array; row: number; kept: number }): boolean {
  const { rows, row, kept } = given;
  const { floats, overlap } = plan;
  const at = row * ROW;
  const area = areaOf(rows, row);
  for (let other = 0; other < kept; other++) {
    const isApart = floats[fieldAt(plan, KEPT_FIELDS - 1) + other] !== rows[at + BOX_FIELDS.class];
    if (isApart && !plan.isTogether) continue;
    const width = sharedOf(plan, { rows, at, other, low: BOX_FIELDS.left, high: BOX_FIELDS.right });
    const height = sharedOf(plan, { rows, at, other, low: BOX_FIELDS.top, high: BOX_FIELDS.bottom });
    const shared = fround(width * height);
    const all = fround(fround(area + floats[fieldAt(plan, 4) + other]!) - shared);
    if (shared > fround(overlap * all)) return true;
  }
  return false;
}

/** How far a row and a kept box overlap along one axis, at least 0. */
function sharedOf(
  plan: SuppressPlan,
  given: { rows: Float32Array; at: number; other: number; low: number; high: number },
): number {
  const { rows, at, other, low, high } = given;
  const lows = [rows[at + low]!, plan.floats[fieldAt(plan, low) + other]!] as const;
  const highs = [rows[at + high]!, plan.floats[fieldAt(plan, high) + other]!] as const;
  const from = lows[0] > lows[1] ? lows[0] : lows[1];
  const to = highs[0] < highs[1] ? highs[0] : highs[1];
  const length = fround(to - from);
  return length > 0 ? length : 0;
}
