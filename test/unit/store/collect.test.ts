// Asks whether collecting frees what nobody can use, keeps to its budget, and never takes a model in use unasked.

import { mkdir, readdir, utimes, writeFile } from "node:fs/promises";
import path from "node:path";
import { beforeEach, expect, test } from "vitest";
import { blobPath } from "../../../runtime/store/blobs.js";
import { openStore } from "../../../runtime/store/store.js";
import { makeCatalogue, makeFolder, sha256Of } from "./catalogue-folder.js";

const CURRENT = Buffer.alloc(1000, 1);
const PREVIOUS = Buffer.alloc(900, 2);
const STRAY = Buffer.alloc(800, 3);

let root: string;
let catalogue: string;

async function put(bytes: Uint8Array, usedDaysAgo: number): Promise<string> {
  const at = blobPath(root, sha256Of(bytes));
  await mkdir(path.dirname(at), { recursive: true });
  await writeFile(at, bytes);
  const then = new Date(Date.now() - usedDaysAgo * 86_400_000);
  await utimes(at, then, then);
  return at;
}

const offer = (version: string, bytes: Uint8Array) =>
  makeCatalogue([
    { name: "beacon", bytes, sources: ["https://models.invalid/a.onnx"], manifest: { version } },
  ]);

beforeEach(async () => {
  root = path.join(await makeFolder(), "store");
  const source = await makeFolder();
  for (const bytes of [CURRENT, PREVIOUS]) {
    await mkdir(path.join(source, "blobs", "sha256"), { recursive: true });
    await writeFile(blobPath(source, sha256Of(bytes)), bytes);
  }
  catalogue = await offer("2.0.0", CURRENT);
  for (const folder of [await offer("1.0.0", PREVIOUS), catalogue]) {
    await openStore({ root, catalogue: [folder], mirror: source, offline: true }).pull("beacon");
  }
  // The model in use was used longest ago: being in use is what protects it.
  await put(CURRENT, 30);
  await put(PREVIOUS, 20);
  await put(STRAY, 10);
});

const open = () => openStore({ root, catalogue: [catalogue], offline: true });
const left = async () => (await readdir(path.join(root, "blobs", "sha256"))).sort();
const hashes = (...all: Uint8Array[]) => all.map(sha256Of).sort();

test("without a budget only what is of no use goes", async () => {
  const [kept, gone] = ["ab".repeat(32), "cd".repeat(32)];
  await mkdir(path.join(root, "vetted"));
  for (const name of [`${kept}.json`, `${kept}.graph.onnx`, `${gone}.json`, `${gone}.graph.onnx`]) {
    await writeFile(path.join(root, "vetted", name), Buffer.alloc(25));
  }
  const lastYear = new Date(Date.now() - 365 * 86_400_000);
  for (const name of [`${kept}.graph.onnx`, `${gone}.json`, `${gone}.graph.onnx`]) {
    await utimes(path.join(root, "vetted", name), lastYear, lastYear);
  }
  await mkdir(path.join(root, "quarantine"));
  await writeFile(path.join(root, "quarantine", sha256Of(STRAY)), "damaged");
  const old = path.join(root, "tmp", `${sha256Of(STRAY)}.1.x.part`);
  const fresh = path.join(root, "tmp", `${sha256Of(CURRENT)}.1.x.part`);
  for (const at of [old, fresh]) await writeFile(at, "part");
  const lastWeek = new Date(Date.now() - 7 * 86_400_000);
  await utimes(old, lastWeek, lastWeek);

  const collected = await open().collect();

  expect(collected.removed.map(({ path: at, reason }) => [path.relative(root, at), reason])).toEqual([
    [path.relative(root, old), "unfinished"],
    [path.join("quarantine", sha256Of(STRAY)), "quarantined"],
    [path.join("vetted", `${gone}.graph.onnx`), "vetted"],
  ]);
  expect(collected).toMatchObject({
    freedBytes: 4 + 7 + 50,
    budgetBytes: null,
    isWithinBudget: true,
    busy: [],
  });
  expect((await readdir(path.join(root, "vetted"))).sort()).toEqual([`${kept}.graph.onnx`, `${kept}.json`]);
  expect(await readdir(path.join(root, "tmp"))).toEqual([path.basename(fresh)]);
  expect(await left()).toEqual(hashes(CURRENT, PREVIOUS, STRAY));
});

test("what a killed writer left goes with a lock that nobody refreshes, and stays while somebody does", async () => {
  const [held, lapsed] = [`vet-${"ab".repeat(32)}`, `vet-${"cd".repeat(32)}`];
  const lastWeek = new Date(Date.now() - 7 * 86_400_000);
  for (const subject of [held, lapsed]) {
    const folder = path.join(root, "tmp", `${subject}.1.x`);
    await mkdir(path.join(root, "locks", `${subject}.lock`), { recursive: true });
    await mkdir(folder, { recursive: true });
    await utimes(folder, lastWeek, lastWeek);
  }
  await utimes(path.join(root, "locks", `${lapsed}.lock`), lastWeek, lastWeek);

  const { removed } = await open().collect();

  expect(removed.map(({ path: at }) => path.basename(at))).toEqual([`${lapsed}.1.x`]);
});

test("an unfinished file stays while its lock is refreshed, and goes when the lock is a dead process's", async () => {
  const lastWeek = new Date(Date.now() - 7 * 86_400_000);
  const parts = [CURRENT, STRAY].map((bytes) => path.join(root, "tmp", `${sha256Of(bytes)}.1.x.part`));
  for (const at of parts) {
    await writeFile(at, "part");
    await utimes(at, lastWeek, lastWeek);
  }
  for (const bytes of [CURRENT, STRAY])
    await mkdir(path.join(root, "locks", `${sha256Of(bytes)}.lock`), { recursive: true });
  await utimes(path.join(root, "locks", `${sha256Of(STRAY)}.lock`), lastWeek, lastWeek);

  const { removed } = await open().collect();

  expect(removed.map(({ path: at }) => at)).toEqual([parts[1]]);
});

test("a budget takes the least recently used first and stops when it is kept", async () => {
  const { removed, isWithinBudget, heldBytes } = await open().collect({ budgetBytes: 2000 });

  expect(removed).toMatchObject([{ reason: "previous", bytes: 900 }]);
  expect({ isWithinBudget, heldBytes }).toEqual({ isWithinBudget: true, heldBytes: 1800 });
  expect(await left()).toEqual(hashes(CURRENT, STRAY));
});

test("a use makes a blob the last to go", async () => {
  await put(STRAY, 25);
  const same = await makeCatalogue([{ name: "stray", bytes: STRAY, sources: ["https://models.invalid/s"] }]);
  await openStore({ root, catalogue: [same], offline: true }).resolve("stray");

  const { removed } = await open().collect({ budgetBytes: 2000 });

  expect(removed).toMatchObject([{ reason: "previous" }]);
});

test("a vetted graph goes by its last use, like a blob", async () => {
  const at = path.join(root, "vetted", `${"ab".repeat(32)}.json`);
  await mkdir(path.dirname(at));
  await writeFile(at, Buffer.alloc(100));
  const then = new Date(Date.now() - 15 * 86_400_000);
  await utimes(at, then, then);

  const { removed } = await open().collect({ budgetBytes: 1900 });

  expect(removed.map(({ reason }) => reason)).toEqual(["previous"]);
  expect((await open().collect({ budgetBytes: 1899 })).removed).toMatchObject([
    { reason: "vetted", path: at },
  ]);
});

test("a model in use stays over any budget, and goes when forced", async () => {
  const kept = await open().collect({ budgetBytes: 0 });
  const held = await left();
  const forced = await open().collect({ budgetBytes: 0, force: true });

  expect(kept).toMatchObject({ isWithinBudget: false, heldBytes: 1000 });
  expect(held).toEqual(hashes(CURRENT));
  expect(forced).toMatchObject({ isWithinBudget: true, heldBytes: 0, removed: [{ reason: "in-use" }] });
  expect(await left()).toEqual([]);
});

test("after a rollback it is the version rolled back to that is protected", async () => {
  await open().rollback("beacon");

  await open().collect({ budgetBytes: 0 });

  expect(await left()).toEqual(hashes(PREVIOUS));
});

test("a dry run reports the same and removes nothing", async () => {
  const before = await left();

  const planned = await open().collect({ budgetBytes: 0, dryRun: true });

  expect(await left()).toEqual(before);
  expect(await open().collect({ budgetBytes: 0 })).toEqual(planned);
});

test("a blob that another process is working on is passed over and named", async () => {
  await mkdir(path.join(root, "locks", `${sha256Of(PREVIOUS)}.lock`), { recursive: true });

  const { busy, removed } = await open().collect({ budgetBytes: 1000 });

  expect(busy).toEqual([blobPath(root, sha256Of(PREVIOUS))]);
  expect(removed).toMatchObject([{ reason: "unnamed" }]);
});
