// Asks whether pulls from npm survive wrong bytes, rivals, kills and damage, against a registry of our own.

import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { blobPath } from "../../../runtime/store/blobs.js";
import { openStore } from "../../../runtime/store/store.js";
import { makeCatalogue, makeFolder, sha256Of } from "../../unit/store/catalogue-folder.js";
import { answersOf, compileStore, startChild } from "./child-store.js";
import { PACKAGE, type RegistryServer, startRegistry } from "./registry-server.js";

/** Whether the processor is an emulated one: see test/arm64.mjs. */
const IS_EMULATED = process.env.REDLINE_TEST_PATIENCE !== undefined;

// Random bytes do not compress, so half of the tarball holds about half of the file.
const WEIGHTS = randomBytes(3_000_000);
const OTHER = randomBytes(1000);
const source = (file: string) => `npm:${PACKAGE}@1.0.0/${file}`;

let registry: RegistryServer;
let script: string;
let catalogue: string;
let root: string;

beforeAll(async () => {
  registry = await startRegistry({ "dist/weights.onnx": WEIGHTS, "dist/other.onnx": OTHER });
  script = await compileStore();
  catalogue = await makeCatalogue([
    { name: "good", bytes: WEIGHTS, sources: [source("dist/weights.onnx")] },
    { name: "wrong", bytes: randomBytes(1000), sources: [source("dist/other.onnx")] },
    { name: "small", bytes: randomBytes(500), sources: [source("dist/weights.onnx")] },
    { name: "absent-file", bytes: OTHER, sources: [source("dist/absent.onnx")] },
    { name: "absent-version", bytes: randomBytes(9), sources: [`npm:${PACKAGE}@2.0.0/dist/other.onnx`] },
    { name: "second", bytes: OTHER, sources: [source("dist/absent.onnx"), source("dist/other.onnx")] },
  ]);
});

afterAll(() => registry.close());

beforeEach(async () => {
  root = path.join(await makeFolder(), "store");
  registry.stall(false);
  registry.tamper(false);
  registry.refuse(false);
});

test("a pull takes one file out of a package, shows its progress and leaves nothing else behind", async () => {
  const child = startChild(script, { root, catalogue, names: ["good"], env: await registry.env() });

  const { status, stderr } = await child.ended;

  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  expect(answersOf(child)).toEqual({ good: { name: "good", path: blobPath(root, sha256Of(WEIGHTS)) } });
  expect(sha256Of(await readFile(blobPath(root, sha256Of(WEIGHTS))))).toBe(sha256Of(WEIGHTS));
  const received = child.lines.flatMap(({ progress }) =>
    progress === undefined ? [] : [progress.receivedBytes],
  );
  expect(received).toEqual([...received].sort((a, b) => a - b));
  expect(received.at(-1)).toBe(WEIGHTS.length);
  expect(await readdir(path.join(root, "tmp"))).toEqual([]);
  expect(await readdir(path.join(root, "locks"))).toEqual([]);
});

test("the user's npm credentials go to the user's registry", async () => {
  const env = await registry.env();
  const userconfig = path.join(await makeFolder(), "npmrc");
  await writeFile(userconfig, `${registry.url.replace("http:", "")}:_authToken=made-up-token\n`);

  const child = startChild(script, {
    root,
    catalogue,
    names: ["good"],
    env: { ...env, npm_config_userconfig: userconfig },
  });
  await child.ended;

  expect(answersOf(child).good).toMatchObject({ path: blobPath(root, sha256Of(WEIGHTS)) });
  expect(registry.authorization()).toBe("Bearer made-up-token");
});

test("wrong bytes, absent files and absent versions are refused by name, and an installed model stays", async () => {
  const names = ["good", "wrong", "small", "absent-file", "absent-version", "second"];

  const child = startChild(script, { root, catalogue, names, env: await registry.env() });
  const { status } = await child.ended;
  const answers = answersOf(child);

  expect(status).toBe(0);
  expect(answers.wrong).toMatchObject({ code: "STORE_HASH_MISMATCH" });
  expect(answers.wrong?.message).toContain(`wrong.onnx from ${source("dist/other.onnx")}`);
  expect(answers.wrong?.message).toContain(`received sha256 ${sha256Of(OTHER)}, 1000 bytes`);
  expect(answers.small).toMatchObject({ code: "STORE_HASH_MISMATCH" });
  expect(answers.small?.message).toContain("expected 500 bytes, received more");
  expect(answers["absent-file"]).toMatchObject({ code: "STORE_SOURCE_FAILED" });
  expect(answers["absent-file"]?.message).toContain("the package holds no file dist/absent.onnx");
  expect(answers["absent-file"]?.hint).toContain(`to ${blobPath(root, sha256Of(OTHER))}`);
  expect(answers["absent-version"]).toMatchObject({ code: "STORE_SOURCE_FAILED" });
  expect(answers.second).toMatchObject({ path: blobPath(root, sha256Of(OTHER)) });
  const installed = [sha256Of(WEIGHTS), sha256Of(OTHER)].sort();
  expect((await readdir(path.join(root, "blobs", "sha256"))).sort()).toEqual(installed);
  expect(await readdir(path.join(root, "tmp"))).toEqual([]);
});

test("a file refused halfway ends its transfer, so that the process can end", async () => {
  registry.stall(true);

  const child = startChild(script, { root, catalogue, names: ["small"], env: await registry.env() });
  const { status } = await child.ended;

  expect(status).toBe(0);
  expect(answersOf(child).small).toMatchObject({ code: "STORE_HASH_MISMATCH" });
});

test("a tarball that is not the one the registry promised is refused", async () => {
  registry.tamper(true);

  const child = startChild(script, { root, catalogue, names: ["good"], env: await registry.env() });
  await child.ended;

  expect(answersOf(child).good).toMatchObject({ code: "STORE_SOURCE_FAILED" });
  expect(answersOf(child).good?.message).toMatch(/integrity|EINTEGRITY/i);
  expect(existsSync(blobPath(root, sha256Of(WEIGHTS)))).toBe(false);
});

test("a registry that cannot be reached is named in the error, with what to copy where", async () => {
  const env = { ...(await registry.env()), npm_config_registry: "http://127.0.0.1:1/" };

  const child = startChild(script, { root, catalogue, names: ["good"], env });
  await child.ended;

  expect(answersOf(child).good).toMatchObject({ code: "STORE_SOURCE_FAILED" });
  expect(answersOf(child).good?.message).toContain("127.0.0.1:1");
  expect(answersOf(child).good?.hint).toContain("copy good.onnx (3000000 bytes");
});

test("a registry that refuses is asked once, or as often as the user's npm configuration says", async () => {
  const { npm_config_fetch_retries: _, ...env } = await registry.env();
  const asked: number[] = [];
  registry.refuse(true);
  for (const own of [{}, { npm_config_fetch_retries: "1", npm_config_fetch_retry_mintimeout: "1" }]) {
    const before = registry.requests();
    const child = startChild(script, { root, catalogue, names: ["good"], env: { ...env, ...own } });
    await child.ended;
    asked.push(registry.requests() - before);
    expect(answersOf(child).good).toMatchObject({ code: "STORE_SOURCE_FAILED" });
  }

  expect(asked).toEqual([1, 2]);
});

test("four processes pulling the same model download it once and all get it", async () => {
  const before = registry.tarballRequests();

  // Each has an npm cache of its own, so only the store's lock can spare the other three the download.
  const start = async () =>
    startChild(script, { root, catalogue, names: ["good"], env: await registry.env() });
  const children = await Promise.all([start(), start(), start(), start()]);
  const ends = await Promise.all(children.map((child) => child.ended));

  expect(ends.map(({ status }) => status)).toEqual([0, 0, 0, 0]);
  const paths = children.map((child) => answersOf(child).good?.path);
  expect(new Set(paths)).toEqual(new Set([blobPath(root, sha256Of(WEIGHTS))]));
  // A process that an emulator stalls for longer than a lock is held to live loses it, which costs a download and nothing else.
  expect(registry.tarballRequests() - before).toBeLessThanOrEqual(IS_EMULATED ? 4 : 1);
  expect(sha256Of(await readFile(blobPath(root, sha256Of(WEIGHTS))))).toBe(sha256Of(WEIGHTS));
});

test("a pull killed halfway leaves nothing half-installed, and the next pull cleans up and succeeds", async () => {
  registry.stall(true);
  const env = await registry.env();
  const killed = startChild(script, { root, catalogue, names: ["good"], env });
  await killed.until((line) => (line.progress?.receivedBytes ?? 0) > 100_000);
  killed.process.kill("SIGKILL");
  await killed.ended;
  const left = await readdir(path.join(root, "tmp"));
  const states = await openStore({ root, catalogue: [catalogue] }).verify("good");
  registry.stall(false);

  const next = startChild(script, { root, catalogue, names: ["good"], env });
  await next.ended;

  expect(left).toHaveLength(1);
  expect(states).toMatchObject([{ state: "missing" }]);
  expect(answersOf(next).good).toMatchObject({ path: blobPath(root, sha256Of(WEIGHTS)) });
  expect(sha256Of(await readFile(blobPath(root, sha256Of(WEIGHTS))))).toBe(sha256Of(WEIGHTS));
  expect(await readdir(path.join(root, "tmp"))).toEqual([]);
});

test("whenever a pull is killed, the model is whole or absent", async () => {
  const states: string[] = [];

  for (const afterBytes of [1, 1_000_000, 2_000_000, WEIGHTS.length]) {
    const own = path.join(await makeFolder(), "store");
    const child = startChild(script, { root: own, catalogue, names: ["good"], env: await registry.env() });
    await child.until((line) => (line.progress?.receivedBytes ?? 0) >= afterBytes);
    child.process.kill("SIGKILL");
    await child.ended;
    const [state] = await openStore({ root: own, catalogue: [catalogue] }).verify("good");
    states.push(state?.state ?? "unknown");
  }

  expect(states.filter((state) => state !== "ok" && state !== "missing")).toEqual([]);
});

test("a damaged installed file is set aside and fetched again", async () => {
  const blob = blobPath(root, sha256Of(WEIGHTS));
  const damaged = Buffer.from(WEIGHTS);
  damaged[1_234_567] = (damaged[1_234_567] ?? 0) ^ 0x10;
  await mkdir(path.dirname(blob), { recursive: true });
  await writeFile(blob, damaged);

  const child = startChild(script, { root, catalogue, names: ["good"], env: await registry.env() });
  await child.ended;

  expect(answersOf(child).good).toMatchObject({ path: blob });
  expect(sha256Of(await readFile(blob))).toBe(sha256Of(WEIGHTS));
  expect(sha256Of(await readFile(path.join(root, "quarantine", sha256Of(WEIGHTS))))).toBe(sha256Of(damaged));
});

test("a lock held too long is refused by its path", async () => {
  registry.stall(true);
  const holder = startChild(script, { root, catalogue, names: ["good"], env: await registry.env() });
  await holder.until((line) => line.progress !== undefined);
  const store = openStore({ root, catalogue: [catalogue], lockTimeoutMs: 300 });

  const refusal = store.resolve("good");

  await expect(refusal).rejects.toMatchObject({
    code: "STORE_LOCKED",
    what: path.join(root, "locks", `${sha256Of(WEIGHTS)}.lock`),
  });
  holder.process.kill("SIGKILL");
  await holder.ended;
});

test("closing the store stops a pull under way and leaves no file and no lock", async () => {
  registry.stall(true);
  for (const [name, value] of Object.entries(await registry.env())) vi.stubEnv(name, value);
  const store = openStore({ root, catalogue: [catalogue] });
  const arrived = new Promise<void>((resolve) => {
    store.pull("good", { onProgress: () => resolve() }).catch(() => {});
  });
  await arrived;
  const refusal = store.resolve("good");

  const closed = store.close();
  vi.unstubAllEnvs();

  await expect(refusal).rejects.toMatchObject({ code: "RUNTIME_CLOSED" });
  await closed;
  expect(await readdir(path.join(root, "tmp"))).toEqual([]);
  expect(await readdir(path.join(root, "locks"))).toEqual([]);
  expect(await readdir(path.join(root, "blobs", "sha256"))).toEqual([]);
});
