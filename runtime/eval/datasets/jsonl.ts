// Owns reading JSONL files of labels and of recorded answers, line by line. Knows no task but by its schema.
// Invariant: a line that is wrong is told with its number and the lines after it are read; ids are used once.

import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import type { z } from "zod";
import { RedlineError, reasonOf } from "../../core/errors.js";
import { LIMITS } from "../../core/limits.js";
import { missingInput } from "../../sources/broken-input.js";

/** A line: its id and what else it says, or what is wrong with it. */
export type JsonLine = { readonly id: string } & (
  | { readonly value: unknown }
  | { readonly wrong: "missing" | "bad" | "duplicate"; readonly message: string }
);

/**
 * The lines of a file, each checked against the schema, without its id.
 *
 * @throws RedlineError `SOURCE_MISSING`, or `DATASET_LIMIT` beyond `LIMITS.evalItems` lines
 */
export async function* readJsonLines(path: string, schema: z.ZodType): AsyncGenerator<JsonLine> {
  const stream = createReadStream(path);
  const opened = new Promise<void>((settle, fail) => stream.once("open", () => settle()).once("error", fail));
  await opened.catch((cause: unknown) => {
    throw missingInput(path, cause);
  });
  const seen = new Set<string>();
  let number = 0;
  for await (const line of createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY })) {
    number++;
    if (line.trim() === "") continue;
    if (seen.size >= LIMITS.evalItems) {
      throw new RedlineError("DATASET_LIMIT", { what: path, expected: `at most ${LIMITS.evalItems} items` });
    }
    const read = readLine(line, { schema, number });
    if (seen.has(read.id)) {
      const message = `line ${number}: the id was used before`;
      yield { id: `${read.id} (line ${number})`, wrong: "duplicate", message };
      continue;
    }
    seen.add(read.id);
    yield read;
  }
}

function readLine(line: string, { schema, number }: { schema: z.ZodType; number: number }): JsonLine {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch (cause) {
    return { id: `line ${number}`, wrong: "bad", message: `line ${number}: ${reasonOf(cause)}` };
  }
  // What a model was given may stand beside a label, for whoever makes the answers.
  const {
    id,
    input: _,
    ...rest
  } = (typeof json === "object" && json !== null ? json : {}) as {
    id?: unknown;
    input?: unknown;
  };
  if (typeof id !== "string" || id === "") {
    return { id: `line ${number}`, wrong: "bad", message: `line ${number}: no id` };
  }
  if (Object.keys(rest).length === 0) return { id, wrong: "missing", message: `line ${number}: only an id` };
  const parsed = schema.safeParse(rest);
  if (parsed.success) return { id, value: parsed.data };
  const [issue] = parsed.error.issues;
  return {
    id,
    wrong: "bad",
    message: `line ${number}: ${issue?.path.join(".") ?? ""}: ${issue?.message ?? ""}`,
  };
}
