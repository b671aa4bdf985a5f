// Owns TuSimple's measure of lanes given as one x for each row. Knows no picture.
// Invariant: every rule is that of TuSimple's own script; where this differs, it says so.

/** One x for each sampled row; negative where the lane is not there. */
export type LaneLine = readonly number[];

/** What one picture came to: the sum of the counted lanes' best accuracies, lanes claimed, wrongly claimed, counted, missed. */
export type LaneLineCounts = readonly [
  accuracy: number,
  claimed: number,
  falseClaims: number,
  counted: number,
  misses: number,
];

/** TuSimple: a point is met within 20 pixels, across the lane; a lane is met when 85 % of its points are. */
const POINT_WITHIN_PIXELS = 20;
const LANE_MET_SHARE = 0.85;
/** TuSimple: at most four labelled lanes count; of more, the worst is left out and one miss is forgiven. */
const LANES_COUNTED = 4;
/** TuSimple: with more claims than this beyond the labels, a picture counts as missed whole. */
const CLAIMS_BEYOND = 2;
/** TuSimple writes a lane that is absent from a row as this x, so that two absences meet. */
const ABSENT = -100;

/**
 * Counts of one picture by TuSimple's evaluation (TuSimple lane detection benchmark, `evaluate/lane.py`): every labelled lane
 * takes the claimed lane that meets most of its points, within 20 pixels divided by the cosine of the lane's angle.
 */
export function laneLineCounts(given: {
  readonly rows: readonly number[];
  readonly label: readonly LaneLine[];
  readonly claim: readonly LaneLine[];
}): LaneLineCounts {
  const { rows, label, claim } = given;
  const counted = Math.min(LANES_COUNTED, label.length);
  if (claim.length > label.length + CLAIMS_BEYOND) return [0, claim.length, 0, counted, counted];
  const best = label.map((lane) => {
    const within = POINT_WITHIN_PIXELS / Math.cos(angleOf(lane, rows));
    return Math.max(0, ...claim.map((other) => shareMet(lane, { other, within })));
  });
  const met = best.filter((share) => share >= LANE_MET_SHARE).length;
  const missed = label.length - met;
  const isCrowded = label.length > LANES_COUNTED;
  const sum = best.reduce((total, share) => total + share, 0);
  return [
    isCrowded ? sum - Math.min(...best) : sum,
    claim.length,
    // One claim may meet two labels; TuSimple then counts below zero.
    Math.max(0, claim.length - met),
    counted,
    isCrowded && missed > 0 ? missed - 1 : missed,
  ];
}

/** The angle of a lane from the vertical, by least squares of x over y; 0 with fewer than two points. */
function angleOf(lane: LaneLine, rows: readonly number[]): number {
  const points = lane.map((x, i) => [x, rows[i] ?? 0] as const).filter(([x]) => x >= 0);
  if (points.length < 2) return 0;
  const meanX = points.reduce((sum, [x]) => sum + x, 0) / points.length;
  const meanY = points.reduce((sum, [, y]) => sum + y, 0) / points.length;
  const across = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0);
  const down = points.reduce((sum, [, y]) => sum + (y - meanY) ** 2, 0);
  return down === 0 ? 0 : Math.atan(across / down);
}

/** The share of the label's rows on which both lanes are near each other, or both absent. */
function shareMet(
  lane: LaneLine,
  { other, within }: { readonly other: LaneLine; readonly within: number },
): number {
  const place = (x: number | undefined): number => (x === undefined || x < 0 ? ABSENT : x);
  const met = lane.filter((x, i) => Math.abs(place(x) - place(other[i])) < within).length;
  return lane.length === 0 ? 0 : met / lane.length;
}
