// Owns a small world to break stores in: two versions of a model in two catalogues, a mirror, and a look at a store
// that trusts nothing of it. Knows no fault.

import { randomBytes } from "node:crypto";
import { cp, mkdir, readdir, readFile, utimes, writeFile } from "node:fs/promises";
import path from "node:path";
import { DiskStore } from "../../../runtime/store/disk-store.js";
import { makeFolder, manifestOf, sha256Of } from "../../unit/store/catalogue-folder.js";

export const OLD = randomBytes(150_000);
export const NEW = randomBytes(170_000);
export const MODEL = "beacon";

export interface World {
  /** The catalogue of the first version, and of the second. */
  readonly oldCatalogue: string;
  readonly newCatalogue: string;
  /** A folder that serves both versions' blobs. */
  readonly mirror: string;
}

/** A version with everything a manifest may have beside its weights. */
async function catalogueOf(version: string, bytes: Uint8Array): Promise<string> {
  const folder = await makeFolder();
  const own = path.join(folder, MODEL);
  await mkdir(path.join(own, "golden"), { recursive: true });
  const words = { version, golden: "golden/values.json", card: "README.md", licenceFile: "LICENCE.txt" };
  const sources = ["https://models.invalid/beacon.onnx"];
  const manifest = manifestOf({ name: MODEL, bytes, sources, manifest: words });
  await writeFile(path.join(own, "manifest.json"), JSON.stringify(manifest));
  await writeFile(path.join(own, "golden", "values.json"), `{"version":"${version}"}`);
  await writeFile(path.join(own, "README.md"), `# ${MODEL} ${version}`);
  await writeFile(path.join(own, "LICENCE.txt"), "Do what is right.");
  return folder;
}

export async function makeWorld(): Promise<World> {
  const mirror = await makeFolder();
  const blobs = path.join(mirror, "blobs", "sha256");
  await mkdir(blobs, { recursive: true });
  for (const bytes of [OLD, NEW]) await writeFile(path.join(blobs, sha256Of(bytes)), bytes);
  const [oldCatalogue, newCatalogue] = [await catalogueOf("1.0.0", OLD), await catalogueOf("2.0.0", NEW)];
  return { oldCatalogue, newCatalogue, mirror };
}

/** A copy of a store that is cheap to make again for every fault. */
export async function copyStore(template: string): Promise<string> {
  const root = path.join(await makeFolder(), "store");
  await cp(template, root, { recursive: true, preserveTimestamps: true });
  return root;
}

/** Lets the locks of a dead process lapse without the wait: their time is set back by a minute. */
export async function lapseLocks(root: string): Promise<void> {
  const then = new Date(Date.now() - 60_000);
  for (const name of await readdir(path.join(root, "locks")).catch(() => [])) {
    await utimes(path.join(root, "locks", name), then, then);
  }
}

/** Blobs whose bytes are not what their name says, by a look that asks the store nothing. */
export async function wrongBlobs(root: string): Promise<string[]> {
  const folder = path.join(root, "blobs", "sha256");
  const names = await readdir(folder).catch(() => []);
  const hashes = await Promise.all(
    names.map(async (name) => sha256Of(await readFile(path.join(folder, name)))),
  );
  return names.filter((name, index) => name !== hashes[index]);
}

/** What a store says about itself, and what is true of it. */
export async function checkStore(given: { root: string; catalogue: string; world: World }) {
  const { root, catalogue, world } = given;
  await lapseLocks(root);
  const store = new DiskStore({ root, catalogue: [catalogue], mirror: world.mirror, offline: true });
  const damaged = (await store.verify()).filter(({ state }) => state === "damaged").map(({ path: at }) => at);
  const opened = await store.pull(MODEL);
  const isRight = sha256Of(await readFile(opened.path)) === opened.variant?.sha256;
  const after = (await store.verify()).filter(({ state }) => state === "damaged").map(({ path: at }) => at);
  const left = await readdir(path.join(root, "tmp")).catch(() => []);
  await store.close();
  return {
    damaged,
    wrong: await wrongBlobs(root),
    isRight,
    after,
    unfinished: left.filter((name) => name.endsWith(".part")),
  };
}

export const SOUND = { damaged: [], wrong: [], isRight: true, after: [], unfinished: [] };
