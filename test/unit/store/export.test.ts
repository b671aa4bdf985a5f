// Asks whether models cross to a machine without a network bit for bit, whole or not at all.

import { spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdir, readdir, readFile, rm, stat, truncate, utimes, writeFile } from "node:fs/promises";
import path from "node:path";
import { list } from "tar";
import { beforeEach, describe, expect, test } from "vitest";
import { blobPath } from "../../../runtime/store/blobs.js";
import { openStore } from "../../../runtime/store/store.js";
import { errorOf, makeCatalogue, makeFolder, sha256Of } from "./catalogue-folder.js";

const BEACON = new TextEncoder().encode("weights of the beacon");
const TINY = new TextEncoder().encode("weights of the beacon, tiny");
const LOCAL = new TextEncoder().encode("weights beside their manifest");
const HASHES = [BEACON, TINY, LOCAL].map(sha256Of);

let root: string;
let away: string;
let catalogue: string;

beforeEach(async () => {
  const folder = await makeFolder();
  root = path.join(folder, "store");
  away = path.join(await makeFolder(), "store");
  const variants = [BEACON, TINY].map((bytes, index) => ({
    id: ["full", "tiny"][index],
    precision: "fp32",
    bytes: bytes.length,
    sha256: sha256Of(bytes),
    file: `${["full", "tiny"][index]}.onnx`,
    sources: ["https://models.invalid/beacon.onnx"],
  }));
  const words = { variants, golden: "golden/deep/values-of-a-long-name.json", licenceFile: "LICENCE.txt" };
  catalogue = await makeCatalogue([
    { name: "beacon", bytes: BEACON, sources: [], manifest: words },
    { name: "local", bytes: LOCAL, sources: ["file:local.onnx"] },
    { name: "absent", bytes: new Uint8Array(7), sources: ["https://models.invalid/absent.onnx"] },
  ]);
  await mkdir(path.join(catalogue, "beacon", "golden", "deep"), { recursive: true });
  await writeFile(path.join(catalogue, "beacon", words.golden), "{}");
  await writeFile(path.join(catalogue, "beacon", "LICENCE.txt"), "Do what is right.");
  await writeFile(path.join(catalogue, "local", "local.onnx"), LOCAL);
  for (const bytes of [BEACON, TINY]) {
    const blob = blobPath(root, sha256Of(bytes));
    await mkdir(path.dirname(blob), { recursive: true });
    await writeFile(blob, bytes);
  }
});

const here = () => openStore({ root, catalogue: [catalogue], offline: true });
/** The other machine: its catalogue knows nothing. */
const there = async () => openStore({ root: away, catalogue: [await makeCatalogue([])], offline: true });

describe.each(["out", "out.tar"])("an export to %s", (name) => {
  let target: string;

  beforeEach(async () => {
    target = path.join(await makeFolder(), name);
  });

  test("brings everything installed to a machine that knows none of it", async () => {
    const exported = await here().export(target);
    const imported = await (await there()).import(target);
    const used = await (await there()).resolve("beacon@tiny");
    const listed = await (await there()).list();

    expect(exported.models).toEqual([
      { model: "beacon", version: "1.0.0", variantIds: ["full", "tiny"] },
      { model: "local", version: "1.0.0", variantIds: ["fp32"] },
    ]);
    expect(imported.models.map(({ model, isInUse }) => [model, isInUse])).toEqual([
      ["beacon", true],
      ["local", true],
    ]);
    expect(imported).toMatchObject({ files: 3, keptFiles: 0 });
    expect(new Uint8Array(await readFile(used.path))).toEqual(TINY);
    expect((await readdir(path.join(away, "blobs", "sha256"))).sort()).toEqual([...HASHES].sort());
    const folder = path.dirname(listed[0]?.manifestPath ?? "");
    expect(await readFile(path.join(folder, "golden/deep/values-of-a-long-name.json"), "utf8")).toBe("{}");
    const text = path.join(away, "licences", "TEXTS", `${sha256Of(Buffer.from("Do what is right."))}.txt`);
    expect(await readFile(text, "utf8")).toBe("Do what is right.");
    expect((await (await there()).verify()).map(({ state }) => state)).toEqual(["ok", "ok", "ok"]);
  });

  test("of one variant brings that one", async () => {
    const exported = await here().export(target, { names: ["beacon@tiny"] });
    await (await there()).import(target);

    expect(exported.models).toEqual([{ model: "beacon", version: "1.0.0", variantIds: ["tiny"] }]);
    expect(await readdir(path.join(away, "blobs", "sha256"))).toEqual([sha256Of(TINY)]);
  });

  test("of a model that is not here and cannot be had is refused, and leaves no export", async () => {
    const error = await errorOf(here().export(target, { names: ["absent"] }));

    expect(error).toMatchObject({ code: "STORE_OFFLINE" });
    expect(await errorOf((await there()).import(target))).toMatchObject({ code: "STORE_EXPORT_INVALID" });
  });

  test("of everything names a damaged file instead of leaving it out", async () => {
    const damaged = blobPath(root, sha256Of(TINY));
    await writeFile(damaged, "not the tiny one's weights");

    const error = await errorOf(here().export(target));

    expect(error).toMatchObject({ code: "STORE_HASH_MISMATCH", what: expect.stringContaining("tiny.onnx") });
    expect(String(error)).toContain("tiny.onnx");
    expect(error).toMatchObject({
      received: expect.stringContaining(sha256Of(Buffer.from("not the tiny one's weights"))),
    });
    await expect(
      stat(name === "out" ? path.join(target, "redline-export.ndjson") : target),
    ).rejects.toThrow();
  });

  test("is imported twice without a copy, and over a damaged file with one", async () => {
    await here().export(target);
    await (await there()).import(target);

    const again = await (await there()).import(target);
    await writeFile(blobPath(away, sha256Of(TINY)), BEACON);
    const mended = await (await there()).import(target);

    expect(again).toMatchObject({ files: 3, keptFiles: 3 });
    expect(mended).toMatchObject({ files: 3, keptFiles: 2 });
    expect((await (await there()).verify()).map(({ state }) => state)).toEqual(["ok", "ok", "ok"]);
  });

  test("with one changed byte anywhere is refused, and what was whole before it stays", async () => {
    await here().export(target);
    const isTar = name.endsWith(".tar");
    const files = isTar
      ? [target]
      : (await readdir(target, { recursive: true })).map((file) => path.join(target, file));
    let refused = 0;
    for (const file of files) {
      if (!(await stat(file)).isFile()) continue;
      const whole = await readFile(file);
      for (let index = 3; index < whole.length; index += isTar ? 97 : Math.ceil(whole.length / 3)) {
        const changed = Buffer.from(whole);
        changed[index] = (changed[index] ?? 0) ^ 4;
        await writeFile(file, changed);
        away = path.join(await makeFolder(), "store");
        const outcome = await (await there()).import(target).then(
          () => "imported",
          (error: { code?: string }) => error.code,
        );
        if (outcome !== "imported") refused++;
        expect(["imported", "STORE_EXPORT_INVALID", "STORE_HASH_MISMATCH"]).toContain(outcome);
        const states = await (await there()).verify();
        expect(states.filter(({ state }) => state === "damaged")).toEqual([]);
        if (outcome === "imported") expect(states).toHaveLength(3);
        // Only padding and fields nobody reads may change without notice.
        else expect(outcome).not.toBe("imported");
      }
      await writeFile(file, whole);
    }
    expect(refused).toBeGreaterThan(5);
  });
});

test("a folder is filled up where it was left", async () => {
  const target = path.join(await makeFolder(), "out");
  await here().export(target, { names: ["beacon"] });
  const before = await stat(blobPath(target, sha256Of(BEACON)));
  await rm(blobPath(target, sha256Of(TINY)));

  const { keptFiles } = await here().export(target, { names: ["beacon"] });
  const { models } = await here().export(target, { names: ["local"] });

  expect(keptFiles).toBe(4);
  expect((await stat(blobPath(target, sha256Of(BEACON)))).ino).toBe(before.ino);
  expect(models.map(({ model }) => model)).toEqual(["beacon", "local"]);
});

test("an export's folder is a mirror", async () => {
  const target = path.join(await makeFolder(), "out");
  await here().export(target);
  const store = openStore({ root: away, catalogue: [catalogue], offline: true, mirror: target });

  const { path: at } = await store.pull("beacon");

  expect(new Uint8Array(await readFile(at))).toEqual(BEACON);
});

test("a tar export is a tar file like any other, the same bytes each time", async () => {
  const target = path.join(await makeFolder(), "out.tar");
  await here().export(target);
  const first = await readFile(target);
  await here().export(target);
  const names: string[] = [];

  await list({ file: target, onReadEntry: (entry) => names.push(entry.path) });

  expect(await readFile(target)).toEqual(first);
  expect(names[0]).toBe("redline-export.ndjson");
  expect(names.slice(1)).toContain(`blobs/sha256/${sha256Of(BEACON)}`);
});

test("a file cut short, a folder that is none and nothing at all are refused by name", async () => {
  const target = path.join(await makeFolder(), "out.tar");
  await here().export(target);
  await truncate(target, (await stat(target)).size - 2000);
  const store = await there();

  const cut = await errorOf(store.import(target));
  const none = await errorOf(store.import(await makeFolder()));
  const nothing = await errorOf(store.import(path.join(root, "nothing")));

  expect(cut).toMatchObject({ code: "STORE_EXPORT_INVALID" });
  expect(none).toMatchObject({ code: "STORE_EXPORT_INVALID", expected: "redline-export.ndjson" });
  expect(nothing).toMatchObject({ code: "STORE_EXPORT_INVALID", received: "nothing there" });
});

test("a tar file cut anywhere is refused before anything of it is taken", async () => {
  const whole = path.join(await makeFolder(), "out.tar");
  await here().export(whole);
  const bytes = await readFile(whole);
  const cut = path.join(path.dirname(whole), "cut.tar");
  const taken: string[] = [];
  // The last kilobyte is the archive's end mark and holds nothing.
  for (let length = 0; length <= bytes.length - 1024 - 512; length += 256) {
    away = path.join(await makeFolder(), "store");
    await writeFile(cut, bytes.subarray(0, length));

    const error = await errorOf((await there()).import(cut));

    const blobs = await readdir(path.join(away, "blobs", "sha256")).catch(() => []);
    if ((error as { code?: string }).code !== "STORE_EXPORT_INVALID" || blobs.length > 0)
      taken.push(`${length} of ${bytes.length}: ${String(error)}, ${blobs.length} blobs`);
  }

  expect(taken).toEqual([]);
});

test("an export writes under another name until it is whole, and removes what a dead one left", async () => {
  const target = path.join(await makeFolder(), "out.tar");
  const ended = spawnSync(process.execPath, ["-e", ""]).pid;
  const left = `${target}.${ended}.${randomUUID()}.part`;
  const alive = `${target}.${process.pid}.${randomUUID()}.part`;
  const fresh = `${target}.${ended}.${randomUUID()}.part`;
  for (const at of [left, alive, fresh]) await writeFile(at, "half an export");
  const then = new Date(Date.now() - 120_000);
  for (const at of [left, alive]) await utimes(at, then, then);

  const refused = await errorOf((await there()).import(left));
  await here().export(target);

  expect(refused).toMatchObject({ code: "STORE_EXPORT_INVALID" });
  const names = (await readdir(path.dirname(target))).sort();
  expect(names).toEqual([target, alive, fresh].map((at) => path.basename(at)).sort());
});

test.each([["out.zip"], ["out.tar.gz"], ["out.tgz"]])(
  "an export to %s is refused: it would be a folder of that name",
  async (name) => {
    const error = await errorOf(here().export(path.join(await makeFolder(), name)));

    expect(error).toMatchObject({ code: "USAGE", expected: "a folder, or a file ending in .tar" });
  },
);

test("an import of another version than the catalogue's is kept beside it until a rollback uses it", async () => {
  const target = path.join(await makeFolder(), "out");
  await here().export(target, { names: ["local"] });
  const newer = new TextEncoder().encode("newer weights");
  const other = await makeCatalogue([
    { name: "local", bytes: newer, sources: ["file:local.onnx"], manifest: { version: "2.0.0" } },
  ]);
  await writeFile(path.join(other, "local", "local.onnx"), newer);
  const store = openStore({ root: away, catalogue: [other], offline: true });

  const { models } = await store.import(target);
  const before = (await store.resolve("local")).manifest?.version;
  await store.rollback("local");
  const after = await store.resolve("local");

  expect(models).toMatchObject([{ version: "1.0.0", isInUse: false }]);
  expect(before).toBe("2.0.0");
  expect(after.manifest?.version).toBe("1.0.0");
  expect(new Uint8Array(await readFile(after.path))).toEqual(LOCAL);
});
