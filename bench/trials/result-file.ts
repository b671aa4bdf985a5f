// Owns result files: rows appended as they come, and read back checked against the schema. Knows no measurement.
// Invariant: a line that is no row is an error that names file and line; a file cut short loses its last line only.

import { appendFileSync, mkdirSync, readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { RedlineError } from "../../runtime/core/errors.js";
import type { BenchRow } from "./result-rows.js";

/**
 * Opens a file to append rows to.
 *
 * @throws RedlineError `OUTPUT_WRITE_FAILED`
 */
export function appendResults(path: string): (row: BenchRow) => void {
  const file = resolve(path);
  const write = (text: string): void => {
    try {
      mkdirSync(dirname(file), { recursive: true });
      appendFileSync(file, text);
    } catch (cause) {
      throw new RedlineError("OUTPUT_WRITE_FAILED", {
        what: file,
        received: (cause as Error).message,
        cause,
      });
    }
  };
  // A file that cannot be written is told before anything is measured.
  write("");
  return (row) => write(`${JSON.stringify(row)}\n`);
}

/**
 * Reads every row of a file.
 *
 * @throws RedlineError `SOURCE_MISSING`, `SOURCE_EMPTY` or `SOURCE_FORMAT` naming the line
 */
export async function readResults(path: string): Promise<BenchRow[]> {
  const file = resolve(path);
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (cause) {
    throw new RedlineError("SOURCE_MISSING", { what: file, received: (cause as Error).message, cause });
  }
  // Loaded here, not at import: the schema library costs more start-up time than the rest.
  const { resultRowSchema } = await import("./result-rows.js");
  const lines = text.split("\n");
  const rows: BenchRow[] = [];
  for (const [index, line] of lines.entries()) {
    if (line === "") continue;
    const parsed = resultRowSchema.safeParse(jsonOf(line));
    if (parsed.success) rows.push(parsed.data);
    // What an interrupted run was writing last has no end of line.
    else if (index < lines.length - 1) {
      const [issue] = parsed.error.issues;
      throw new RedlineError("SOURCE_FORMAT", {
        what: `${file}, line ${index + 1}`,
        expected: "a row of the bench's results",
        received: `${issue?.path.join(".") ?? ""}: ${issue?.message ?? "no JSON"}`,
      });
    }
  }
  if (rows.length === 0) throw new RedlineError("SOURCE_EMPTY", { what: file });
  return rows;
}

function jsonOf(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
