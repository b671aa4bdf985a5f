// Owns opening a data set and going through it: one item, or one fault, for each thing that is there. Knows no model.
// Invariant: an empty data set is an error; the order of items is the same on every machine.

import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { join } from "node:path";
import { RedlineError } from "../../core/errors.js";
import { LIMITS } from "../../core/limits.js";
import { missingInput } from "../../sources/broken-input.js";
import { sha256Of } from "../../store/sealed.js";
import { type EvalTaskName, TASKS } from "../tasks/tasks.js";
import { type FiledDataset, readDatasetManifest } from "./dataset-manifest.js";
import type { DatasetItem } from "./item.js";
import { readJsonLines } from "./jsonl.js";
import { pictureIds, readPicture } from "./pictures.js";
import { readRecording, readSegments, recordingIds } from "./recordings.js";

/** A data set that was opened. */
export interface Dataset {
  readonly name: string;
  readonly task: EvalTaskName;
  readonly path: string;
  /** Of the manifest, its file of labels and its ids; what pictures and recordings hold is in each item's own hash. */
  readonly sha256: string;
  /** Items and faults there will be. */
  readonly count: number;
  items(): AsyncGenerator<DatasetItem>;
}

/**
 * Opens a data set: a manifest, or a folder with a `dataset.json`.
 *
 * @throws RedlineError `SOURCE_MISSING`, `DATASET_INVALID`, `DATASET_EMPTY`, `DATASET_LIMIT`
 */
export async function openDataset(at: string, options: { readonly folder?: string } = {}): Promise<Dataset> {
  const filed = await readDatasetManifest(at, options);
  const { name, task } = filed.manifest;
  const opened = await open(filed);
  if (opened.count > LIMITS.evalItems) {
    throw new RedlineError("DATASET_LIMIT", {
      what: filed.path,
      expected: `at most ${LIMITS.evalItems} items`,
      received: String(opened.count),
    });
  }
  if (opened.count === 0) {
    throw new RedlineError("DATASET_EMPTY", {
      what: filed.path,
      expected: "at least one item",
      received: `none in ${filed.folder}`,
      hint: "look at the patterns in the manifest, or name the folder with --folder",
    });
  }
  return { name, task, path: filed.path, ...opened };
}

type Opened = Pick<Dataset, "sha256" | "count" | "items">;

function open(filed: FiledDataset): Promise<Opened> {
  const { task } = filed.manifest;
  if (task === "road-segmentation") return openPictures(filed);
  return task === "voice-activity" ? openRecordings(filed) : openLines(filed);
}

async function openPictures(filed: FiledDataset): Promise<Opened> {
  const ids = await pictureIds(filed);
  const items = async function* () {
    const seen = new Map<string, string>();
    for (const id of ids) yield readPicture(filed, { id, seen });
  };
  return { sha256: sha256Of(`${filed.text}\n${ids.join("\n")}`), count: ids.length, items };
}

async function openRecordings(filed: FiledDataset): Promise<Opened> {
  const file = await readSegments(filed);
  const ids = await recordingIds(filed, file);
  const items = async function* () {
    const seen = new Map<string, string>();
    for (const id of ids) yield readRecording(filed, { id, labels: file.labels, seen });
  };
  return { sha256: sha256Of(`${filed.text}\n${file.text}\n${ids.join("\n")}`), count: ids.length, items };
}

const FAULT_OF_LINE = { missing: "missing-label", bad: "bad-label", duplicate: "duplicate" } as const;

async function openLines({ manifest, folder, text }: FiledDataset): Promise<Opened> {
  const path = join(folder, manifest.items ?? "");
  const { count, sha256 } = await countLines(path);
  const items = async function* (): AsyncGenerator<DatasetItem> {
    for await (const line of readJsonLines(path, TASKS[manifest.task].label)) {
      if ("wrong" in line) yield { id: line.id, fault: FAULT_OF_LINE[line.wrong], message: line.message };
      else {
        const { id, value: label } = line;
        yield { id, sha256: sha256Of(JSON.stringify(label)), input: { kind: "recorded" }, label };
      }
    }
  };
  return { sha256: sha256Of(`${text}\n${sha256}`), count, items };
}

/** The lines of a file that hold something, and its hash, in one pass. */
async function countLines(path: string): Promise<{ readonly count: number; readonly sha256: string }> {
  const hash = createHash("sha256");
  let count = 0;
  let isBlank = true;
  try {
    for await (const chunk of createReadStream(path)) {
      hash.update(chunk as Uint8Array);
      for (const byte of chunk as Uint8Array) {
        if (byte === 0x0a) isBlank = true;
        else if (isBlank && byte > 0x20) {
          isBlank = false;
          count++;
        }
      }
    }
  } catch (cause) {
    throw missingInput(path, cause);
  }
  return { count, sha256: hash.digest("hex") };
}
