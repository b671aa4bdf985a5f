// Owns counting where two masks agree, and the ratios of such counts. Knows no file, no model and no image.
// Invariant: a ratio over nothing is null, never 0 and never 1.

/** Pixels of one class: rightly claimed, wrongly claimed, missed. */
export type Overlap = readonly [hits: number, falseClaims: number, misses: number];

/** Counts pixels of two masks of one size; a pixel belongs to the class where its value is not 0. */
export function overlapOf(given: { readonly label: Uint8Array; readonly claim: Uint8Array }): Overlap {
  const { label, claim } = given;
  let hits = 0;
  let falseClaims = 0;
  let misses = 0;
  for (let i = 0; i < label.length; i++) {
    if (label[i] !== 0 && claim[i] !== 0) hits++;
    else if (claim[i] !== 0) falseClaims++;
    else if (label[i] !== 0) misses++;
  }
  return [hits, falseClaims, misses];
}

/**
 * Intersection over union, the Jaccard index: hits / (hits + false claims + misses). Over a data set the counts are summed
 * first (Everingham et al., "The PASCAL Visual Object Classes Challenge", 2010, section 4.3).
 */
export function iou([hits, falseClaims, misses]: Overlap): number | null {
  return ratio(hits, hits + falseClaims + misses);
}

/** Sums counts place by place; an empty list sums to zeros. */
export function sumCounts<Counts extends readonly number[]>(
  all: readonly Counts[],
  length: number,
): number[] {
  return Array.from({ length }, (_, place) => all.reduce((sum, counts) => sum + (counts[place] ?? 0), 0));
}

/** A share, or null when there is nothing to share. */
export function ratio(part: number, whole: number): number | null {
  return whole === 0 ? null : part / whole;
}

/** The mean, or null of nothing. */
export function meanOf(values: readonly (number | null)[]): number | null {
  const known = values.filter((value) => value !== null);
  return ratio(
    known.reduce((sum, value) => sum + value, 0),
    known.length,
  );
}

/** Harmonic mean of precision and recall (van Rijsbergen, "Information Retrieval", 1979); null when neither is known. */
export function fScore(given: {
  readonly precision: number | null;
  readonly recall: number | null;
}): number | null {
  const { precision, recall } = given;
  if (precision === null && recall === null) return null;
  const [p, r] = [precision ?? 0, recall ?? 0];
  return p + r === 0 ? 0 : (2 * p * r) / (p + r);
}

/** The value below which a share `q` of the values lies: the nearest rank, as in the reports of the bench; null of nothing. */
export function quantile(values: readonly number[], q: number): number | null {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? null;
}
