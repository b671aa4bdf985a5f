// Asks whether a transfer that was cut anywhere, by the network or by a kill, goes on from there and ends right.

import { randomBytes } from "node:crypto";
import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { blobPath } from "../../../runtime/store/blobs.js";
import { openStore } from "../../../runtime/store/store.js";
import { errorOf, makeCatalogue, makeFolder, sha256Of } from "../../unit/store/catalogue-folder.js";
import { type BlobServer, startBlobServer } from "./blob-server.js";
import { answersOf, compileStore, startChild } from "./child-store.js";
import { offsets, tally } from "./extent.js";
import { lapseLocks, wrongBlobs } from "./store-world.js";

const WEIGHTS = randomBytes(1_000_000);
const SHA256 = sha256Of(WEIGHTS);
const TAMPERED = Buffer.from(WEIGHTS);
TAMPERED[17] = (TAMPERED[17] ?? 0) ^ 1;

/**
 * What a cut connection may take with it. After an orderly end everything sent is still read, but for what a pipeline of
 * streams drops when it fails; a reset makes the kernel drop its whole receive buffer, which may hold all of this file.
 */
const IN_FLIGHT_BYTES = { end: 262_144, reset: WEIGHTS.length };

let server: BlobServer;
let catalogue: string;
let root: string;

beforeAll(async () => {
  server = await startBlobServer(new Map([[`/blobs/sha256/${SHA256}`, WEIGHTS]]));
  catalogue = await makeCatalogue([{ name: "good", bytes: WEIGHTS, sources: ["https://127.0.0.1:1/good"] }]);
});

afterAll(() => server.close());

beforeEach(async () => {
  root = path.join(await makeFolder(), "store");
  server.behave({});
});

const open = () => openStore({ root, catalogue: [catalogue], mirror: server.url });

/** The states of the store while a transfer lies unfinished, and what the next pull made of it. */
async function pullAgain() {
  const states = (await open().verify()).map(({ state }) => state);
  const parts = await readdir(path.join(root, "tmp")).catch(() => []);
  const sizes = await Promise.all(parts.map(async (name) => (await stat(path.join(root, "tmp", name))).size));
  const heldBytes = Math.max(0, ...sizes);
  const before = server.requests.length;
  server.behave({});
  const resolved = await open().pull("good");
  const sentBytes = server.requests.slice(before).reduce((sum, { sentBytes }) => sum + sentBytes, 0);
  return {
    states,
    heldBytes,
    sentBytes,
    isRight: sha256Of(await readFile(resolved.path)) === SHA256,
    wrong: await wrongBlobs(root),
    left: await readdir(path.join(root, "tmp")),
  };
}

describe.each(["reset", "end"] as const)("a transfer cut by a %s", (cutBy) => {
  test.each(offsets(10))("after %i bytes goes on from there", async (cutAt) => {
    server.behave({ cutAt, cutBy });

    const error = await errorOf(open().pull("good"));
    const again = await pullAgain();

    expect(error).toMatchObject({ code: "STORE_SOURCE_FAILED" });
    expect(again).toMatchObject({ states: ["missing"], isRight: true, wrong: [], left: [] });
    expect(again.sentBytes).toBe(WEIGHTS.length - again.heldBytes);
    expect(again.heldBytes).toBeGreaterThanOrEqual(cutAt - IN_FLIGHT_BYTES[cutBy]);
    tally(`connection ${cutBy}, at a byte`);
  });
});

test.each(offsets(3))("a process killed after %i bytes leaves what the next one needs", async (cutAt) => {
  server.behave({ cutAt, cutBy: "silence" });
  const child = startChild(await script(), {
    root,
    catalogue,
    names: ["good"],
    env: { REDLINE_MIRROR: server.url },
  });
  const started = server.requests.length;
  const reached = (bytes: number) => child.until((line) => (line.progress?.receivedBytes ?? 0) >= bytes);
  await (cutAt === 0 ? until(() => server.requests.length > started) : reached(cutAt));
  child.process.kill("SIGKILL");
  await child.ended;
  await lapseLocks(root);

  const again = await pullAgain();

  expect(again).toMatchObject({ states: ["missing"], isRight: true, wrong: [], left: [] });
  expect(again.sentBytes).toBe(WEIGHTS.length - cutAt);
  tally("kill -9 of a process, at a byte");
});

/** Leaves an unfinished file of so many bytes; answers its path. */
async function leavePart(bytes: number): Promise<string> {
  server.behave({ cutAt: bytes, cutBy: "silence" });
  const store = open();
  await new Promise<void>((resolve) => {
    const onProgress = ({ receivedBytes }: { receivedBytes: number }) => receivedBytes >= bytes && resolve();
    store.pull("good", { onProgress }).catch(() => {});
  });
  await store.close();
  server.behave({});
  const [left = ""] = await readdir(path.join(root, "tmp"));
  return path.join(root, "tmp", left);
}

test("a server that forgets ranges, or shifts them, is asked for the whole file", async () => {
  for (const how of [{ forgetsRanges: true }, { shiftsRanges: true }]) {
    root = path.join(await makeFolder(), "store");
    await leavePart(300_000);
    const before = server.requests.length;

    server.behave(how);
    const { path: at } = await open().pull("good");

    expect(sha256Of(await readFile(at))).toBe(SHA256);
    expect(server.requests[before]?.range).toBe("bytes=300000-");
    expect(server.requests.at(-1)?.sentBytes).toBe(WEIGHTS.length);
  }
});

test("a damaged or foreign leftover is found out by the whole file's hash and fetched anew", async () => {
  for (const leftover of [TAMPERED.subarray(0, 300_000), TAMPERED, randomBytes(2_000_000)]) {
    root = path.join(await makeFolder(), "store");
    await writeFile(await leavePart(1000), leftover);

    const { path: at } = await open().pull("good");

    expect(sha256Of(await readFile(at))).toBe(SHA256);
    expect(await readdir(path.join(root, "tmp"))).toEqual([]);
  }
});

test("a whole leftover is installed without one byte from the network", async () => {
  await writeFile(await leavePart(1000), WEIGHTS);
  const before = server.requests.length;

  const { path: at } = await open().pull("good");

  expect(sha256Of(await readFile(at))).toBe(SHA256);
  expect(server.requests.length).toBe(before);
});

test("closing the store keeps what arrived", async () => {
  await leavePart(500_000);

  const again = await pullAgain();

  expect(again).toMatchObject({ isRight: true, left: [], sentBytes: 500_000 });
});

test("four processes fetch two models once each from a slow server", async () => {
  const other = randomBytes(300_000);
  const slow = await startBlobServer(
    new Map([WEIGHTS, other].map((bytes) => [`/blobs/sha256/${sha256Of(bytes)}`, bytes])),
  );
  slow.behave({ pieceMs: 2 });
  const models = await makeCatalogue([
    { name: "good", bytes: WEIGHTS, sources: ["https://127.0.0.1:1/good"] },
    { name: "other", bytes: other, sources: ["https://127.0.0.1:1/other"] },
  ]);
  const start = async (names: readonly string[]) =>
    startChild(await script(), { root, catalogue: models, names, env: { REDLINE_MIRROR: slow.url } });

  const children = await Promise.all([
    start(["good", "other"]),
    start(["other", "good"]),
    start(["good"]),
    start(["other"]),
  ]);
  const ends = await Promise.all(children.map(({ ended }) => ended));
  await slow.close();

  expect(ends).toEqual(children.map(() => ({ status: 0, stderr: "" })));
  const paths = children.flatMap((child) => Object.values(answersOf(child)).map(({ path: at }) => at));
  expect(new Set(paths)).toEqual(new Set([blobPath(root, SHA256), blobPath(root, sha256Of(other))]));
  expect(paths).toHaveLength(6);
  expect(slow.requests).toHaveLength(2);
  expect(await wrongBlobs(root)).toEqual([]);
  expect(await readdir(path.join(root, "tmp"))).toEqual([]);
  expect(await readdir(path.join(root, "locks"))).toEqual([]);
  const states = await openStore({ root, catalogue: [models] }).verify();
  expect(states.map(({ state }) => state)).toEqual(["ok", "ok"]);
  tally("several processes at once", 4);
});

let compiled: Promise<string> | undefined;
function script(): Promise<string> {
  compiled ??= compileStore();
  return compiled;
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
}
