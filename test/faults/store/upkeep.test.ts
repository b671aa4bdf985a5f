// Asks whether the store's upkeep (licence, rollback, repair, collection) asks a real server for what is missing, and for
// nothing else, also when several processes do it at once.

import { readFile, rm, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { blobPath } from "../../../runtime/store/blobs.js";
import type { LicenceNotice } from "../../../runtime/store/licence.js";
import { openStore } from "../../../runtime/store/store.js";
import { errorOf, makeFolder, sha256Of } from "../../unit/store/catalogue-folder.js";
import { type BlobServer, startBlobServer } from "./blob-server.js";
import { answersOf, compileStore, startChild } from "./child-store.js";
import { tally } from "./extent.js";
import { MODEL, makeWorld, NEW, OLD, type World, wrongBlobs } from "./store-world.js";

let world: World;
let server: BlobServer;
let root: string;
let licences: LicenceNotice[];

beforeAll(async () => {
  world = await makeWorld();
  server = await startBlobServer(
    new Map([OLD, NEW].map((bytes) => [`/blobs/sha256/${sha256Of(bytes)}`, bytes])),
  );
});

afterAll(() => server.close());

beforeEach(async () => {
  root = path.join(await makeFolder(), "store");
  licences = [];
  server.behave({});
});

const open = (catalogue: string) =>
  openStore({
    root,
    catalogue: [catalogue],
    mirror: server.url,
    onLicence: (notice) => licences.push(notice),
  });

/** Which blobs the server is asked for while something is done. */
async function askedDuring(act: () => Promise<unknown>): Promise<string[]> {
  const before = server.requests.length;
  await act();
  return server.requests.slice(before).map(({ path: at }) => path.posix.basename(at));
}

test("the first pull shows and records the licence, the next version's pull finds it on record", async () => {
  await open(world.oldCatalogue).pull(MODEL);
  await open(world.newCatalogue).pull(MODEL);

  expect(licences).toMatchObject([{ model: MODEL, version: "1.0.0", licence: "Apache-2.0" }]);
  expect(await readFile(licences[0]?.textPath ?? "", "utf8")).toBe("Do what is right.");
  expect(await readFile(licences[0]?.recordPath ?? "", "utf8")).toContain('"licence":"Apache-2.0"');
});

test("a rollback fetches what is no longer there, and changes nothing when it cannot", async () => {
  for (const catalogue of [world.oldCatalogue, world.newCatalogue]) await open(catalogue).pull(MODEL);
  await rm(blobPath(root, sha256Of(OLD)));
  server.behave({ cutAt: 1000 });

  const refused = await errorOf(open(world.newCatalogue).rollback(MODEL));
  const between = (await open(world.newCatalogue).resolve(MODEL)).manifest?.version;
  server.behave({});
  const asked = await askedDuring(() => open(world.newCatalogue).rollback(MODEL));
  const after = await open(world.newCatalogue).resolve(MODEL);

  expect(refused).toMatchObject({ code: "STORE_SOURCE_FAILED" });
  expect(between).toBe("2.0.0");
  expect(asked).toEqual([sha256Of(OLD)]);
  expect(after.manifest?.version).toBe("1.0.0");
  expect(sha256Of(await readFile(after.path))).toBe(sha256Of(OLD));
});

test("a repair fetches what is damaged, in versions of now and before, and nothing else", async () => {
  for (const catalogue of [world.oldCatalogue, world.newCatalogue]) await open(catalogue).pull(MODEL);
  await writeFile(blobPath(root, sha256Of(OLD)), "damaged");

  const asked = await askedDuring(() => open(world.newCatalogue).verify(undefined, { repair: true }));
  const states = (await open(world.newCatalogue).verify()).map(({ state }) => state);

  expect(asked).toEqual([sha256Of(OLD)]);
  expect(states).toEqual(["ok", "ok"]);
  expect(await readFile(path.join(root, "quarantine", sha256Of(OLD)), "utf8")).toBe("damaged");
});

test("a budget takes the version before, which the next rollback fetches again", async () => {
  for (const catalogue of [world.oldCatalogue, world.newCatalogue]) await open(catalogue).pull(MODEL);

  const { removed, isWithinBudget } = await open(world.newCatalogue).collect({ budgetBytes: NEW.length });
  const asked = await askedDuring(() => open(world.newCatalogue).rollback(MODEL));

  expect(removed).toMatchObject([{ path: blobPath(root, sha256Of(OLD)), reason: "previous" }]);
  expect(isWithinBudget).toBe(true);
  expect(asked).toEqual([sha256Of(OLD)]);
});

test("a collection passes over what another process is fetching at that moment", async () => {
  server.behave({ pieceMs: 20 });
  const script = await compileStore();
  const env = { REDLINE_MIRROR: server.url };
  const child = startChild(script, { root, catalogue: world.newCatalogue, names: [MODEL], env });
  await child.until((line) => (line.progress?.receivedBytes ?? 0) > 20_000);

  const { removed } = await open(world.newCatalogue).collect({ budgetBytes: 0, force: true });
  await child.ended;

  expect(removed).toEqual([]);
  expect(answersOf(child)[MODEL]).toMatchObject({ path: blobPath(root, sha256Of(NEW)) });
  expect((await stat(blobPath(root, sha256Of(NEW)))).size).toBe(NEW.length);
});

test("four processes that find the same file damaged fetch it once", async () => {
  await open(world.newCatalogue).pull(MODEL);
  await writeFile(blobPath(root, sha256Of(NEW)), "damaged");
  server.behave({ pieceMs: 5 });
  const script = await compileStore();
  const job = { root, catalogue: world.newCatalogue, names: [MODEL], env: { REDLINE_MIRROR: server.url } };

  const asked = await askedDuring(async () => {
    const children = Array.from({ length: 4 }, () => startChild(script, job));
    const ends = await Promise.all(children.map(({ ended }) => ended));
    expect(ends).toEqual(children.map(() => ({ status: 0, stderr: "" })));
  });

  expect(asked).toEqual([sha256Of(NEW)]);
  expect(await wrongBlobs(root)).toEqual([]);
  tally("several processes at once", 4);
});
