// Owns the promise of runtime/eval/datasets: whatever is wrong with a data set is told by item and kind, and nothing vanishes.

import { copyFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openDataset } from "../../../runtime/eval/datasets/dataset.js";
import { datasetJsonSchema } from "../../../runtime/eval/datasets/dataset-manifest.js";
import type { DatasetItem } from "../../../runtime/eval/datasets/item.js";

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "redline-data-"));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

async function describeSet(fields: Record<string, unknown>): Promise<void> {
  const manifest = { schema: 1, name: "set", ...fields };
  await writeFile(join(folder, "dataset.json"), JSON.stringify(manifest));
}

async function picture(
  name: string,
  given: { width?: number; height?: number; grey?: number } = {},
): Promise<void> {
  const { width = 8, height = 4, grey = 255 } = given;
  const background = { r: grey, g: grey, b: grey };
  await sharp({ create: { width, height, channels: 3, background } })
    .png()
    .toFile(join(folder, name));
}

async function itemsOf(): Promise<DatasetItem[]> {
  const found: DatasetItem[] = [];
  for await (const item of (await openDataset(folder)).items()) found.push(item);
  return found;
}

async function faultsOf(): Promise<Record<string, string>> {
  const items = await itemsOf();
  return Object.fromEntries(items.map((item) => [item.id, "fault" in item ? item.fault : "ok"]));
}

test("the published JSON Schema is the one the runtime checks with (vitest -u writes it)", async () => {
  const text = `${JSON.stringify(datasetJsonSchema(), null, 2)}\n`;

  await expect(text).toMatchFileSnapshot("../../../models/dataset.schema.json");
});

const PICTURES = { task: "road-segmentation", images: "{id}.png", masks: { lanes: "{id}.lanes.png" } };

test("every picture and every mask is one item, and what is wrong with it is its kind", async () => {
  await describeSet(PICTURES);
  await picture("good.png", { grey: 1 });
  await picture("good.lanes.png");
  await picture("no-label.png", { grey: 2 });
  await picture("no-picture.lanes.png");
  await picture("small.png", { grey: 3 });
  await picture("small.lanes.png", { width: 4 });
  await picture("twin.png", { grey: 1 });
  await picture("twin.lanes.png");
  await picture("broken.lanes.png");
  await writeFile(join(folder, "broken.png"), "no picture");
  await picture("soft.png", { grey: 4 });
  await sharp(Buffer.from(Array.from({ length: 32 }, (_, i) => 8 * i)), {
    raw: { width: 8, height: 4, channels: 1 },
  })
    .png()
    .toFile(join(folder, "soft.lanes.png"));

  expect(await faultsOf()).toEqual({
    broken: "unreadable",
    good: "ok",
    "no-label": "missing-label",
    "no-picture": "missing-input",
    small: "wrong-size",
    soft: "bad-label",
    twin: "duplicate",
  });
});

test("a picture's hash changes with its label", async () => {
  await describeSet(PICTURES);
  await picture("a.png", { grey: 9 });
  await picture("a.lanes.png");
  const [before] = await itemsOf();
  await picture("a.lanes.png", { grey: 0 });

  const [after] = await itemsOf();

  expect(before).toMatchObject({ id: "a", input: { kind: "image", width: 8 } });
  expect((after as { sha256: string }).sha256).not.toBe((before as { sha256: string }).sha256);
});

test("recordings without a line, lines without a recording and lines that are no segments are told", async () => {
  await mkdir(join(folder, "clips"));
  await describeSet({ task: "voice-activity", audio: "clips/{id}.wav", segments: "speech.tsv" });
  for (const id of ["spoken", "unlabelled", "bad", "silent", "crossed"]) {
    await writeFile(join(folder, "clips", `${id}.wav`), `sound of ${id}`);
  }
  await copyFile(join(folder, "clips/spoken.wav"), join(folder, "clips/twin.wav"));
  const lines = [
    "id\tstart_ms\tend_ms",
    "spoken\t900\t1200",
    "spoken\t100\t300",
    "absent\t0\t1",
    "bad\t500\t400",
    "silent\t\t",
    "crossed\t0\t500",
    "crossed\t400\t600",
    "twin\t0\t1",
  ];
  await writeFile(join(folder, "speech.tsv"), `${lines.join("\n")}\n`);

  expect(await faultsOf()).toEqual({
    absent: "missing-input",
    bad: "bad-label",
    crossed: "bad-label",
    silent: "ok",
    spoken: "ok",
    twin: "duplicate",
    unlabelled: "missing-label",
  });
  const spoken = (await itemsOf()).find(({ id }) => id === "spoken");
  expect(spoken).toMatchObject({
    label: {
      segments: [
        [100, 300],
        [900, 1200],
      ],
    },
  });
});

test("lines of labels are read past what is wrong with one", async () => {
  await describeSet({ task: "multiple-choice", items: "labels.jsonl" });
  const lines = [
    '{"id": "a", "options": ["A", "B"], "correct": "B"}',
    "not json",
    '{"id": "b"}',
    '{"id": "c", "options": ["A", "B"], "correct": "C"}',
    '{"id": "a", "options": ["A", "B"], "correct": "A"}',
    '{"options": ["A", "B"], "correct": "A"}',
  ];
  await writeFile(join(folder, "labels.jsonl"), lines.join("\n"));

  const dataset = await openDataset(folder);

  expect(dataset.count).toBe(6);
  expect(await faultsOf()).toEqual({
    a: "ok",
    "line 2": "bad-label",
    b: "missing-label",
    c: "bad-label",
    "a (line 5)": "duplicate",
    "line 6": "bad-label",
  });
});

test("an empty data set is an error", async () => {
  await describeSet(PICTURES);
  await expect(openDataset(folder)).rejects.toMatchObject({ code: "DATASET_EMPTY" });

  await describeSet({ task: "intent", items: "labels.jsonl" });
  await writeFile(join(folder, "labels.jsonl"), "\n \n");
  await expect(openDataset(folder)).rejects.toMatchObject({ code: "DATASET_EMPTY" });
});

test.each([
  [{ task: "intent", images: "{id}.png" }, "images"],
  [{ task: "road-segmentation", images: "{id}.png" }, "masks"],
  [{ task: "road-segmentation", images: "frames/*.png", masks: { lanes: "{id}.png" } }, "images"],
  [{ task: "smelling", items: "x.jsonl" }, "task"],
  [{ task: "intent", items: "x.jsonl", extra: 1 }, "whole document"],
])("a description that does not fit its task is refused by field: %j", async (fields, field) => {
  await describeSet(fields);

  await expect(openDataset(folder)).rejects.toMatchObject({
    code: "DATASET_INVALID",
    what: expect.stringContaining(field),
  });
});

test("a description, a file of labels or a folder that is not there is named", async () => {
  await expect(openDataset(join(folder, "none"))).rejects.toMatchObject({ code: "SOURCE_MISSING" });
  await describeSet({ task: "intent", items: "none.jsonl" });
  await expect(openDataset(folder)).rejects.toMatchObject({ code: "SOURCE_MISSING" });
  await describeSet({ ...PICTURES, images: "none/{id}.png" });
  await expect(openDataset(folder)).rejects.toMatchObject({ code: "SOURCE_MISSING" });
  await writeFile(join(folder, "dataset.json"), "{");
  await expect(openDataset(folder)).rejects.toMatchObject({ code: "DATASET_INVALID" });
});
