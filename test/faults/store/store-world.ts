// Owns a small world to break stores in: two versions of a model in two catalogues, a mirror, stores to start from, and a
// look at a store that trusts nothing of it. Knows no fault.

import { createHash, randomBytes, randomUUID } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { blobPath, type Place } from "../../../runtime/store/blobs.js";
import { namesIn, nodeDisk, readChunks, writeNew } from "../../../runtime/store/disk.js";
import { DiskStore } from "../../../runtime/store/disk-store.js";
import { historyPaths } from "../../../runtime/store/history.js";
import { makeFolder, manifestOf, sha256Of } from "../../unit/store/catalogue-folder.js";
import { MemoryDisk } from "./memory-disk.js";
import { MODEL, type Start } from "./scenarios.js";

export { MODEL } from "./scenarios.js";

export const OLD = randomBytes(150_000);
export const NEW = randomBytes(170_000);

/** A number that no process has: the largest a system gives is one less. */
const NOBODY = 4_194_305;

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

/** A store of this world; a dead process's lock, which nobody lets lapse, is an error after a second. */
export function storeIn(
  { root, disk }: Place,
  { catalogue, world }: { readonly catalogue: string; readonly world: World },
): DiskStore {
  const options = { root, catalogue: [catalogue], mirror: world.mirror, offline: true, lockTimeoutMs: 1000 };
  return new DiskStore(options, disk);
}

/** Where a store lies on a disk, and what lies beside it. */
export function placeOn(memory: MemoryDisk): Place & { readonly beside: string } {
  const { root, disk } = memory;
  return { root: path.join(root, "store"), disk, beside: path.join(root, "beside") + path.sep };
}

/** A disk with a store in the state an act starts from, and an export of two versions beside it, in both forms. */
export async function diskOf(start: Start, world: World): Promise<MemoryDisk> {
  const memory = new MemoryDisk();
  const { root, disk, beside } = placeOn(memory);
  const fill = async (at: string, catalogues: readonly string[]) => {
    for (const catalogue of catalogues) await storeIn({ root: at, disk }, { catalogue, world }).pull(MODEL);
  };
  const { oldCatalogue, newCatalogue } = world;
  const elsewhere = path.join(memory.root, "elsewhere");
  await fill(elsewhere, [oldCatalogue, newCatalogue]);
  const other = storeIn({ root: elsewhere, disk }, { catalogue: newCatalogue, world });
  for (const name of ["in", "in.tar"]) await other.export(`${beside}${name}`);
  await disk.rm(elsewhere, { recursive: true });
  await disk.mkdir(root, { recursive: true });
  if (start === "empty") return memory;
  await fill(root, start === "old" || start === "leftover" ? [oldCatalogue] : [oldCatalogue, newCatalogue]);
  if (start === "leftover") {
    const at = path.join(root, "tmp", `${sha256Of(NEW)}.${NOBODY}.${randomUUID()}.part`);
    await writeNew(disk, at, NEW.subarray(0, NEW.length / 3));
    await ageFiles(path.dirname(at), disk);
  }
  if (start === "damaged blob") memory.put(blobPath(root, sha256Of(NEW)), OLD);
  if (start === "damaged record")
    memory.put(historyPaths(root, MODEL)[0], Buffer.from("sha256 of nothing\n"));
  return memory.copy();
}

/** Lets the locks of a dead process lapse without the wait: their time is set back by a minute. */
export async function lapseLocks(root: string, disk = nodeDisk): Promise<void> {
  const then = new Date(Date.now() - 60_000);
  const folder = path.join(root, "locks");
  for (const name of await namesIn(disk, folder)) await disk.utimes(path.join(folder, name), then, then);
}

/** Lets the minute pass that a store gives what a dead process left. */
export async function ageFiles(folder: string, disk = nodeDisk): Promise<void> {
  const then = new Date(Date.now() - 61_000);
  for (const name of await namesIn(disk, folder)) await disk.utimes(path.join(folder, name), then, then);
}

/** The hash of a file, by a look that asks the store nothing. */
export async function hashAt(at: string, disk = nodeDisk): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of readChunks(disk, at)) hash.update(chunk);
  return hash.digest("hex");
}

/** Blobs whose bytes are not what their name says. */
export async function wrongBlobs(root: string, disk = nodeDisk): Promise<string[]> {
  const folder = path.join(root, "blobs", "sha256");
  const wrong: string[] = [];
  for (const name of await namesIn(disk, folder)) {
    const at = path.join(folder, name);
    if ((await hashAt(at, disk)) !== name) wrong.push(at);
  }
  return wrong;
}

/** The files that `verify` calls damaged. */
export async function damagedIn(store: DiskStore): Promise<string[]> {
  return (await store.verify()).filter(({ state }) => state === "damaged").map(({ path: at }) => at);
}

/**
 * What is wrong with an export that may not have been finished: it is refused as such, or every model of it opens on a
 * machine that has nothing else.
 */
export async function judgeExport(
  { root, disk }: Place,
  given: { readonly target: string; readonly catalogue: string; readonly mustBeWhole: boolean },
): Promise<string[]> {
  const away = new DiskStore({ root, catalogue: [given.catalogue], offline: true }, disk);
  const error = await away.import(given.target).then(
    () => null,
    (reason: { code?: string }) => reason,
  );
  if (error !== null) {
    const isTold = error.code === "STORE_EXPORT_INVALID" && !given.mustBeWhole;
    const taken = await namesIn(disk, path.join(root, "blobs", "sha256"));
    return isTold && taken.length === 0 ? [] : [`import: ${String(error)}, ${taken.length} blobs taken`];
  }
  const opened = await away.resolve(MODEL);
  const isRight = (await hashAt(opened.path, disk)) === opened.variant?.sha256;
  const damaged = await damagedIn(away);
  return isRight && damaged.length === 0 ? [] : [`import: opened ${opened.path}, damaged ${damaged}`];
}

/** What a store says about itself, and what is true of it. */
export async function checkStore(given: {
  readonly root: string;
  readonly disk?: Place["disk"];
  readonly catalogue: string;
  readonly world: World;
}) {
  const { root, disk = nodeDisk, catalogue, world } = given;
  await lapseLocks(root, disk);
  const store = storeIn({ root, disk }, { catalogue, world });
  const damaged = await damagedIn(store);
  const opened = await store.pull(MODEL);
  const isRight = (await hashAt(opened.path, disk)) === opened.variant?.sha256;
  const after = await damagedIn(store);
  await store.close();
  const left = await namesIn(disk, path.join(root, "tmp"));
  // What this very process was made to leave in the middle of its work looks like the work of a living one.
  const isMine = (name: string) => name.includes(`.${process.pid}.`) && !name.endsWith(".part");
  return {
    damaged,
    wrong: await wrongBlobs(root, disk),
    isRight,
    after,
    left: left.filter((name) => !isMine(name)),
  };
}

export const SOUND = { damaged: [], wrong: [], isRight: true, after: [], left: [] };
