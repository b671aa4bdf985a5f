// Asks whether a store survives a failure at every step it takes on the disk, whatever it was doing: an error of the
// system, or an end of the process there, or in the middle of a write.

import { mkdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { RedlineError } from "../../../runtime/core/errors.js";
import { blobPath } from "../../../runtime/store/blobs.js";
import type { Disk } from "../../../runtime/store/disk.js";
import { DiskStore } from "../../../runtime/store/disk-store.js";
import { makeFolder, sha256Of } from "../../unit/store/catalogue-folder.js";
import { isWhole, tally } from "./extent.js";
import { type Fault, faultyDisk, Killed } from "./faulty-disk.js";
import {
  checkStore,
  copyStore,
  lapseLocks,
  MODEL,
  makeWorld,
  NEW,
  OLD,
  SOUND,
  type World,
} from "./store-world.js";

const FAULTS: readonly Fault[] = ["ENOSPC", "EACCES", "EROFS", "EIO", "die", "tear"];

/** Where one attempt works. */
interface Bench {
  readonly root: string;
  /** A folder beside the store, for exports. */
  readonly beside: string;
}

interface Scenario {
  readonly name: string;
  /** Which store it starts from. */
  readonly from: keyof Templates;
  readonly catalogue: "oldCatalogue" | "newCatalogue";
  readonly act: (store: DiskStore, bench: Bench) => Promise<unknown>;
  /** Further damage done before it starts. */
  readonly prepare?: (bench: Bench) => Promise<unknown>;
}

/** Stores to start from: nothing, the first version, both. */
interface Templates {
  readonly empty: string;
  readonly old: string;
  readonly both: string;
}

const damage = ({ root }: Bench) => writeFile(blobPath(root, sha256Of(NEW)), OLD);
const exported = async ({ beside }: Bench, file: string) => {
  const store = new DiskStore({ root: templates.both, catalogue: [world.newCatalogue], offline: true });
  await store.export(path.join(beside, file));
};

const SCENARIOS: readonly Scenario[] = [
  { name: "first pull", from: "empty", catalogue: "oldCatalogue", act: (store) => store.pull(MODEL) },
  {
    name: "pull of the next version",
    from: "old",
    catalogue: "newCatalogue",
    act: (store) => store.pull(MODEL),
  },
  {
    name: "pull over a damaged blob",
    from: "both",
    catalogue: "newCatalogue",
    prepare: damage,
    act: (store) => store.pull(MODEL),
  },
  {
    name: "verify --repair",
    from: "both",
    catalogue: "newCatalogue",
    prepare: damage,
    act: (store) => store.verify(undefined, { repair: true }),
  },
  { name: "rollback", from: "both", catalogue: "newCatalogue", act: (store) => store.rollback(MODEL) },
  {
    name: "gc to nothing",
    from: "both",
    catalogue: "newCatalogue",
    act: (store) => store.collect({ budgetBytes: 0, force: true }),
  },
  {
    name: "export to a folder",
    from: "both",
    catalogue: "newCatalogue",
    act: (store, { beside }) => store.export(path.join(beside, "out")),
  },
  {
    name: "export to a tar file",
    from: "both",
    catalogue: "newCatalogue",
    act: (store, { beside }) => store.export(path.join(beside, "out.tar")),
  },
  {
    name: "import of a folder",
    from: "old",
    catalogue: "newCatalogue",
    prepare: (bench) => exported(bench, "in"),
    act: (store, { beside }) => store.import(path.join(beside, "in")),
  },
  {
    name: "import of a tar file",
    from: "empty",
    catalogue: "newCatalogue",
    prepare: (bench) => exported(bench, "in.tar"),
    act: (store, { beside }) => store.import(path.join(beside, "in.tar")),
  },
];

let world: World;
let templates: Templates;

beforeAll(async () => {
  world = await makeWorld();
  const empty = path.join(await makeFolder(), "store");
  await mkdir(empty);
  const fill = async (catalogues: readonly string[]) => {
    const root = path.join(await makeFolder(), "store");
    for (const catalogue of catalogues) {
      await new DiskStore({ root, catalogue: [catalogue], mirror: world.mirror, offline: true }).pull(MODEL);
    }
    return root;
  };
  const { oldCatalogue, newCatalogue } = world;
  templates = { empty, old: await fill([oldCatalogue]), both: await fill([oldCatalogue, newCatalogue]) };
});

async function makeBench(scenario: Scenario): Promise<Bench> {
  const root = await copyStore(templates[scenario.from]);
  const bench = { root, beside: path.join(path.dirname(root), "beside") };
  await mkdir(bench.beside);
  await scenario.prepare?.(bench);
  return bench;
}

function storeOn(scenario: Scenario, { bench, disk }: { bench: Bench; disk?: Disk }): DiskStore {
  const options = {
    root: bench.root,
    catalogue: [world[scenario.catalogue]],
    mirror: world.mirror,
    offline: true,
  };
  return new DiskStore(options, disk);
}

/** How many steps a scenario takes when nothing fails. */
async function stepsOf(scenario: Scenario): Promise<number> {
  const bench = await makeBench(scenario);
  const counted = faultyDisk(null);
  await scenario.act(storeOn(scenario, { bench, disk: counted.disk }), bench);
  await rm(path.dirname(bench.root), { recursive: true });
  return counted.steps.length;
}

/** What is wrong after one fault; nothing when all promises were kept. */
async function breakAt(scenario: Scenario, plan: { at: number; fault: Fault }): Promise<string[]> {
  const bench = await makeBench(scenario);
  const faulty = faultyDisk(plan);
  const complaints: string[] = [];
  const outcome = await scenario.act(storeOn(scenario, { bench, disk: faulty.disk }), bench).then(
    () => null,
    (error: unknown) => error,
  );
  const where = `${scenario.name}: ${plan.fault} at ${plan.at}, ${faulty.steps[plan.at - 1]}`;
  const isTold = outcome === null || outcome instanceof RedlineError || outcome instanceof Killed;
  if (!isTold) complaints.push(`${where}: ended with ${String(outcome)}`);
  await lapseLocks(bench.root);
  const again = await scenario.act(storeOn(scenario, { bench }), bench).catch((error: unknown) => {
    // A rollback that had already happened is undone by the next one; anything else must work.
    complaints.push(`${where}: the next attempt ended with ${String(error)}`);
    return null;
  });
  const catalogue = world[scenario.catalogue];
  const found = await checkStore({ root: bench.root, catalogue, world });
  if (JSON.stringify(found) !== JSON.stringify(SOUND)) complaints.push(`${where}: ${JSON.stringify(found)}`);
  if (again !== null && scenario.name.startsWith("export")) {
    const target = (again as { target: string }).target;
    const copy = new DiskStore({
      root: path.join(bench.beside, "copy"),
      catalogue: [catalogue],
      offline: true,
    });
    await copy
      .import(target)
      .catch((error: unknown) => complaints.push(`${where}: import: ${String(error)}`));
  }
  await rm(path.dirname(bench.root), { recursive: true });
  return complaints;
}

/** Every step, or about `count` of them spread over the whole, another set for each fault. */
function chosen(steps: number, { count, shift }: { count: number; shift: number }): number[] {
  const all = Array.from({ length: steps }, (_, index) => index + 1);
  if (isWhole || steps <= count) return all;
  const stride = Math.ceil(steps / count);
  return all.filter((step) => step % stride === shift % stride);
}

describe.each(SCENARIOS)("$name", (scenario) => {
  test.each(FAULTS)(
    "leaves a sound store when a step ends with %s",
    async (fault) => {
      const steps = await stepsOf(scenario);
      const places = chosen(steps, { count: 2, shift: FAULTS.indexOf(fault) });

      const complaints: string[] = [];
      for (const at of places) complaints.push(...(await breakAt(scenario, { at, fault })));

      expect(steps).toBeGreaterThan(20);
      expect(complaints).toEqual([]);
      tally(`${scenario.name}: ${fault}`, places.length);
    },
    isWhole ? 600_000 : 60_000,
  );
});
