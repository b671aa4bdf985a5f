// Owns the proof that the assets' own labels are read whole as data sets, and that real sentences are measured as counted by hand.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type AssetSet, assetSets } from "../../../bench/datasets/asset-sets.js";
import { runEval } from "../../../runtime/eval/run-eval.js";
import { hasAssets } from "../../e2e/development-assets.js";

const ASSETS = resolve(import.meta.dirname, "../../../../shared/assets");

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "redline-assets-"));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

const jsonl = (lines: readonly object[]): string => lines.map((line) => `${JSON.stringify(line)}\n`).join("");

/** Writes a set, and one answer for each of its lines. */
async function answered(set: AssetSet, answer: (line: Record<string, unknown>) => object) {
  const lines = set.lines ?? [];
  const data = join(folder, `${set.name}.json`);
  const manifest = { schema: 1, name: set.name, ...set.manifest, items: `${set.name}.jsonl` };
  await writeFile(data, JSON.stringify(manifest));
  await writeFile(join(folder, `${set.name}.jsonl`), jsonl(lines));
  const predictions = join(folder, `${set.name}.answers.jsonl`);
  await writeFile(predictions, jsonl(lines.map((line) => ({ id: line.id, ...answer(line) }))));
  return { data, predictions };
}

test("a folder without assets describes nothing", () => {
  expect(assetSets(join(ASSETS, "none"))).toEqual([]);
});

describe.skipIf(!hasAssets("text/slurp"))("with the development assets", () => {
  const setOf = (name: string) => assetSets(ASSETS).find((set) => set.name === name) as AssetSet;

  test("every sentence of SLURP and SNIPS is an item with its intent, and a guess of one intent is right as often as it occurs", async () => {
    for (const name of ["slurp", "snips"]) {
      const set = setOf(name);
      const intents = (set.lines ?? []).map((line) => line.intent);
      const guess = intents[0];
      const expected = intents.filter((intent) => intent === guess).length / intents.length;

      const summary = await runEval(await answered(set, () => ({ intent: guess, slots: {} })));

      expect(summary).toMatchObject({ items: intents.length, isComplete: true });
      expect(intents.length).toBeGreaterThan(600);
      expect(summary.metrics.accuracy).toBeCloseTo(expected, 12);
      expect(summary.metrics["slot-recall"]).toBe(0);
    }
  });

  test("labels given back as answers are right in every set", async () => {
    for (const name of ["coffee-orders", "spoken-digits", "transcripts"]) {
      const set = setOf(name);

      const { metrics, items } = await runEval(
        await answered(set, ({ id: _, input: __, ...label }) => label),
      );

      expect(items, name).toBe(set.lines?.length);
      expect(metrics.accuracy ?? 1 - metrics["word-error-rate"]!, name).toBe(1);
    }
  });
});
