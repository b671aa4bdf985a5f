// Owns what the suppress op is asked to do. Knows no kernel and no network.

import { BOX_FIELDS } from "./boxes-plan.js";
import { refusal, requireFinite, requireOneOf, requireWhole } from "./op-argument.js";

/** From boxes that overlap to one for each thing. Frozen but for `scratch`. */
export interface SuppressPlan {
  readonly key: string;
  /** Most rows of one call, and most that are kept. */
  readonly boxes: number;
  readonly keep: number;
  readonly overlap: number;
  readonly isTogether: boolean;
  /** An order of the rows, and the kept boxes: one call at a time. */
  readonly scratch: Int32Array;
  /** The same memory as `scratch`. */
  readonly floats: Float32Array;
}

const BOXES_MAX = 65_536;
/** Vectors of kept boxes may run over their end by this many. */
export const KEPT_SPARE = 8;
/** What is known of a kept box: corners, area, class. */
export const KEPT_FIELDS = 6;

/**
 * Lays out the suppress op: rows of `BOX_FIELDS`, at most `boxes` of them, to the rows that stand, at most `keep`, the largest score
 * first, the earlier row where scores are equal. It answers how many it wrote.
 *
 * Row after row in that order is kept unless its overlap with a kept one of its class (of any, where classes are taken together) is
 * above `overlap`: intersection above `overlap * (area + area - intersection)`, in float32, each step rounded. The op is exact,
 * and what it writes are copies. A row with a number that is not finite, or without width or height, is left out. Views
 * may not overlap; one call at a time.
 *
 * @throws RedlineError `OP_ARGUMENT` naming the argument.
 */
export function planSuppress(given: {
  readonly boxes: number;
  readonly keep: number;
  /** From 0 to 1. Default 0.45. */
  readonly overlap?: number;
  /** Whether boxes of different classes stand beside each other. Default `apart`. */
  readonly classes?: "apart" | "together";
}): SuppressPlan {
  const boxes = requireWhole("boxes", given.boxes, { min: 1, max: BOXES_MAX });
  const keep = requireWhole("keep", given.keep, { min: 1, max: boxes });
  const overlap = Math.fround(requireFinite("overlap", given.overlap ?? 0.45));
  if (overlap < 0 || overlap > 1) throw refusal("overlap", "from 0 to 1", overlap);
  const classes = requireOneOf("classes", given.classes ?? "apart", ["apart", "together"]);
  const scratch = new Int32Array(boxes + KEPT_FIELDS * (keep + KEPT_SPARE));
  return Object.freeze({
    key: `suppress ${boxes} ${keep} ${classes}`,
    boxes,
    keep,
    overlap,
    isTogether: classes === "together",
    scratch,
    floats: new Float32Array(scratch.buffer),
  });
}

/** Numbers of the rows in a view, which holds whole rows only. */
export function rowsOf(view: Float32Array): number {
  return view.length / BOX_FIELDS.count;
}
