// Owns the drawings of a report: latency by percentile, and latency over time with its misses, as SVG in text. Knows no file.
// Invariant: every mark is of the page's own colours, so that dark and light both read; no drawing needs a script or the network.

import type { ResultRow, TrialRow } from "./result-rows.js";

const WIDTH = 720;
const LEFT = 64;
const RIGHT = 190;
const TOP = 16;
const BOTTOM = 34;

/** Text in HTML and SVG. */
export function escaped(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}

/** The class that gives a subject its colour; the page defines one for each. */
export function subjectClass(subject: string): string {
  return `s-${subject.toLowerCase().replaceAll(/[^a-z]+/g, "-")}`;
}

/** Milliseconds of microseconds, with the digits that matter. */
export function inMs(us: number): string {
  return String(Number((us / 1000).toPrecision(3)));
}

/** Percentiles that are marked on the axis: each a tenth of the distance to one of the one before. */
const MARKED = [0.5, 0.9, 0.99, 0.999, 0.9999];

/** A scale with logarithmic steps. */
class LogScale {
  constructor(
    private readonly from: number,
    private readonly to: number,
    private readonly pixels: readonly [number, number],
  ) {}

  at(value: number): number {
    const share = Math.log(value / this.from) / Math.log(this.to / this.from);
    const [start, end] = this.pixels;
    return Math.round((start + Math.min(1, Math.max(0, share)) * (end - start)) * 10) / 10;
  }

  /** Powers of ten on it; halves and fifths too where there are fewer than three. */
  ticks(): number[] {
    const found: number[] = [];
    const tens = Math.log10(this.to / this.from);
    for (let power = Math.floor(Math.log10(this.from)); 10 ** power <= this.to; power++)
      for (const step of tens < 3 ? [1, 2, 5] : [1])
        if (step * 10 ** power >= this.from && step * 10 ** power <= this.to) found.push(step * 10 ** power);
    return found;
  }
}

/** Latency by percentile: one line a subject, the distance of a percentile to one on a logarithmic axis. */
export function percentileChart(results: readonly ResultRow[], deadlineUs: number | null): string {
  const height = 280;
  const curves = results
    .map((row) => ({ row, points: curveOf(row) }))
    .filter(({ points }) => points.length > 0);
  if (curves.length === 0) return "";
  const values = curves.flatMap(({ points }) => points.map(({ us }) => us));
  const y = latencyScale([...values, ...(deadlineUs === null ? [] : [deadlineUs])], [height - BOTTOM, TOP]);
  const deepest = Math.min(...curves.flatMap(({ points }) => points.map(({ above }) => above)));
  const x = new LogScale(1, Math.max(100, 1 / deepest), [LEFT, WIDTH - RIGHT]);
  const lines = curves.map(({ row, points }) => {
    const path = points.map(({ above, us }) => `${x.at(1 / above)},${y.at(us)}`).join(" ");
    return `<polyline class="line ${subjectClass(row.subject)}" points="${path}"/>`;
  });
  const marks = MARKED.filter((q) => 1 / (1 - q) <= Math.max(100, 1 / deepest) * 1.001).map((q) => {
    const at = x.at(1 / (1 - q));
    return `<line class="grid" x1="${at}" y1="${TOP}" x2="${at}" y2="${height - BOTTOM}"/><text class="tick" x="${at}" y="${height - BOTTOM + 16}" text-anchor="middle">p${Number((q * 100).toFixed(2))}</text>`;
  });
  return svg(height, "Latency by percentile", [
    ...marks,
    ...latencyAxis(y),
    ...deadlineLine(y, deadlineUs, WIDTH - RIGHT),
    ...lines,
    ...endLabels(
      curves.map(({ row, points }) => ({ subject: row.subject, y: y.at(points.at(-1)?.us ?? 1) })),
      height,
    ),
  ]);
}

/** One subject's latency over the time of its trials: median and highest of each stretch, a mark where queries missed. */
export function timeChart(
  trials: readonly TrialRow[],
  { deadlineUs, ceilingUs }: { readonly deadlineUs: number | null; readonly ceilingUs: number },
): string {
  const height = 132;
  const span = trials.reduce((sum, { seconds }) => sum + seconds, 0);
  if (span === 0) return "";
  const floorUs = Math.min(...trials.flatMap(({ timeline }) => timeline.map(({ p50Us }) => p50Us)));
  const y = latencyScale(
    [floorUs, ceilingUs, ...(deadlineUs === null ? [] : [deadlineUs])],
    [height - BOTTOM, TOP],
  );
  const right = WIDTH - RIGHT;
  const marks: string[] = [];
  let startS = 0;
  for (const { timeline, seconds, subject } of trials) {
    const at = (s: number): number => Math.round((LEFT + ((startS + s) / span) * (right - LEFT)) * 10) / 10;
    const line = (kind: "p50Us" | "maxUs"): string =>
      timeline.map((stretch) => `${at(stretch.atS)},${y.at(Math.max(1, stretch[kind]))}`).join(" ");
    marks.push(`<polyline class="line thin ${subjectClass(subject)}" points="${line("maxUs")}"/>`);
    marks.push(`<polyline class="line ${subjectClass(subject)}" points="${line("p50Us")}"/>`);
    for (const { atS, misses } of timeline.filter(({ misses: count }) => count > 0))
      marks.push(
        `<rect class="miss" x="${at(atS) - 1.5}" y="${height - BOTTOM - 9}" width="3" height="9"><title>${misses} missed</title></rect>`,
      );
    startS += seconds;
    if (startS < span)
      marks.push(`<line class="split" x1="${at(0)}" y1="${TOP}" x2="${at(0)}" y2="${height - BOTTOM}"/>`);
  }
  return svg(height, `Latency over time on ${trials[0]?.subject}`, [
    ...latencyAxis(y),
    ...deadlineLine(y, deadlineUs, right),
    ...marks,
    `<text class="tick" x="${LEFT}" y="${height - BOTTOM + 16}">0 s</text>`,
    `<text class="tick" x="${right}" y="${height - BOTTOM + 16}" text-anchor="end">${span.toFixed(0)} s measured</text>`,
    `<text class="label ${subjectClass(trials[0]?.subject ?? "")}" x="${right + 8}" y="${TOP + 12}">${escaped(trials[0]?.subject ?? "")}</text>`,
    `<text class="tick" x="${right + 8}" y="${TOP + 28}">thick: median</text>`,
    `<text class="tick" x="${right + 8}" y="${TOP + 42}">thin: highest</text>`,
  ]);
}

/** Share of queries above a latency, bucket by bucket. */
function curveOf({ histogram, latencyUs }: ResultRow): { above: number; us: number }[] {
  let seen = 0;
  return histogram.map(({ uptoUs, n }) => {
    const above = 1 - seen / latencyUs.n;
    seen += n;
    return { above, us: uptoUs };
  });
}

function latencyScale(valuesUs: readonly number[], pixels: readonly [number, number]): LogScale {
  const known = valuesUs.filter((value) => value > 0);
  const from = Math.min(...known) / 1.25;
  return new LogScale(from, Math.max(...known, from * 10) * 1.25, pixels);
}

function latencyAxis(y: LogScale): string[] {
  return y
    .ticks()
    .map(
      (us) =>
        `<line class="grid" x1="${LEFT}" y1="${y.at(us)}" x2="${WIDTH - RIGHT}" y2="${y.at(us)}"/><text class="tick" x="${LEFT - 6}" y="${y.at(us) + 4}" text-anchor="end">${inMs(us)} ms</text>`,
    );
}

function deadlineLine(y: LogScale, deadlineUs: number | null, right: number): string[] {
  if (deadlineUs === null) return [];
  const at = y.at(deadlineUs);
  return [
    `<line class="deadline" x1="${LEFT}" y1="${at}" x2="${right}" y2="${at}"/>`,
    `<text class="deadline-text" x="${LEFT + 6}" y="${at - 5}">deadline ${inMs(deadlineUs)} ms</text>`,
  ];
}

/** Names at the ends of the lines, moved apart where they would cover each other. */
function endLabels(
  ends: readonly { readonly subject: string; readonly y: number }[],
  height: number,
): string[] {
  const room = 15;
  let next = TOP;
  const sorted = [...ends].sort((a, b) => a.y - b.y);
  return sorted.map(({ subject, y }, index) => {
    const last = height - BOTTOM - (sorted.length - 1 - index) * room;
    const at = Math.min(last, Math.max(next, y));
    next = at + room;
    return `<text class="label ${subjectClass(subject)}" x="${WIDTH - RIGHT + 8}" y="${at + 4}">${escaped(subject)}</text>`;
  });
}

function svg(height: number, title: string, parts: readonly string[]): string {
  return `<svg viewBox="0 0 ${WIDTH} ${height}" role="img"><title>${escaped(title)}</title>${parts.join("")}</svg>`;
}
