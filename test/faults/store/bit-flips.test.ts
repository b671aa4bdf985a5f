// Asks whether one flipped bit, in any file a store keeps, is named, never believed, and mended.

import path from "node:path";
import { beforeAll, expect, test } from "vitest";
import type { Disk } from "../../../runtime/store/disk.js";
import { errorOf } from "../../unit/store/catalogue-folder.js";
import { isWhole, tally } from "./extent.js";
import type { MemoryDisk } from "./memory-disk.js";
import {
  damagedIn,
  diskOf,
  hashAt,
  MODEL,
  makeWorld,
  placeOn,
  storeIn,
  type World,
  wrongBlobs,
} from "./store-world.js";

let world: World;
/** A disk with a store that keeps two versions. */
let template: MemoryDisk;
/** The size of every file in it, by its path in the store. */
let files: ReadonlyMap<string, number>;

beforeAll(async () => {
  world = await makeWorld();
  template = await diskOf("both", world);
  files = new Map([...template.files("store")].map(([file, bytes]) => [file, bytes.length]));
});

function open(memory: MemoryDisk) {
  return storeIn(placeOn(memory), { catalogue: world.newCatalogue, world });
}

function flip(memory: MemoryDisk, file: string, bit: number): void {
  const bytes = Buffer.from(memory.files().get(path.join("store", file)) as Buffer);
  const index = Math.floor(bit / 8) % bytes.length;
  bytes[index] = (bytes[index] ?? 0) ^ (1 << (bit % 8));
  memory.put(path.join(placeOn(memory).root, file), bytes);
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
  const kinds = new Set([...files.keys()].map((file) => file.split(path.sep)[0]));

  expect([...kinds].sort()).toEqual(["blobs", "licences", "versions"]);
  expect(files.size).toBeGreaterThanOrEqual(16);
});

test("a flipped bit anywhere is named by verify, which names nothing else, and repair mends it", async () => {
  const complaints: string[] = [];
  for (const [file, size] of files) {
    for (const bit of bitsOf(size)) {
      const memory = template.copy();
      const { root, disk } = placeOn(memory);
      const at = path.join(root, file);
      flip(memory, file, bit);
      const store = open(memory);

      const named = await damagedIn(store);
      // What is used next is right whatever was flipped, or is refused.
      const opened = await store.resolve(MODEL).catch(() => null);
      const isRight = opened === null || (await hashAt(opened.path, disk)) === opened.variant?.sha256;
      await store.verify(undefined, { repair: true });
      const after = await damagedIn(store);
      const pulled = await store.pull(MODEL);

      const where = `${file}, bit ${bit}`;
      if (named.length !== 1 || named[0] !== at) complaints.push(`${where}: named ${JSON.stringify(named)}`);
      if (!isRight) complaints.push(`${where}: a wrong file was opened`);
      if (after.length > 0) complaints.push(`${where}: not mended: ${after}`);
      if ((await wrongBlobs(root, disk)).length > 0) complaints.push(`${where}: a wrong blob is left`);
      if (pulled.manifest?.version !== "2.0.0")
        complaints.push(`${where}: ${pulled.manifest?.version} is used`);
      tally("one flipped bit at rest");
    }
  }

  expect(complaints).toEqual([]);
});

test("a file that is gone is named or not missed, repair never fails over it, and the next pull is right", async () => {
  const complaints: string[] = [];
  for (const file of files.keys()) {
    const memory = template.copy();
    const { root, disk } = placeOn(memory);
    await disk.rm(path.join(root, file));
    const store = open(memory);

    const states = (await store.verify()).filter(({ state }) => state !== "ok").map((one) => one.path);
    await store.verify(undefined, { repair: true });
    const after = await damagedIn(store);
    const pulled = await store.pull(MODEL);

    if (states.some((at) => at !== path.join(root, file))) complaints.push(`${file}: named ${states}`);
    // A version's folder came whole, so that what it lacks is damage; a blob is fetched again, a record has its copy.
    const isPartOfVersion = file
      .split(path.sep)
      .some((part, index) => index === 2 && /^[0-9a-f]{64}$/.test(part));
    if (isPartOfVersion && file.startsWith("versions") && states.length === 0)
      complaints.push(`${file}: not missed`);
    if (after.length > 0) complaints.push(`${file}: not mended: ${after}`);
    if ((await hashAt(pulled.path, disk)) !== pulled.variant?.sha256)
      complaints.push(`${file}: opened wrong`);
    tally("one file gone at rest");
  }

  expect(complaints).toEqual([]);
});

test("a file whose sectors cannot be read any more is named, and does not stand in the way of anything", async () => {
  const complaints: string[] = [];
  for (const file of files.keys()) {
    const memory = template.copy();
    const place = placeOn(memory);
    const at = path.join(place.root, file);
    const disk = { ...place.disk, open: badSectorsAt(at, place.disk) };
    const store = storeIn({ ...place, disk }, { catalogue: world.newCatalogue, world });

    const named = await damagedIn(store);
    const opened = await store.resolve(MODEL);
    const isRight = (await hashAt(opened.path, place.disk)) === opened.variant?.sha256;
    await store.verify(undefined, { repair: true });
    const after = await damagedIn(store);
    await store.pull(MODEL);

    if (named.length !== 1 || named[0] !== at) complaints.push(`${file}: named ${named}`);
    if (!isRight) complaints.push(`${file}: opened wrong`);
    if (after.length > 0) complaints.push(`${file}: not mended: ${after}`);
    tally("bad sectors of one file");
  }

  expect(complaints).toEqual([]);
});

/** Every read of the file that lies there now fails; a file that takes its place is on other sectors. */
function badSectorsAt(at: string, disk: Disk): Disk["open"] {
  const bad = new Set<number>();
  return (async (asked: string, flags: string) => {
    const handle = await disk.open(asked, flags);
    const { ino } = await disk.stat(asked);
    if (asked === at && bad.size === 0) bad.add(ino);
    if (!bad.has(ino)) return handle;
    const read = () => Promise.reject(Object.assign(new Error("EIO: i/o error, read"), { code: "EIO" }));
    return { ...handle, read };
  }) as unknown as Disk["open"];
}

test("a damaged record of a rollback is served by its copy, and two damaged ones never undo it in silence", async () => {
  const memory = template.copy();
  await open(memory).rollback(MODEL);
  const own = path.join("versions", MODEL);

  flip(memory, path.join(own, "history.ndjson"), 700);
  const served = await open(memory).resolve(MODEL);
  flip(memory, path.join(own, "history.copy.ndjson"), 700);
  const refused = await errorOf(open(memory).resolve(MODEL));
  await open(memory).verify(undefined, { repair: true });
  const forgotten = await open(memory).resolve(MODEL);

  const at = path.join(placeOn(memory).root, own, "history.ndjson");
  expect(served.manifest?.version).toBe("1.0.0");
  expect(refused).toMatchObject({ code: "STORE_HASH_MISMATCH", what: at });
  expect((refused as { hint?: string }).hint).toContain("verify --repair");
  expect(forgotten.manifest?.version).toBe("2.0.0");
});
