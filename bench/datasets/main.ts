// Describes the development assets as data sets for `redline eval`: `npm run eval:assets -- --assets ../shared/assets --out build/datasets`.

import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { assetSets } from "./asset-sets.js";

const { values } = parseArgs({
  options: {
    assets: { type: "string", default: "../shared/assets" },
    out: { type: "string", default: "build/datasets" },
  },
});

const sets = assetSets(resolve(values.assets));
for (const { name, manifest, lines } of sets) {
  const folder = join(values.out, name);
  mkdirSync(folder, { recursive: true });
  const items = lines === undefined ? {} : { items: "labels.jsonl" };
  const text = JSON.stringify({ schema: 1, name, ...manifest, ...items }, null, 2);
  writeFileSync(join(folder, "dataset.json"), `${text}\n`);
  const jsonl = lines?.map((line) => `${JSON.stringify(line)}\n`).join("");
  if (jsonl !== undefined) writeFileSync(join(folder, "labels.jsonl"), jsonl);
  console.log(`${folder}: ${manifest.task}, ${lines?.length ?? "pictures"}`);
}
if (sets.length === 0) {
  console.error(`no assets in ${resolve(values.assets)}`);
  process.exitCode = 66;
}
