// Owns average precision of boxes. Knows no picture and no model. Invariant: a labelled box is met at most once.

import { meanOf, ratio } from "./overlap.js";

/** Left, top, width and height in pixels. */
export type Box = readonly [left: number, top: number, width: number, height: number];

/** One claimed box of a class: its score, and whether it met a labelled box. */
export interface Claim {
  readonly class: string;
  readonly score: number;
  readonly isHit: boolean;
}

/** Area of the intersection by the area of the union; 0 when neither has an area. */
export function boxIou(a: Box, b: Box): number {
  const across = Math.min(a[0] + a[2], b[0] + b[2]) - Math.max(a[0], b[0]);
  const down = Math.min(a[1] + a[3], b[1] + b[3]) - Math.max(a[1], b[1]);
  const shared = Math.max(0, across) * Math.max(0, down);
  return ratio(shared, a[2] * a[3] + b[2] * b[3] - shared) ?? 0;
}

/**
 * Judges the claimed boxes of one picture: by falling score each takes the free labelled box of its class it overlaps most,
 * if by at least `iouAtLeast`; every other one is wrong (PASCAL VOC, Everingham et al. 2010, section 4.4).
 */
export function judgeBoxes(given: {
  readonly label: readonly { readonly class: string; readonly box: Box }[];
  readonly claim: readonly { readonly class: string; readonly box: Box; readonly score: number }[];
  readonly iouAtLeast: number;
}): Claim[] {
  const free = new Set(given.label);
  return [...given.claim]
    .sort((a, b) => b.score - a.score)
    .map((claim) => {
      let best: (typeof given.label)[number] | undefined;
      let most = given.iouAtLeast;
      for (const one of free) {
        const overlap = one.class === claim.class ? boxIou(one.box, claim.box) : -1;
        if (overlap < most || (overlap === most && best !== undefined)) continue;
        [best, most] = [one, overlap];
      }
      if (best !== undefined) free.delete(best);
      return { class: claim.class, score: claim.score, isHit: best !== undefined };
    });
}

/**
 * Average precision of one class: the area under the precision envelope over recall, at every point (PASCAL VOC from 2010
 * on). Null when nothing is labelled.
 */
export function averagePrecision(claims: readonly Claim[], labelled: number): number | null {
  if (labelled === 0) return null;
  const sorted = [...claims].sort((a, b) => b.score - a.score);
  let hits = 0;
  const curve = sorted.map(({ isHit }, index) => {
    if (isHit) hits++;
    return { recall: hits / labelled, precision: hits / (index + 1) };
  });
  let area = 0;
  let envelope = 0;
  for (let i = curve.length - 1; i >= 0; i--) {
    envelope = Math.max(envelope, curve[i]!.precision);
    area += envelope * (curve[i]!.recall - (curve[i - 1]?.recall ?? 0));
  }
  return area;
}

/** Mean over the classes that are labelled at all. */
export function meanAveragePrecision(
  claims: readonly Claim[],
  labelled: Readonly<Record<string, number>>,
): number | null {
  return meanOf(
    Object.entries(labelled).map(([name, count]) =>
      averagePrecision(
        claims.filter((claim) => claim.class === name),
        count,
      ),
    ),
  );
}
