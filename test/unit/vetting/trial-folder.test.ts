// Folders of trials: what a killed process left goes, what may belong to a living one stays.

import { spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdir, readdir, utimes, writeFile } from "node:fs/promises";
import path from "node:path";
import { beforeEach, expect, test } from "vitest";
import { makeTrialFolder, sweepTrialFolders } from "../../../runtime/vetting/trial-folder.js";
import { makeFolder } from "../store/catalogue-folder.js";

const [HELD, OTHER] = ["a".repeat(64), "b".repeat(64)];
/** A process that has been and gone. */
const GONE = spawnSync(process.execPath, ["-e", ""]).pid;

/** The name of a folder that a process made for a key. */
const folderOf = (key: string, pid: number): string => `vet-${key}.${pid}.${randomUUID()}.trial`;

let root: string;
beforeEach(async () => {
  root = await makeFolder();
});

const left = () => readdir(path.join(root, "tmp"));

async function leave(name: string, hoursAgo: number): Promise<void> {
  const at = path.join(root, "tmp", name);
  await mkdir(at, { recursive: true });
  await writeFile(path.join(at, "graph.onnx"), "half of a gr");
  await age(at, hoursAgo);
}

async function lock(key: string, hoursAgo: number): Promise<void> {
  const at = path.join(root, "locks", `vet-${key}.lock`);
  await mkdir(at, { recursive: true });
  await age(at, hoursAgo);
}

async function age(at: string, hoursAgo: number): Promise<void> {
  const then = new Date(Date.now() - hoursAgo * 3_600_000);
  await utimes(at, then, then);
}

test("a folder of the held key goes at once when its maker is gone, and stays while it lives", async () => {
  await leave(folderOf(HELD, GONE), 0);
  await lock(HELD, 0);
  const mine = await makeTrialFolder({ root, key: HELD });

  await sweepTrialFolders({ root, heldKey: HELD });

  expect(await left()).toEqual([path.basename(mine)]);
});

test.each([
  ["just written", 0, null, GONE, true],
  ["quiet", 1, null, GONE, false],
  ["quiet, and its lock is held", 1, 0, GONE, true],
  ["quiet, and its lock has lapsed", 1, 1, GONE, false],
  ["quiet, and its maker lives", 1, null, process.pid, true],
] as const)("a folder of another key that is %s is kept or not", async (_, folder, held, maker, isKept) => {
  await leave(folderOf(OTHER, maker), folder);
  if (held !== null) await lock(OTHER, held);

  await sweepTrialFolders({ root, heldKey: HELD });

  expect(await left()).toHaveLength(isKept ? 1 : 0);
});

test("nothing but folders of trials is touched, and a store that is not there is none to sweep", async () => {
  await leave("c0ffee.1.x.part", 500);

  await sweepTrialFolders({ root, heldKey: HELD });
  await sweepTrialFolders({ root: path.join(root, "none"), heldKey: HELD });

  expect(await left()).toEqual(["c0ffee.1.x.part"]);
});
