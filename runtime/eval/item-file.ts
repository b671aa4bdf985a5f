// Owns the file of per-item rows: written as they come, read back to go on. Knows no task and no model.
// Invariant: a row is whole or not there; rows of another data set or subject are never mixed in.

import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  truncateSync,
  writeSync,
} from "node:fs";
import { dirname, resolve } from "node:path";
import { RedlineError, reasonOf } from "../core/errors.js";
import type { ItemFaultKind } from "./datasets/item.js";

/** The first line: what the rows are of. */
export interface EvalHeader {
  readonly type: "eval";
  readonly schema: 1;
  readonly task: string;
  readonly dataset: string;
  readonly datasetSha256: string;
  /** The model or the file of answers, for people, and its hash. */
  readonly subject: string;
  readonly subjectSha256: string;
}

/** One measured item. */
export interface ItemRow {
  readonly type: "item";
  readonly id: string;
  readonly sha256: string;
  /** From 0, bad, to 1, good; null where the item says nothing. */
  readonly score: number | null;
  /** What the metrics are made of. */
  readonly counts: unknown;
  /** Of each job the item took; empty for a recorded answer. */
  readonly latencyUs: readonly number[];
}

/** One item that was not measured. */
export interface FaultRow {
  readonly type: "fault";
  readonly id: string;
  readonly fault: ItemFaultKind;
  readonly message: string;
}

/** Where rows go, and those that were there. */
export interface ItemFile {
  readonly before: ReadonlyMap<string, ItemRow>;
  append(row: ItemRow | FaultRow | { readonly type: "summary" }): void;
  close(): void;
}

/** Nowhere to write. */
export const NO_ITEM_FILE: ItemFile = { before: new Map(), append: () => {}, close: () => {} };

/**
 * Opens a file of rows: a new one, or with `isResumed` one that was begun.
 *
 * @throws RedlineError `OUTPUT_WRITE_FAILED`; `EVAL_MISMATCH` when it holds rows of something else
 */
export function openItemFile(
  at: string,
  { header, isResumed }: { readonly header: EvalHeader; readonly isResumed: boolean },
): ItemFile {
  const path = resolve(at);
  const isThere = existsSync(path);
  if (isThere && !isResumed) {
    throw new RedlineError("OUTPUT_WRITE_FAILED", {
      what: path,
      expected: "a new file",
      received: "one that is there",
      hint: "pass --resume to go on with it, or name another file",
    });
  }
  const before = isThere ? readBefore(path, header) : new Map<string, ItemRow>();
  try {
    mkdirSync(dirname(path), { recursive: true });
    const file = openSync(path, "a");
    const append: ItemFile["append"] = (row) => writeSync(file, `${JSON.stringify(row)}\n`);
    if (!isThere) writeSync(file, `${JSON.stringify(header)}\n`);
    return {
      before,
      append: (row) => guarded(path, () => append(row)),
      close: () => {
        fsyncSync(file);
        closeSync(file);
      },
    };
  } catch (cause) {
    throw unwritable(path, cause);
  }
}

/** The items of a file that was begun; a last line that was cut is taken off the file. */
function readBefore(path: string, header: EvalHeader): Map<string, ItemRow> {
  const text = readFileSync(path, "utf8");
  const whole = text.slice(0, text.lastIndexOf("\n") + 1);
  if (whole.length < text.length) truncateSync(path, Buffer.byteLength(whole));
  const [first = "", ...lines] = whole.split("\n").filter((line) => line !== "");
  const found = parsed(first);
  const differs = Object.entries(header).find(([name, value]) => Reflect.get(found, name) !== value);
  if (differs !== undefined) {
    const [name, value] = differs;
    throw new RedlineError("EVAL_MISMATCH", {
      what: `${path}: ${name}`,
      expected: String(value),
      received: String(Reflect.get(found, name)),
      hint: "name another file, so that figures of two things are not mixed",
    });
  }
  const rows = new Map<string, ItemRow>();
  for (const line of lines) {
    const row = parsed(line) as ItemRow;
    if (row.type === "item") rows.set(row.id, row);
  }
  return rows;
}

function parsed(line: string): object {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    return {};
  }
}

function guarded<T>(path: string, act: () => T): T {
  try {
    return act();
  } catch (cause) {
    throw unwritable(path, cause);
  }
}

function unwritable(path: string, cause: unknown): RedlineError {
  return new RedlineError("OUTPUT_WRITE_FAILED", { what: path, received: reasonOf(cause), cause });
}
