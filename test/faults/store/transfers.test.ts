// Asks whether a store survives what strikes while a file arrives from a slow server, at any byte of it: a disk that turns,
// a power cut, a clock that jumps, a second writer, a flipped bit in what lies there unfinished.

import { randomBytes } from "node:crypto";
import path from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { blobPath } from "../../../runtime/store/blobs.js";
import { type Disk, namesIn } from "../../../runtime/store/disk.js";
import { DiskStore } from "../../../runtime/store/disk-store.js";
import { makeCatalogue, sha256Of } from "../../unit/store/catalogue-folder.js";
import { type BlobServer, startBlobServer } from "./blob-server.js";
import { isWhole, offsets, tally } from "./extent.js";
import { type Fault, faultyDisk } from "./faulty-disk.js";
import { MemoryDisk, type PowerCut } from "./memory-disk.js";
import { damagedIn, hashAt, lapseLocks, placeOn, wrongBlobs } from "./store-world.js";

const WEIGHTS = randomBytes(1_000_000);
const SHA256 = sha256Of(WEIGHTS);
const DAY_MS = 86_400_000;

let server: BlobServer;
let catalogue: string;

beforeAll(async () => {
  server = await startBlobServer(new Map([[`/blobs/sha256/${SHA256}`, WEIGHTS]]));
  catalogue = await makeCatalogue([{ name: "good", bytes: WEIGHTS, sources: ["https://127.0.0.1:1/good"] }]);
});

afterAll(() => server.close());

afterEach(() => {
  vi.useRealTimers();
});

const open = (memory: MemoryDisk, disk: Disk = memory.disk) =>
  new DiskStore({ root: placeOn(memory).root, catalogue: [catalogue], mirror: server.url }, disk);

/** Flips one bit of the unfinished file, at a byte that has arrived. */
function flipUnfinished(memory: MemoryDisk, byte: number): void {
  for (const [name, bytes] of memory.files(path.join("store", "tmp"))) {
    if (!name.endsWith(".part")) continue;
    // In place, as a disk does it: the writer keeps the same file open.
    const index = Math.min(byte, bytes.length - 1);
    bytes[index] = (bytes[index] ?? 0) ^ 8;
  }
}

interface Strike {
  readonly name: string;
  readonly fault: Fault;
  readonly power?: PowerCut;
  readonly meanwhile?: (memory: MemoryDisk, byte: number) => unknown;
  /** The code it ends with; null where it must end well all the same. Left out where nobody lives to see it. */
  readonly ends?: string | null;
  /** Whether the file that was struck may be named damaged; else nothing may. */
  readonly mayDamage?: boolean;
}

const rivals: Promise<unknown>[] = [];

const STRIKES: readonly Strike[] = [
  { name: "disk full", fault: "full", ends: "STORE_WRITE_FAILED" },
  { name: "disk read-only", fault: "read-only", ends: "STORE_WRITE_FAILED" },
  { name: "permission withdrawn", fault: "forbidden", ends: "STORE_WRITE_FAILED" },
  { name: "power cut, names kept", fault: "die", power: "names" },
  { name: "power cut, contents kept", fault: "die", power: "contents" },
  {
    name: "clock a day ahead, and a second process",
    fault: "nothing",
    ends: null,
    meanwhile: (memory) => {
      vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + DAY_MS });
      // To its eyes the first one's lock lapsed a day ago.
      rivals.push(open(memory).pull("good"));
    },
  },
  {
    name: "clock a day back, and a second process",
    fault: "nothing",
    ends: null,
    meanwhile: (memory) => {
      vi.useFakeTimers({ toFake: ["Date"], now: Date.now() - DAY_MS });
      rivals.push(open(memory).pull("good"));
    },
  },
  {
    name: "second writer without a lock",
    fault: "nothing",
    ends: null,
    meanwhile: async (memory) => {
      await memory.disk.rm(path.join(placeOn(memory).root, "locks"), { recursive: true });
      rivals.push(open(memory).pull("good"));
    },
  },
  {
    name: "bit flipped in the unfinished file",
    fault: "nothing",
    ends: null,
    mayDamage: true,
    meanwhile: flipUnfinished,
  },
];

describe.each(STRIKES)("$name", ({ name, fault, power, meanwhile, ends, mayDamage = false }) => {
  test.each(offsets(2))("after %i bytes of a slow transfer: the next pull completes", async (byte) => {
    const memory = new MemoryDisk();
    const { root, disk } = placeOn(memory);
    rivals.length = 0;
    server.behave({ pieceMs: isWhole ? 1 : 0 });
    const faulty = faultyDisk({ at: { byte }, fault, meanwhile: () => meanwhile?.(memory, byte) }, disk);

    const first = await open(memory, faulty.disk)
      .pull("good")
      .then(
        () => null,
        (error: { code?: string }) => error.code ?? "",
      );
    const others = await Promise.all(rivals);
    if (power !== undefined) memory.cut(power);
    server.behave({});
    const named = await damagedIn(open(memory));
    const wrong = await wrongBlobs(root, disk);
    await lapseLocks(root, disk);
    const next = await open(memory).pull("good");
    const after = await damagedIn(open(memory));

    if (ends !== undefined) expect(first).toBe(ends);
    expect(named).toEqual(wrong);
    expect(mayDamage ? [blobPath(root, SHA256)] : []).toEqual(expect.arrayContaining(named));
    for (const one of [next, ...(others as (typeof next)[])])
      expect(await hashAt(one.path, disk)).toBe(SHA256);
    expect(after).toEqual([]);
    expect(await namesIn(disk, path.join(root, "tmp"))).toEqual([]);
    tally(`${name}, at a byte`);
  });
});

test.each(offsets(3))("a bit flipped at byte %i of what a cut left is found out", async (byte) => {
  const memory = new MemoryDisk();
  const { root, disk } = placeOn(memory);
  server.behave({ cutAt: Math.max(1, byte), cutBy: "end" });
  await open(memory)
    .pull("good")
    .catch(() => {});
  const held = [...memory.files(path.join("store", "tmp")).values()][0]?.length ?? 0;
  flipUnfinished(memory, Math.floor((byte / WEIGHTS.length) * held));
  server.behave({});

  const { path: at } = await open(memory).pull("good");

  expect(await hashAt(at, disk)).toBe(SHA256);
  expect(await damagedIn(open(memory))).toEqual([]);
  expect(await namesIn(disk, path.join(root, "tmp"))).toEqual([]);
  tally("bit flipped in a leftover, at a byte");
});
