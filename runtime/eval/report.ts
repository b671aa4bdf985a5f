// Owns the page of an evaluation: its figures with their definitions, what was not measured, the worst items with pictures.
// Invariant: the page holds everything it needs; it has no script and no address, and whatever a data set says is escaped.

import { writeFile } from "node:fs/promises";
import { RedlineError, reasonOf } from "../core/errors.js";
import { loadSharp } from "../sources/image-codec.js";
import type { FaultRow } from "./item-file.js";
import { METRICS } from "./metric-table.js";
import type { SizedMask } from "./metrics/distance.js";
import type { EvalSummary } from "./run-eval.js";
import type { RoadMasks } from "./tasks/road.js";

/** One of the worst items with its picture, if it has one. */
export interface WorstItem {
  readonly id: string;
  readonly score: number;
  /** JPEG bytes: the picture with what was met, wrongly claimed and missed drawn on it. */
  readonly picture: Uint8Array | null;
}

/** What a page is made of. */
export interface EvalReport {
  readonly summary: EvalSummary;
  readonly faults: readonly FaultRow[];
  readonly worst: readonly WorstItem[];
}

/** Colours of a pixel that was met, wrongly claimed, missed: told apart by people who see no red or no green. */
const TINTS = { met: [0, 158, 115], falseClaim: [213, 94, 0], missed: [0, 114, 178] } as const;
const TINT_SHARE = 0.55;
const PICTURE_WIDTH = 480;
const FAULTS_SHOWN = 200;

const STYLE = `
:root{color-scheme:light dark;--page:#fbfaf8;--text:#1c1b19;--soft:#5d5a55;--rule:#dedbd5;--bad:#a3231a}
@media (prefers-color-scheme:dark){:root{--page:#151618;--text:#ecebe8;--soft:#a5a29b;--rule:#34363a;--bad:#ff8a7a}}
body{margin:0 auto;max-width:1040px;padding:32px 20px 64px;background:var(--page);color:var(--text);font:15px/1.5 system-ui,sans-serif}
h1{font-size:26px;margin:0 0 4px}h2{font-size:19px;margin:36px 0 8px;border-top:1px solid var(--rule);padding-top:18px}
.soft{color:var(--soft)}.bad{color:var(--bad);font-weight:600}.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:14px}th,td{padding:5px 10px;text-align:left;border-top:1px solid var(--rule);vertical-align:top}
td.figure{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.worst{display:grid;grid-template-columns:repeat(auto-fill,minmax(300px,1fr));gap:16px}figure{margin:0}img{width:100%;height:auto;display:block}
.key{display:inline-block;width:11px;height:11px;border-radius:2px;margin:0 5px 0 12px}
`;

/** The page as HTML. */
export function renderEvalReport({ summary, faults, worst }: EvalReport): string {
  const { subject, dataset, task, items, measured, datasetSha256, subjectSha256 } = summary;
  const title = `${subject} on ${dataset}`;
  const verdict = summary.isComplete
    ? `All ${items} items were measured.`
    : `<span class="bad">${items - measured} of ${items} items were not measured</span>: the figures are over the other ${measured}.`;
  const body = [
    `<h1>${asText(title)}</h1><p class="soft">${asText(task)} &middot; subject ${subjectSha256.slice(0, 12)} &middot; data ${datasetSha256.slice(0, 12)}</p><p>${verdict}</p>`,
    figures(summary),
    faultTable(faults),
    worstItems(worst),
  ];
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<title>${asText(title)}</title><link rel="icon" href="data:,"><style>${STYLE}</style></head>
<body>${body.join("\n")}</body></html>
`;
}

/**
 * Writes the page.
 *
 * @throws RedlineError `OUTPUT_WRITE_FAILED`
 */
export async function writeEvalReport(path: string, report: EvalReport): Promise<void> {
  await writeFile(path, renderEvalReport(report)).catch((cause: unknown) => {
    throw new RedlineError("OUTPUT_WRITE_FAILED", { what: path, received: reasonOf(cause), cause });
  });
}

function figures({ metrics, successRate, latencyUs }: EvalSummary): string {
  const rows = Object.entries(metrics).map(([name, value]) => {
    const definition = METRICS[name];
    const better = definition?.better === "count" ? "" : `${definition?.better ?? ""} is better`;
    return `<tr><td>${name}</td><td class="figure">${figure(value)}</td><td class="soft">${better}</td><td>${asText(definition?.definition ?? "")}</td></tr>`;
  });
  const latency =
    latencyUs === null
      ? ""
      : `<p class="soft">${latencyUs.n} jobs, p50 ${(latencyUs.p50 / 1000).toFixed(2)} ms, p99 ${(latencyUs.p99 / 1000).toFixed(2)} ms: unpaced, on a machine that may have been busy.</p>`;
  return `<h2>Figures</h2><div class="scroll"><table><tr><th>metric</th><th>value</th><th></th><th>definition</th></tr>${rows.join("")}</table></div><p class="soft">Success rate ${figure(successRate)}.</p>${latency}`;
}

function faultTable(faults: readonly FaultRow[]): string {
  if (faults.length === 0) return "";
  const rows = faults
    .slice(0, FAULTS_SHOWN)
    .map(
      ({ id, fault, message }) =>
        `<tr><td>${asText(id)}</td><td>${fault}</td><td>${asText(message)}</td></tr>`,
    );
  const rest = faults.length > FAULTS_SHOWN ? `<p>and ${faults.length - FAULTS_SHOWN} more</p>` : "";
  return `<h2>Not measured</h2><div class="scroll"><table><tr><th>item</th><th>why</th><th></th></tr>${rows.join("")}</table></div>${rest}`;
}

function worstItems(worst: readonly WorstItem[]): string {
  if (worst.length === 0) return "";
  const key = (name: string, [r, g, b]: readonly [number, number, number]): string =>
    `<span class="key" style="background:rgb(${r},${g},${b})"></span>${name}`;
  const legend = worst.some(({ picture }) => picture !== null)
    ? `<p class="soft">${key("met", TINTS.met)}${key("wrongly claimed", TINTS.falseClaim)}${key("missed", TINTS.missed)}</p>`
    : "";
  const shown = worst.map(({ id, score, picture }) => {
    const image =
      picture === null
        ? ""
        : `<img alt="${asText(id)}" src="data:image/jpeg;base64,${Buffer.from(picture).toString("base64")}">`;
    return `<figure>${image}<figcaption>${asText(id)} <span class="soft">score ${score.toFixed(3)}</span></figcaption></figure>`;
  });
  return `<h2>Worst items</h2>${legend}<div class="worst">${shown.join("")}</div>`;
}

/** The picture with label and claim laid over it; lanes where they are labelled, else the drivable area. */
export async function drawWorst(
  picture: { readonly width: number; readonly height: number; readonly data: Uint8Array },
  { label, claim }: { readonly label: RoadMasks; readonly claim: RoadMasks },
): Promise<Uint8Array> {
  const rgb = Uint8Array.from(picture.data);
  const heads: (readonly [SizedMask | undefined, SizedMask | undefined])[] = [
    [label.drivable, claim.drivable],
    ...(label.drivable === undefined ? [[label.lanes, claim.lanes] as const] : []),
  ];
  for (const [wanted, got] of heads) {
    if (wanted === undefined || got === undefined) continue;
    for (let i = 0; i < wanted.data.length; i++) {
      const tint = tintOf(wanted.data[i] !== 0, got.data[i] !== 0);
      if (tint === undefined) continue;
      for (let channel = 0; channel < 3; channel++) {
        const at = 3 * i + channel;
        rgb[at] = rgb[at]! * (1 - TINT_SHARE) + tint[channel]! * TINT_SHARE;
      }
    }
  }
  const sharp = await loadSharp();
  const { width, height } = picture;
  return sharp(rgb, { raw: { width, height, channels: 3 } })
    .resize({ width: PICTURE_WIDTH, withoutEnlargement: true })
    .jpeg({ quality: 80 })
    .toBuffer();
}

function tintOf(isLabelled: boolean, isClaimed: boolean): readonly number[] | undefined {
  if (isLabelled) return isClaimed ? TINTS.met : TINTS.missed;
  return isClaimed ? TINTS.falseClaim : undefined;
}

function figure(value: number | null): string {
  if (value === null) return "nothing to measure";
  return Number.isInteger(value) ? String(value) : value.toFixed(4);
}

function asText(text: string): string {
  const entities: Readonly<Record<string, string>> = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
  };
  return text.replace(/[&<>"]/g, (sign) => entities[sign]!);
}
