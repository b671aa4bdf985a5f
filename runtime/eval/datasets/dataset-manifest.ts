// Owns the form of a data set's manifest: what is where, and for which task. Knows no label and opens no file but its own.
// Invariant: a manifest names exactly the parts its task needs.

import { readFile, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { z } from "zod";
import { RedlineError, reasonOf } from "../../core/errors.js";
import { missingInput } from "../../sources/broken-input.js";
import { TASK_NAMES } from "../tasks/tasks.js";

const pattern = z
  .string()
  .max(500)
  .regex(
    /^(?:[^{}]*\/)?[^{}/]*\{id\}[^{}/]*$/,
    "a path whose last part holds {id} once, as in frames/{id}.jpg",
  );
const text = z.string().min(1).max(500);

/** The schema of `dataset.json`. */
export const datasetSchema = z.strictObject({
  schema: z.literal(1),
  name: z.string().regex(/^[a-z0-9]+(?:[.-][a-z0-9]+)*$/, "lower-case letters, digits, dots and hyphens"),
  task: z.enum(TASK_NAMES),
  licence: text.optional(),
  source: text.optional().describe("Where it comes from."),
  folder: text
    .optional()
    .describe("What the other paths are relative to. Default: the manifest's own folder."),
  images: pattern.optional().describe("road-segmentation: the pictures, as in frames/{id}.jpg."),
  masks: z
    .strictObject({ drivable: pattern.optional(), lanes: pattern.optional() })
    .refine((masks) => Object.keys(masks).length > 0, { message: "at least one mask" })
    .optional()
    .describe(
      "road-segmentation: 8-bit masks at the pictures' size; a pixel is of the class where it is not 0.",
    ),
  audio: pattern.optional().describe("voice-activity: the recordings, as in clips/{id}.wav."),
  segments: text
    .optional()
    .describe(
      "voice-activity: a TSV file with the columns id, start_ms, end_ms; both empty says: no speech.",
    ),
  items: text
    .optional()
    .describe("Every other task: a JSONL file, one object with an id and its label a line."),
});

/** A data set's manifest. */
export type DatasetManifest = z.infer<typeof datasetSchema>;

/** A manifest, and the folder its paths are relative to. */
export interface FiledDataset {
  readonly manifest: DatasetManifest;
  /** The manifest as it is written. */
  readonly text: string;
  readonly path: string;
  readonly folder: string;
}

/** The schema as a JSON Schema document, as published in `models/dataset.schema.json`. */
export function datasetJsonSchema(): Record<string, unknown> {
  return { title: "Redline data set", ...z.toJSONSchema(datasetSchema, { io: "input" }) };
}

const PARTS = ["images", "masks", "audio", "segments", "items"] as const;

function partsOf(task: DatasetManifest["task"]): readonly (typeof PARTS)[number][] {
  if (task === "road-segmentation") return ["images", "masks"];
  return task === "voice-activity" ? ["audio", "segments"] : ["items"];
}

/**
 * Reads a manifest: a file, or a folder with a `dataset.json`.
 *
 * @throws RedlineError `SOURCE_MISSING`, or `DATASET_INVALID` naming the field
 */
export async function readDatasetManifest(
  at: string,
  options: { readonly folder?: string },
): Promise<FiledDataset> {
  const found = await stat(at).catch((cause: unknown) => {
    throw missingInput(at, cause);
  });
  const path = found.isDirectory() ? join(at, "dataset.json") : at;
  const content = await readFile(path, "utf8").catch((cause: unknown) => {
    throw missingInput(path, cause);
  });
  let json: unknown;
  try {
    json = JSON.parse(content);
  } catch (cause) {
    throw new RedlineError("DATASET_INVALID", {
      what: path,
      expected: "JSON",
      received: reasonOf(cause),
      cause,
    });
  }
  const parsed = datasetSchema.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const field = issue?.path.join(".") || "the whole document";
    throw new RedlineError("DATASET_INVALID", {
      what: `${path}: ${field}`,
      expected: issue?.message ?? "another value",
    });
  }
  const manifest = parsed.data;
  const wanted = partsOf(manifest.task);
  for (const part of PARTS) {
    if (wanted.includes(part) === (manifest[part] !== undefined)) continue;
    const isMissing = wanted.includes(part);
    throw new RedlineError("DATASET_INVALID", {
      what: `${path}: ${part}`,
      expected: isMissing
        ? `it, as the task is ${manifest.task}`
        : `nothing, as the task is ${manifest.task}`,
      received: isMissing ? "nothing" : "a value",
    });
  }
  const folder = options.folder ?? resolve(dirname(path), manifest.folder ?? ".");
  return { manifest, text: content, path, folder };
}
