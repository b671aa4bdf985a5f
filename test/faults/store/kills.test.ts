// Asks whether a store survives that its process is killed, by the system and for real, at any step it takes on the disk.

import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { blobPath } from "../../../runtime/store/blobs.js";
import { nodeDisk } from "../../../runtime/store/disk.js";
import { makeFolder, sha256Of } from "../../unit/store/catalogue-folder.js";
import { compileStore, runAct } from "./child-store.js";
import { chosenSteps, isWhole, tally } from "./extent.js";
import type { MemoryDisk } from "./memory-disk.js";
import { SCENARIOS, type Scenario, type Start } from "./scenarios.js";
import {
  ageFiles,
  checkStore,
  damagedIn,
  diskOf,
  judgeExport,
  lapseLocks,
  makeWorld,
  NEW,
  SOUND,
  storeIn,
  type World,
  wrongBlobs,
} from "./store-world.js";

let world: World;
let script: string;
const disks = new Map<Start, MemoryDisk>();

beforeAll(async () => {
  [world, script] = await Promise.all([makeWorld(), compileStore()]);
  for (const { from } of SCENARIOS) if (!disks.has(from)) disks.set(from, await diskOf(from, world));
});

/** The store a scenario starts from, on the real disk. */
async function makeBench(scenario: Scenario) {
  const folder = await makeFolder();
  for (const [file, bytes] of (disks.get(scenario.from) as MemoryDisk).files()) {
    await mkdir(path.dirname(path.join(folder, file)), { recursive: true });
    await writeFile(path.join(folder, file), bytes);
  }
  const [root, beside] = [path.join(folder, "store"), path.join(folder, "beside") + path.sep];
  const catalogue = world[scenario.catalogue];
  const job = { root, beside, catalogue, mirror: world.mirror, name: scenario.name };
  return { folder, job };
}

/** What is wrong after one kill; nothing when all promises were kept. */
async function killAt(scenario: Scenario, at: number): Promise<string[]> {
  const { folder, job } = await makeBench(scenario);
  const { root, beside, catalogue } = job;
  const given = { catalogue, world };
  const complaints: string[] = [];
  const steps = await runAct(script, { ...job, at });
  if (steps !== null) complaints.push(`ended after ${steps} steps`);
  await lapseLocks(root);
  const out = path.join(beside, "out");
  for (const left of [path.join(root, "tmp"), beside, out, path.join(out, "blobs", "sha256")])
    await ageFiles(left);

  const place = { root, disk: nodeDisk };
  const named = await damagedIn(storeIn(place, given));
  const wrong = await wrongBlobs(root);
  const before = scenario.from === "damaged blob" ? [blobPath(root, sha256Of(NEW))] : [];
  if (named.length > 1) complaints.push(`verify names ${named.join(", ")}`);
  if (scenario.from !== "damaged record" && named.some((one) => !before.includes(one)))
    complaints.push(`verify names ${named.join(", ")}`);
  if (wrong.some((one) => !named.includes(one))) complaints.push(`verify does not name ${wrong.join(", ")}`);
  const judged = async (name: string, { mustBeWhole }: { mustBeWhole: boolean }) => {
    if (scenario.leaves === undefined) return [];
    const target = `${beside}${scenario.leaves}`;
    const away = { root: path.join(folder, name), disk: nodeDisk };
    return judgeExport(away, { target, catalogue, mustBeWhole });
  };
  complaints.push(...(await judged("first copy", { mustBeWhole: scenario.beside === scenario.leaves })));
  await scenario.act(storeIn(place, given), beside).catch((error: unknown) => {
    complaints.push(`the next attempt ended with ${String(error)}`);
  });
  const found = await checkStore({ root, ...given });
  if (JSON.stringify(found) !== JSON.stringify(SOUND)) complaints.push(JSON.stringify(found));
  complaints.push(...(await judged("copy", { mustBeWhole: true })));
  const unfinished = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith(".part"));
  if (unfinished.length > 0) complaints.push(`left ${unfinished.join(", ")}`);
  await rm(folder, { recursive: true });
  return complaints.map((complaint) => `${scenario.name}: killed at ${at}: ${complaint}`);
}

describe.each(SCENARIOS)("$name", (scenario) => {
  test(
    "leaves a sound store when its process is killed at a step",
    async () => {
      const { folder, job } = await makeBench(scenario);
      const steps = (await runAct(script, { ...job, at: null })) ?? 0;
      await rm(folder, { recursive: true });
      const places = chosenSteps(steps, { count: 1, shift: Math.floor(steps / 3) });

      const complaints: string[] = [];
      const waiting = [...places];
      const work = async () => {
        for (let at = waiting.shift(); at !== undefined; at = waiting.shift())
          complaints.push(...(await killAt(scenario, at)));
      };
      await Promise.all([work(), work()]);

      expect(steps).toBeGreaterThan(20);
      expect(complaints).toEqual([]);
      tally("kill -9 of a process, at a step", places.length);
    },
    isWhole ? 900_000 : 60_000,
  );
});
