// Owns the report of what the voice pipeline's energy gate saves and misses on recordings. Knows no gate internals.
// Invariant: both readings of a file run the same model on the same samples; only the gate differs.

import { readdir } from "node:fs/promises";
import path from "node:path";
import { parseArgs } from "node:util";
import {
  createRuntime,
  type FrameReading,
  type GateRules,
  listen,
  RedlineError,
  type Runtime,
  readWav,
  type Session,
} from "../runtime/index.js";

/** What one file, one folder or everything came to. */
interface GateRow {
  files: number;
  frames: number;
  skippedFrames: number;
  /** Frames the model calls speech (0.5 and above) when it hears everything. */
  speechFrames: number;
  /** Of those, frames the gate kept from the model. */
  lostSpeechFrames: number;
  segments: number;
  /** Segments no part of which is found behind the gate. */
  lostSegments: number;
  /** Segments found only behind the gate. */
  newSegments: number;
  /** By how much the first overlapping segment behind the gate begins later (or earlier, below zero), in milliseconds. */
  onsetShiftsMs: number[];
}

interface Hearing {
  readonly frames: readonly FrameReading[];
  readonly segments: readonly { readonly startMs: number; readonly endMs: number }[];
}

const SPEECH = 0.5;

const { values } = parseArgs({
  options: {
    data: { type: "string" },
    model: { type: "string", default: "silero-vad" },
    rules: { type: "string", default: "{}" },
    json: { type: "boolean", default: false },
  },
});
if (values.data === undefined) {
  console.error(
    "usage: node dist/bench/voice-gate.js --data FOLDER [--model NAME|PATH] [--rules JSON] [--json]",
  );
  process.exit(64);
}
const runtime = await createRuntime();
try {
  await report(runtime, { folder: values.data, model: values.model, rules: JSON.parse(values.rules) });
} finally {
  await runtime.close();
}

async function report(
  runtime: Runtime,
  { folder, model, rules }: { folder: string; model: string; rules: GateRules },
): Promise<void> {
  const contract = { periodMs: 32, deadlineMs: 60_000, criticality: "interactive", late: "keep" } as const;
  const session = await runtime.open(model, { contract, admit: "best-effort" });
  const rows = new Map<string, GateRow>();
  const total = emptyRow();
  for (const file of await wavFiles(folder)) {
    const row = await compare({ runtime, session, file, rules });
    if (row === undefined) continue;
    const group = path.relative(folder, path.dirname(file)).split(path.sep).slice(0, 2).join("/") || ".";
    add(total, row);
    const sum = rows.get(group) ?? emptyRow();
    rows.set(group, sum);
    add(sum, row);
    if (values.json) console.log(JSON.stringify({ type: "file", file: path.relative(folder, file), ...row }));
  }
  if (total.files === 0)
    throw new RedlineError("SOURCE_MISSING", {
      what: folder,
      expected: "readable WAV files",
      received: "none",
    });
  if (values.json) {
    for (const [group, row] of rows) console.log(JSON.stringify({ type: "folder", folder: group, ...row }));
    console.log(JSON.stringify({ type: "summary", ...total }));
  } else printTable([...rows, ["all", total]]);
}

async function wavFiles(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true });
  return entries
    .filter((entry) => entry.toLowerCase().endsWith(".wav"))
    .sort()
    .map((entry) => path.join(folder, entry));
}

async function compare(given: {
  runtime: Runtime;
  session: Session;
  file: string;
  rules: GateRules;
}): Promise<GateRow | undefined> {
  try {
    const open = await hear({ ...given, gate: "off" });
    const gated = await hear({ ...given, gate: given.rules });
    return rowOf(open, gated);
  } catch (error) {
    if (!(error instanceof RedlineError)) throw error;
    console.error(`${given.file}: ${error.message}`);
    return undefined;
  }
}

async function hear(given: {
  runtime: Runtime;
  session: Session;
  file: string;
  gate: GateRules | "off";
}): Promise<Hearing> {
  const { runtime, session, file, gate } = given;
  const frames: FrameReading[] = [];
  const segments: { startMs: number; endMs: number }[] = [];
  const source = readWav({ path: file, clock: runtime.clock });
  const onFrame = (reading: FrameReading): void => {
    frames.push(reading);
  };
  for await (const event of listen({ session, source, clock: runtime.clock, gate, onFrame })) {
    if (event.type === "speech") segments.push(event);
  }
  return { frames, segments };
}

function rowOf(open: Hearing, gated: Hearing): GateRow {
  const row = { ...emptyRow(), files: 1, frames: open.frames.length, segments: open.segments.length };
  for (const [index, { probability }] of open.frames.entries()) {
    const isSkipped = gated.frames[index]?.status === "gated";
    const isSpeech = (probability ?? 0) >= SPEECH;
    row.skippedFrames += Number(isSkipped);
    row.speechFrames += Number(isSpeech);
    row.lostSpeechFrames += Number(isSkipped && isSpeech);
  }
  for (const segment of open.segments) {
    const found = gated.segments.find((other) => overlaps(segment, other));
    if (found === undefined) row.lostSegments += 1;
    else row.onsetShiftsMs.push(found.startMs - segment.startMs);
  }
  row.newSegments = gated.segments.filter(
    (other) => !open.segments.some((each) => overlaps(each, other)),
  ).length;
  return row;
}

function overlaps(a: Hearing["segments"][number], b: Hearing["segments"][number]): boolean {
  return a.startMs < b.endMs && b.startMs < a.endMs;
}

function emptyRow(): GateRow {
  return {
    files: 0,
    frames: 0,
    skippedFrames: 0,
    speechFrames: 0,
    lostSpeechFrames: 0,
    segments: 0,
    lostSegments: 0,
    newSegments: 0,
    onsetShiftsMs: [],
  };
}

function add(sum: GateRow, row: GateRow): void {
  sum.files += row.files;
  sum.frames += row.frames;
  sum.skippedFrames += row.skippedFrames;
  sum.speechFrames += row.speechFrames;
  sum.lostSpeechFrames += row.lostSpeechFrames;
  sum.segments += row.segments;
  sum.lostSegments += row.lostSegments;
  sum.newSegments += row.newSegments;
  sum.onsetShiftsMs.push(...row.onsetShiftsMs);
}

function printTable(rows: readonly (readonly [string, GateRow])[]): void {
  console.log(
    "| folder | files | frames | skipped | speech frames | lost | segments | lost | new | onset later, frames >= 1 | latest |",
  );
  console.log("|---|---|---|---|---|---|---|---|---|---|---|");
  for (const [name, row] of rows) {
    const shifts = row.onsetShiftsMs;
    const moved = shifts.filter((shiftMs) => shiftMs >= 32).length;
    const latest = shifts.length === 0 ? "" : `${Math.max(...shifts)} ms`;
    const cells = [
      name,
      row.files,
      row.frames,
      share(row.skippedFrames, { of: row.frames }),
      row.speechFrames,
      `${row.lostSpeechFrames} (${share(row.lostSpeechFrames, { of: row.speechFrames })})`,
      row.segments,
      row.lostSegments,
      row.newSegments,
      moved,
      latest,
    ];
    console.log(`| ${cells.join(" | ")} |`);
  }
}

function share(part: number, { of }: { of: number }): string {
  return of === 0 ? "-" : `${((100 * part) / of).toFixed(2)} %`;
}
