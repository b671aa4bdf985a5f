// Asks whether one flipped bit, in any file a store keeps, is named, never believed, and mended.

import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { beforeAll, expect, test } from "vitest";
import { DiskStore } from "../../../runtime/store/disk-store.js";
import { errorOf, makeFolder, sha256Of } from "../../unit/store/catalogue-folder.js";
import { isWhole, tally } from "./extent.js";
import { copyStore, MODEL, makeWorld, type World, wrongBlobs } from "./store-world.js";

let world: World;
/** A store that keeps two versions. */
let template: string;
/** Every file in it, from its folder. */
let files: string[];

beforeAll(async () => {
  world = await makeWorld();
  template = path.join(await makeFolder(), "store");
  for (const catalogue of [world.oldCatalogue, world.newCatalogue])
    await open(template, catalogue).pull(MODEL);
  const names = await readdir(template, { recursive: true });
  const isFile = await Promise.all(
    names.map(async (name) => (await stat(path.join(template, name))).isFile()),
  );
  files = names.filter((_, index) => isFile[index]).sort();
});

function open(root: string, catalogue: string): DiskStore {
  return new DiskStore({ root, catalogue: [catalogue], mirror: world.mirror, offline: true });
}

async function flip(at: string, bit: number): Promise<void> {
  const bytes = await readFile(at);
  const index = Math.floor(bit / 8) % bytes.length;
  bytes[index] = (bytes[index] ?? 0) ^ (1 << (bit % 8));
  await writeFile(at, bytes);
}

/** Bits spread over a file: the first, the last, and some between. */
function bitsOf(bytes: number): number[] {
  const count = isWhole ? 12 : 2;
  const between = Array.from({ length: count }, (_, index) =>
    Math.floor(((index + 0.5) * bytes * 8) / count),
  );
  return [0, ...between, bytes * 8 - 1];
}

test("a store of two versions holds blobs, records, companions and a licence", () => {
  const kinds = new Set(files.map((file) => file.split(path.sep)[0]));

  expect([...kinds].sort()).toEqual(["blobs", "licences", "versions"]);
  expect(files.length).toBeGreaterThanOrEqual(16);
});

test("a flipped bit anywhere is named by verify, which names nothing else, and repair mends it", async () => {
  const complaints: string[] = [];
  for (const file of files) {
    const { size } = await stat(path.join(template, file));
    for (const bit of bitsOf(size)) {
      const root = await copyStore(template);
      const at = path.join(root, file);
      await flip(at, bit);
      const store = open(root, world.newCatalogue);

      const named = (await store.verify()).filter(({ state }) => state === "damaged").map((one) => one.path);
      // What is used next is right whatever was flipped, or is refused.
      const opened = await store.resolve(MODEL).catch(() => null);
      const isRight = opened === null || sha256Of(await readFile(opened.path)) === opened.variant?.sha256;
      await store.verify(undefined, { repair: true });
      const after = (await store.verify()).filter(({ state }) => state === "damaged");
      const pulled = await store.pull(MODEL);

      const where = `${file}, bit ${bit}`;
      if (named.length !== 1 || named[0] !== at) complaints.push(`${where}: named ${JSON.stringify(named)}`);
      if (!isRight) complaints.push(`${where}: a wrong file was opened`);
      if (after.length > 0) complaints.push(`${where}: not mended: ${JSON.stringify(after)}`);
      if ((await wrongBlobs(root)).length > 0) complaints.push(`${where}: a wrong blob is left`);
      if (pulled.manifest?.version !== "2.0.0")
        complaints.push(`${where}: ${pulled.manifest?.version} is used`);
      tally("one flipped bit at rest");
    }
  }

  expect(complaints).toEqual([]);
});

test("a damaged record of a rollback is served by its copy, and two damaged ones never undo it in silence", async () => {
  const root = await copyStore(template);
  await open(root, world.newCatalogue).rollback(MODEL);
  const folder = path.join(root, "versions", MODEL);

  await flip(path.join(folder, "history.ndjson"), 700);
  const served = await open(root, world.newCatalogue).resolve(MODEL);
  await flip(path.join(folder, "history.copy.ndjson"), 700);
  const refused = await errorOf(open(root, world.newCatalogue).resolve(MODEL));
  await open(root, world.newCatalogue).verify(undefined, { repair: true });
  const forgotten = await open(root, world.newCatalogue).resolve(MODEL);

  expect(served.manifest?.version).toBe("1.0.0");
  expect(refused).toMatchObject({ code: "STORE_HASH_MISMATCH", what: path.join(folder, "history.ndjson") });
  expect((refused as { hint?: string }).hint).toContain("verify --repair");
  expect(forgotten.manifest?.version).toBe("2.0.0");
});
