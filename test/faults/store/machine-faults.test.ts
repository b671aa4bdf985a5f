// Asks whether a store survives a real full disk, a real read-only disk, real refusals, rivals without a lock and a
// clock that jumps. What needs an administrator's rights is skipped without them.

import { execFileSync } from "node:child_process";
import { chmod, mkdir, readdir, readFile, utimes, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { blobPath } from "../../../runtime/store/blobs.js";
import { type Disk, nodeDisk } from "../../../runtime/store/disk.js";
import { DiskStore } from "../../../runtime/store/disk-store.js";
import { errorOf, makeFolder, sha256Of } from "../../unit/store/catalogue-folder.js";
import { answersOf, compileStore, startChild } from "./child-store.js";
import { isWhole, tally } from "./extent.js";
import { checkStore, lapseLocks, MODEL, makeWorld, NEW, OLD, SOUND, type World } from "./store-world.js";

let world: World;

beforeAll(async () => {
  world = await makeWorld();
});

const open = (root: string, disk?: Disk) =>
  new DiskStore({ root, catalogue: [world.newCatalogue], mirror: world.mirror, offline: true }, disk);

const mounts: string[] = [];

/** A disk in memory of so many bytes; null without the right to mount one. */
async function smallDisk(bytes: number): Promise<string | null> {
  const at = await makeFolder();
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${bytes}`, "tmpfs", at], { stdio: "ignore" });
  } catch {
    return null;
  }
  mounts.push(at);
  return at;
}

afterAll(() => {
  for (const at of mounts) execFileSync("umount", [at], { stdio: "ignore" });
});

test("a disk that is full refuses the pull by name, and the next one completes on a larger disk", async (context) => {
  const disk = await smallDisk(128 * 1024);
  if (disk === null) return context.skip("a disk in memory cannot be mounted here");

  const error = await errorOf(open(path.join(disk, "store")).pull(MODEL));
  const left = await readdir(path.join(disk, "store", "tmp"));
  execFileSync("mount", ["-o", "remount,size=4m", disk]);
  const root = path.join(disk, "store");

  expect(error).toMatchObject({ code: "STORE_WRITE_FAILED", received: "ENOSPC" });
  expect((error as { hint?: string }).hint).toContain("redline models gc");
  expect(left).toEqual([]);
  expect(await checkStore({ root, catalogue: world.newCatalogue, world })).toEqual(SOUND);
  tally("a real full disk");
});

test("a disk mounted read-only serves what it holds and refuses the rest by name", async (context) => {
  const disk = await smallDisk(4 * 1024 * 1024);
  if (disk === null) return context.skip("a disk in memory cannot be mounted here");
  const root = path.join(disk, "store");
  await new DiskStore({ root, catalogue: [world.oldCatalogue], mirror: world.mirror, offline: true }).pull(
    MODEL,
  );
  execFileSync("mount", ["-o", "remount,ro", disk]);

  const held = await new DiskStore({ root, catalogue: [world.oldCatalogue], offline: true }).resolve(MODEL);
  const error = await errorOf(open(root).pull(MODEL));
  execFileSync("mount", ["-o", "remount,rw", disk]);

  expect(sha256Of(await readFile(held.path))).toBe(sha256Of(OLD));
  expect(error).toMatchObject({ code: "STORE_WRITE_FAILED", received: "EROFS" });
  expect(await checkStore({ root, catalogue: world.newCatalogue, world })).toEqual(SOUND);
  tally("a real read-only disk");
});

test("a user without the right to write is refused by name and harms nothing", async (context) => {
  if (process.getuid?.() === 0) return context.skip("an administrator may write anywhere: see the next test");
  const folder = await makeFolder();
  await chmod(folder, 0o555);

  const error = await errorOf(open(path.join(folder, "store")).pull(MODEL));

  expect(error).toMatchObject({ code: "STORE_WRITE_FAILED", received: "EACCES" });
});

test("another user's process is refused in a store it may only read, and uses what is there", async (context) => {
  if (process.getuid?.() !== 0) return context.skip("another user's process cannot be started here");
  const root = path.join(await makeFolder(), "store");
  await new DiskStore({ root, catalogue: [world.oldCatalogue], mirror: world.mirror, offline: true }).pull(
    MODEL,
  );
  const script = await compileStore();
  for (const at of [path.dirname(root), world.oldCatalogue, world.newCatalogue, path.dirname(script)]) {
    await chmod(at, 0o755);
  }
  const nobody = 65_534;
  const job = {
    root,
    names: [MODEL],
    uid: nobody,
    env: { REDLINE_MIRROR: world.mirror, REDLINE_OFFLINE: "1" },
  };

  const reader = startChild(script, { ...job, catalogue: world.oldCatalogue });
  await reader.ended;
  const writer = startChild(script, { ...job, catalogue: world.newCatalogue });
  await writer.ended;

  expect(answersOf(reader)[MODEL]).toMatchObject({ path: blobPath(root, sha256Of(OLD)) });
  expect(answersOf(writer)[MODEL]).toMatchObject({ code: "STORE_WRITE_FAILED" });
  expect(answersOf(writer)[MODEL]?.message).toContain("EACCES");
  expect(await checkStore({ root, catalogue: world.newCatalogue, world })).toEqual(SOUND);
  tally("another user's process");
});

/** A disk on which every process believes that it holds the lock. */
const lockless: Disk = {
  ...nodeDisk,
  mkdir: (async (at: string, options?: { recursive: boolean }) => {
    if (!at.endsWith(".lock")) return nodeDisk.mkdir(at, options);
    return nodeDisk.mkdir(at, { recursive: true }).then(() => undefined);
  }) as Disk["mkdir"],
};

describe.each([2, 8])("%i writers that all lost the lock", (writers) => {
  test("leave one whole file, and each gets it or an error of its own", async () => {
    for (let round = 0; round < (isWhole ? 50 : 5); round++) {
      const root = path.join(await makeFolder(), "store");

      const settled = await Promise.allSettled(
        Array.from({ length: writers }, async () => (await open(root, lockless).pull(MODEL)).path),
      );

      const paths = settled.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
      const errors = settled.flatMap((one) =>
        one.status === "rejected" ? [(one.reason as { code?: string }).code] : [],
      );
      expect(paths.length).toBeGreaterThan(0);
      for (const at of paths) expect(sha256Of(await readFile(at))).toBe(sha256Of(NEW));
      expect(errors.filter((code) => code === undefined)).toEqual([]);
      expect(await checkStore({ root, catalogue: world.newCatalogue, world })).toEqual(SOUND);
      tally("writers without a lock");
    }
  });
});

test("a lock from before the clock jumped ahead is taken over at once", async () => {
  const root = path.join(await makeFolder(), "store");
  const lock = path.join(root, "locks", `${sha256Of(NEW)}.lock`);
  await mkdir(lock, { recursive: true });
  await lapseLocks(root);

  const { path: at } = await open(root).pull(MODEL);

  expect(sha256Of(await readFile(at))).toBe(sha256Of(NEW));
  tally("clock ahead");
});

// Ten seconds of watching: a part of the whole run only.
test.runIf(isWhole)(
  "a dead process's lock from a future that is no more is taken over after it was seen not to move",
  async () => {
    const root = path.join(await makeFolder(), "store");
    const lock = path.join(root, "locks", `${sha256Of(NEW)}.lock`);
    await mkdir(lock, { recursive: true });
    const tomorrow = new Date(Date.now() + 86_400_000);
    await utimes(lock, tomorrow, tomorrow);

    const { path: at } = await open(root).pull(MODEL);

    expect(sha256Of(await readFile(at))).toBe(sha256Of(NEW));
    tally("clock back");
  },
);

test("a blob dated in the future is not the last to be collected for ever", async () => {
  const root = path.join(await makeFolder(), "store");
  await open(root).pull(MODEL);
  const strays = await Promise.all(
    ["far ahead", "now"].map(async (text) => {
      const at = blobPath(root, sha256Of(Buffer.from(text)));
      await writeFile(at, text);
      return at;
    }),
  );
  const future = new Date(Date.now() + 86_400_000);
  await utimes(strays[0] ?? "", future, future);

  const { removed } = await open(root).collect({ budgetBytes: NEW.length });

  expect(removed.map(({ path: at }) => at).sort()).toEqual([...strays].sort());
});
