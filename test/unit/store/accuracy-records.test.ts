// Owns the promise of runtime/store/accuracy-records.ts: a refusal follows the file's content, and damage never admits.

import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type AccuracyRecord, AccuracyRecords } from "../../../runtime/store/accuracy-records.js";

const CONTENT = Buffer.from("weights");
const FILE = { sha256: createHash("sha256").update(CONTENT).digest("hex"), bytes: CONTENT.length };

let root: string;
let records: AccuracyRecords;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "redline-accuracy-"));
  records = new AccuracyRecords(root);
});

afterEach(() => rm(root, { recursive: true, force: true }));

function record(state: AccuracyRecord["state"]): AccuracyRecord {
  return {
    ...{ schema: 1, ...FILE, model: "other.onnx", gate: "road-seg 1.0.0", state },
    reasons: state === "refused" ? ["drivable-iou 0.2, at least 0.7"] : [],
    ...{ checks: [], dataSha256: "d", items: 24, decidedAt: "2026-01-01T00:00:00.000Z" },
  };
}

test("a file nobody judged, or that was admitted, is let through", async () => {
  await records.requireAdmitted(FILE, "other");
  await records.write(record("admitted"));

  await records.requireAdmitted(FILE, "other");
});

test("a refused file is refused by its hash, by its path under any name, and by its bytes, with the reasons", async () => {
  await records.write(record("refused"));
  const path = join(root, "renamed.onnx");
  await writeFile(path, CONTENT);

  for (const file of [FILE, { path, bytes: FILE.bytes }, { content: CONTENT }]) {
    await expect(records.requireAdmitted(file, "renamed")).rejects.toMatchObject({
      code: "MODEL_QUARANTINED",
      received: "drivable-iou 0.2, at least 0.7",
    });
  }
});

test("another file of the same size is let through", async () => {
  await records.write(record("refused"));

  await records.requireAdmitted({ content: Buffer.from("WEIGHTS") }, "another");
});

test("a later verdict takes the place of the earlier one", async () => {
  await records.write(record("refused"));
  await records.write(record("admitted"));

  await records.requireAdmitted(FILE, "other");
});

test("a damaged verdict refuses and names its file", async () => {
  await records.write(record("admitted"));
  const at = records.pathOf(FILE);
  await writeFile(at, (await readFile(at, "utf8")).replace("admitted", "Admitted"));

  await expect(records.requireAdmitted(FILE, "other")).rejects.toMatchObject({
    code: "MODEL_QUARANTINED",
    received: expect.stringContaining(at),
  });
});
