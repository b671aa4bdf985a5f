// Owns the items of recordings with segments in a TSV file. Knows no model and decodes no sound.
// Invariant: every recording and every labelled id gives one item; a line that is no segment spoils its own item only.

import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { RedlineError } from "../../core/errors.js";
import { missingInput } from "../../sources/broken-input.js";
import { sha256Of } from "../../store/sealed.js";
import type { Span } from "../metrics/segments.js";
import type { FiledDataset } from "./dataset-manifest.js";
import { fileOf, hashFile, idsOf } from "./files-by-id.js";
import type { DatasetItem } from "./item.js";

const HEADER = "id\tstart_ms\tend_ms";

/** What the file of segments says of one id: its spans, or the first line that is wrong. */
export type SegmentLabel = { readonly spans: Span[] } | { readonly wrong: string };

/** The labels of a set of recordings, and the file they are in. */
export interface SegmentFile {
  readonly text: string;
  readonly labels: ReadonlyMap<string, SegmentLabel>;
}

/**
 * Reads the file of segments.
 *
 * @throws RedlineError `SOURCE_MISSING`, or `DATASET_INVALID` for another first line
 */
export async function readSegments({ manifest, folder }: FiledDataset): Promise<SegmentFile> {
  const path = join(folder, manifest.segments ?? "");
  const text = await readFile(path, "utf8").catch((cause: unknown) => {
    throw missingInput(path, cause);
  });
  const [header = "", ...lines] = text.split(/\r?\n/);
  if (header !== HEADER) {
    throw new RedlineError("DATASET_INVALID", {
      what: `${path}, first line`,
      expected: HEADER.replaceAll("\t", ", "),
      received: header.slice(0, 80),
    });
  }
  const labels = new Map<string, SegmentLabel>();
  for (const [index, line] of lines.entries()) {
    if (line === "") continue;
    const [id = "", start, end, ...more] = line.split("\t");
    const before = labels.get(id) ?? { spans: [] };
    labels.set(id, "wrong" in before ? before : added(before.spans, { start, end, more, line: index + 2 }));
  }
  return { text, labels };
}

function added(
  spans: readonly Span[],
  given: { start: string | undefined; end: string | undefined; more: string[]; line: number },
): SegmentLabel {
  const { start, end, more, line } = given;
  if (start === "" && end === "" && more.length === 0) {
    return spans.length === 0
      ? { spans: [] }
      : { wrong: `line ${line}: no speech, where the lines above have some` };
  }
  const [startMs, endMs] = [Number(start || Number.NaN), Number(end || Number.NaN)];
  if (!(startMs >= 0 && endMs > startMs && Number.isFinite(endMs)) || more.length > 0) {
    return { wrong: `line ${line}: an id, a start from 0 and a later end are expected` };
  }
  if (spans.some(([from, to]) => startMs < to && endMs > from)) {
    return { wrong: `line ${line}: overlaps another segment of its recording` };
  }
  return { spans: [...spans, [startMs, endMs] as const].sort((a, b) => a[0] - b[0]) };
}

/** The ids of a set of recordings: those of its files and those of its labels. */
export async function recordingIds(
  { manifest, folder }: FiledDataset,
  { labels }: SegmentFile,
): Promise<string[]> {
  return [...new Set([...(await idsOf(manifest.audio ?? "", folder)), ...labels.keys()])].sort();
}

/** The recording of an id with its segments, or why there is none. `seen` holds the recordings before it: hash to id. */
export async function readRecording(
  { manifest, folder }: FiledDataset,
  {
    id,
    labels,
    seen,
  }: { readonly id: string; readonly labels: SegmentFile["labels"]; readonly seen: Map<string, string> },
): Promise<DatasetItem> {
  const path = fileOf(manifest.audio ?? "", { folder, id });
  const label = labels.get(id);
  if (!existsSync(path)) return { id, fault: "missing-input", message: `${path} is not there` };
  if (label === undefined)
    return { id, fault: "missing-label", message: `${path} has no line in ${manifest.segments}` };
  if ("wrong" in label) return { id, fault: "bad-label", message: label.wrong };
  const hash = await hashFile(path).catch(() => undefined);
  if (hash === undefined) return { id, fault: "unreadable", message: `${path} cannot be read` };
  const twin = seen.get(hash);
  if (twin !== undefined) return { id, fault: "duplicate", message: `the same recording as ${twin}` };
  seen.set(hash, id);
  const sha256 = sha256Of(`${hash} ${JSON.stringify(label.spans)}`);
  return { id, sha256, input: { kind: "audio", path }, label: { segments: label.spans } };
}
