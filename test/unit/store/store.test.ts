// Asks whether names and paths lead to checked files, and to clear errors when they cannot.

import {
  chmod,
  copyFile,
  mkdir,
  readdir,
  readFile,
  rm,
  symlink,
  truncate,
  writeFile,
} from "node:fs/promises";
import path from "node:path";
import { beforeEach, expect, test, vi } from "vitest";
import type { RedlineError } from "../../../runtime/core/errors.js";
import { LIMITS } from "../../../runtime/core/limits.js";
import { blobPath } from "../../../runtime/store/blobs.js";
import { openStore } from "../../../runtime/store/store.js";
import { errorOf, makeCatalogue, makeFolder, sha256Of } from "./catalogue-folder.js";

const BYTES = new TextEncoder().encode("the bytes of a model");
const SHA256 = sha256Of(BYTES);
const REMOTE = { name: "remote", bytes: BYTES, sources: ["https://models.invalid/remote.onnx"] };
const LOCAL = { name: "local", bytes: BYTES, sources: ["file:weights/local.onnx"] };

let root: string;
let catalogue: string;

beforeEach(async () => {
  root = path.join(await makeFolder(), "store");
  catalogue = await makeCatalogue([REMOTE, LOCAL]);
  await mkdir(path.join(catalogue, "local", "weights"));
  await writeFile(path.join(catalogue, "local", "weights", "local.onnx"), BYTES);
});

async function install(bytes: Uint8Array = BYTES): Promise<string> {
  const blob = blobPath(root, SHA256);
  await mkdir(path.dirname(blob), { recursive: true });
  await writeFile(blob, bytes);
  return blob;
}

test("a model beside its manifest is used in place, without a copy", async () => {
  const store = openStore({ root, catalogue: [catalogue] });

  const resolved = await store.resolve("local");

  expect(resolved).toMatchObject({ model: "local", variantId: "fp32", manifest: { name: "local" } });
  expect(resolved.path).toBe(path.join(catalogue, "local", "weights", "local.onnx"));
  expect(await readdir(path.dirname(root))).toEqual([]);
});

test("an installed model opens offline, by name, by variant and by its manifest's path", async () => {
  const blob = await install();
  const store = openStore({ root, catalogue: [catalogue], offline: true });
  const manifestPath = path.join(catalogue, "remote", "manifest.json");

  const names = ["remote", "remote@fp32", manifestPath, `${manifestPath}@fp32`];
  const paths = await Promise.all(names.map(async (name) => (await store.resolve(name)).path));

  expect(paths).toEqual(names.map(() => blob));
});

test("a plain .onnx path opens as it is, even from a folder with an @ in its name", async () => {
  const folder = path.join(await makeFolder(), "node_modules", "@scope");
  await mkdir(folder, { recursive: true });
  await writeFile(path.join(folder, "teacher.onnx"), BYTES);
  const store = openStore({ root, catalogue: [catalogue] });

  const resolved = await store.resolve(path.join(folder, "teacher.onnx"));

  expect(resolved).toEqual({
    manifest: null,
    variant: null,
    path: path.join(folder, "teacher.onnx"),
    model: "teacher",
    variantId: "file",
    goldenPath: null,
  });
});

test("a path without a file, or with an empty or an impossibly large one, is refused with its name", async () => {
  const folder = await makeFolder();
  await writeFile(path.join(folder, "empty.onnx"), "");
  await mkdir(path.join(folder, "folder.onnx"));
  await writeFile(path.join(folder, "huge.onnx"), "");
  await truncate(path.join(folder, "huge.onnx"), LIMITS.modelBytes + 1);
  const store = openStore({ root, catalogue: [catalogue] });
  const refuse = (name: string) => errorOf(store.resolve(path.join(folder, name)));

  expect(await refuse("absent.onnx")).toMatchObject({ code: "MODEL_FILE_MISSING", received: "ENOENT" });
  expect(await refuse("folder.onnx")).toMatchObject({ code: "MODEL_FILE_MISSING" });
  expect(await refuse("empty.onnx")).toMatchObject({ code: "MODEL_LOAD_FAILED", received: "0 bytes" });
  expect(await refuse("huge.onnx")).toMatchObject({
    code: "MODEL_LOAD_FAILED",
    received: "2147483648 bytes",
  });
  expect(await refuse("manifest.json")).toMatchObject({ code: "MODEL_FILE_MISSING" });
});

test("an unknown name is answered with the names that exist", async () => {
  const store = openStore({ root, catalogue: [catalogue] });

  const model = await errorOf(store.resolve("whisper"));
  const variant = await errorOf(store.resolve("remote@int4"));
  const outside = await errorOf(store.resolve("../remote"));

  expect(model).toMatchObject({ code: "MODEL_UNKNOWN", what: "whisper" });
  expect((model as RedlineError).expected).toContain("local, remote");
  expect(variant).toMatchObject({ code: "MODEL_VARIANT_UNKNOWN", expected: "remote@fp32" });
  expect(outside).toMatchObject({ code: "MODEL_UNKNOWN" });
});

test("a name that is something else is answered with what that is for", async () => {
  const store = openStore({ root, catalogue: [catalogue] });

  const address = await errorOf(store.pull("https://models.invalid/a.onnx"));
  const plain = await errorOf(store.verify("a.onnx"));
  const empty = await errorOf(store.pull(""));
  const variant = await errorOf(store.rollback("remote@fp32"));

  expect(address).toMatchObject({
    code: "MODEL_UNKNOWN",
    hint: expect.stringContaining("a source in a manifest"),
  });
  expect(plain).toMatchObject({
    code: "MODEL_UNKNOWN",
    hint: expect.stringContaining("no manifest to check"),
  });
  expect(empty).toMatchObject({ code: "MODEL_UNKNOWN", what: "an empty name" });
  expect(variant).toMatchObject({ code: "USAGE", hint: "redline models rollback remote" });
});

test("offline, an absent file's error says which file to copy where", async () => {
  const store = openStore({ root, catalogue: [catalogue], offline: true });

  const error = (await errorOf(store.resolve("remote"))) as RedlineError;

  expect(error.code).toBe("STORE_OFFLINE");
  expect(error.hint).toBe(
    `copy remote.onnx (20 bytes, sha256 ${SHA256}; from https://models.invalid/remote.onnx) to ${blobPath(root, SHA256)}`,
  );
});

test("a file copied to where the offline error says is found", async () => {
  const store = openStore({ root, catalogue: [catalogue], offline: true });
  const error = (await errorOf(store.resolve("remote"))) as RedlineError;
  const target = (error.hint ?? "").split(" to ").at(-1) ?? "";

  await mkdir(path.dirname(target), { recursive: true });
  await copyFile(path.join(catalogue, "local", "weights", "local.onnx"), target);

  expect((await store.resolve("remote")).path).toBe(target);
});

test("REDLINE_OFFLINE keeps the store off the network", () => {
  vi.stubEnv("REDLINE_OFFLINE", "1");
  const offline = openStore({ root }).isOffline;
  vi.stubEnv("REDLINE_OFFLINE", "0");
  const online = openStore({ root }).isOffline;
  vi.unstubAllEnvs();

  expect([offline, online]).toEqual([true, false]);
});

test.each([
  ["one flipped bit", flipped(BYTES)],
  ["a missing end", BYTES.slice(0, 7)],
  ["no content", new Uint8Array()],
  ["one byte too many", new Uint8Array([...BYTES, 0])],
])("an installed file with %s is refused offline and set aside", async (_damage, damaged) => {
  const blob = await install(damaged);
  const store = openStore({ root, catalogue: [catalogue], offline: true });

  const error = (await errorOf(store.resolve("remote"))) as RedlineError;

  expect(error.code).toBe("STORE_HASH_MISMATCH");
  expect(error.what).toBe(`remote.onnx from ${blob}`);
  expect(error.expected).toBe(`sha256 ${SHA256}, 20 bytes`);
  expect(error.received).toBe(`sha256 ${sha256Of(damaged)}, ${damaged.length} bytes`);
  expect(error.hint).toContain(`to ${blob}`);
  expect(new Uint8Array(await readFile(path.join(root, "quarantine", SHA256)))).toEqual(damaged);
  expect(await errorOf(store.resolve("remote"))).toMatchObject({ code: "STORE_OFFLINE" });
});

test("a damaged file beside its manifest is refused and left where it is", async () => {
  const file = path.join(catalogue, "local", "weights", "local.onnx");
  await writeFile(file, flipped(BYTES));
  const store = openStore({ root, catalogue: [catalogue] });

  const error = await errorOf(store.resolve("local"));

  expect(error).toMatchObject({ code: "STORE_HASH_MISMATCH", what: `local.onnx from ${file}` });
  expect(new Uint8Array(await readFile(file))).toEqual(flipped(BYTES));
});

test("a good blob serves a model whose own file is damaged or gone", async () => {
  const blob = await install();
  await writeFile(path.join(catalogue, "local", "weights", "local.onnx"), "");
  const store = openStore({ root, catalogue: [catalogue] });

  const resolved = await store.resolve("local");

  expect(resolved.path).toBe(blob);
});

test("a link that leads out of the manifest's folder is not followed", async () => {
  const outside = path.join(await makeFolder(), "outside.onnx");
  await writeFile(outside, BYTES);
  const linked = await makeCatalogue([
    { name: "filed", bytes: BYTES, sources: ["file:inside.onnx"] },
    { name: "foldered", bytes: BYTES, sources: ["file:inside/outside.onnx"] },
  ]);
  await symlink(outside, path.join(linked, "filed", "inside.onnx"));
  await symlink(path.dirname(outside), path.join(linked, "foldered", "inside"));
  const store = openStore({ root, catalogue: [linked] });

  const errors = [await errorOf(store.resolve("filed")), await errorOf(store.resolve("foldered"))];

  expect(errors.map((error) => (error as RedlineError).code)).toEqual(["MANIFEST_PATH", "MANIFEST_PATH"]);
});

test("a manifest that is not JSON, too large, or not named like its folder is refused", async () => {
  const folder = await makeCatalogue([{ ...REMOTE, manifest: { name: "other" } }]);
  const at = async (name: string, text: string) => {
    await writeFile(path.join(folder, name), text);
    return path.join(folder, name);
  };
  const store = openStore({ root, catalogue: [folder] });

  const truncated = await errorOf(store.resolve(await at("truncated.json", '{"schema": 1,')));
  const large = await errorOf(store.resolve(await at("large.json", " ".repeat(LIMITS.manifestBytes + 1))));
  const misnamed = await errorOf(store.resolve("remote"));

  expect(truncated).toMatchObject({ code: "MANIFEST_INVALID", expected: "JSON" });
  expect(large).toMatchObject({ code: "MANIFEST_INVALID", received: `${LIMITS.manifestBytes + 1} bytes` });
  expect(misnamed).toMatchObject({ code: "MANIFEST_INVALID", received: "other" });
});

test("list and verify tell good, damaged and missing files apart, and find blobs no manifest names", async () => {
  const stray = new TextEncoder().encode("a blob of last year's manifest");
  await install(flipped(BYTES));
  await writeFile(blobPath(root, sha256Of(stray)), stray);
  const store = openStore({ root, catalogue: [catalogue] });

  const listed = await store.list();
  const verified = await store.verify();
  await writeFile(blobPath(root, sha256Of(stray)), BYTES);

  const states = Object.fromEntries(listed.map((entry) => [entry.model, entry.variants[0]?.state]));
  expect(states).toEqual({ local: "ok", remote: "damaged" });
  expect(verified.map(({ model, state }) => [model, state])).toEqual([
    ["local", "ok"],
    ["remote", "damaged"],
    [null, "ok"],
  ]);
  expect((await store.verify()).at(-1)).toMatchObject({ model: null, state: "damaged" });
  expect(await store.verify("local@fp32")).toMatchObject([{ model: "local", state: "ok" }]);
  expect(await readdir(root)).toEqual(["blobs"]);
});

test("an empty store lists its catalogue as missing and creates nothing", async () => {
  const store = openStore({ root, catalogue: [catalogue] });

  const states = await store.verify("remote");

  expect(states).toMatchObject([{ state: "missing", receivedSha256: null, path: blobPath(root, SHA256) }]);
  expect(await readdir(path.dirname(root))).toEqual([]);
});

test("a store whose folder cannot be created says so and names the way out", async () => {
  const blocked = path.join(await makeFolder(), "a-file");
  await writeFile(blocked, "");
  const store = openStore({ root: path.join(blocked, "store"), catalogue: [catalogue] });

  const error = (await errorOf(store.resolve("remote"))) as RedlineError;

  expect(error).toMatchObject({ code: "STORE_WRITE_FAILED", received: "ENOTDIR" });
  expect(error.hint).toContain("REDLINE_HOME");
});

test("a store that can only be read serves what it holds", async () => {
  const blob = await install();
  await chmod(path.dirname(blob), 0o555);
  await chmod(root, 0o555);
  const store = openStore({ root, catalogue: [catalogue], offline: true });

  const resolved = await store.resolve("remote");

  expect(resolved.path).toBe(blob);
  expect(await readdir(root)).toEqual(["blobs"]);
});

test("a pull that cannot keep what it was asked to keep says so; what is kept already needs no writing", async () => {
  const blocked = path.join(await makeFolder(), "a-file");
  await writeFile(blocked, "");
  const nowhere = openStore({ root: path.join(blocked, "store"), catalogue: [catalogue] });
  const store = openStore({ root, catalogue: [catalogue] });
  await store.pull("local");
  await rm(path.join(root, "locks"), { recursive: true });
  await writeFile(path.join(root, "locks"), "not a folder: no lock can be taken");

  const used = await nowhere.resolve("local");
  const refused = await errorOf(nowhere.pull("local"));
  const kept = await store.pull("local");

  expect(used.path).toBe(kept.path);
  expect(refused).toMatchObject({ code: "STORE_WRITE_FAILED" });
});

test("addresses and archives that cannot be exported to or imported from are refused by what can be", async () => {
  const store = openStore({ root, catalogue: [catalogue] });

  const from = await errorOf(store.import("https://models.invalid/site.tar"));
  const to = await errorOf(store.export("https://models.invalid/site.tar"));

  expect(from).toMatchObject({ code: "USAGE", hint: expect.stringContaining("REDLINE_MIRROR") });
  expect(to).toMatchObject({ code: "USAGE", hint: "redline models export site.tar" });
});

test("a closed store and an aborted call answer at once", async () => {
  const store = openStore({ root, catalogue: [catalogue] });
  const reason = new Error("no longer wanted");

  const aborted = await errorOf(store.resolve("remote", { signal: AbortSignal.abort(reason) }));
  await store.close();
  await store.close();

  expect(aborted).toBe(reason);
  expect(await errorOf(store.resolve("local"))).toMatchObject({ code: "RUNTIME_CLOSED" });
});

function flipped(bytes: Uint8Array): Uint8Array {
  const copy = bytes.slice();
  copy[5] = (copy[5] ?? 0) ^ 1;
  return copy;
}
