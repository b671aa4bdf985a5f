// Asks whether versions are kept, rolled back from and returned to as promised, and licences recorded once.

import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { beforeEach, expect, test } from "vitest";
import { blobPath } from "../../../runtime/store/blobs.js";
import type { LicenceNotice } from "../../../runtime/store/licence.js";
import { openStore } from "../../../runtime/store/store.js";
import { errorOf, makeCatalogue, makeFolder, sha256Of } from "./catalogue-folder.js";

const bytesOf = (version: string) => new TextEncoder().encode(`weights of ${version}`);

let root: string;
let mirror: string;
const notices: LicenceNotice[] = [];

beforeEach(async () => {
  root = path.join(await makeFolder(), "store");
  mirror = await makeFolder();
  notices.length = 0;
});

/** A catalogue that offers one version, whose weights the mirror has. */
async function offer(version: string, manifest: Record<string, unknown> = {}): Promise<string> {
  const bytes = bytesOf(version);
  const words = { version, card: "README.md", licenceFile: "LICENCE.txt", ...manifest };
  const sources = ["https://models.invalid/beacon.onnx"];
  const catalogue = await makeCatalogue([{ name: "beacon", bytes, sources, manifest: words }]);
  await writeFile(path.join(catalogue, "beacon", "README.md"), `# beacon ${version}`);
  await writeFile(path.join(catalogue, "beacon", "LICENCE.txt"), "Do what is right.");
  const at = blobPath(mirror, sha256Of(bytes));
  await import("node:fs/promises").then(({ mkdir }) => mkdir(path.dirname(at), { recursive: true }));
  await writeFile(at, bytes);
  return catalogue;
}

function open(catalogue: string) {
  return openStore({
    root,
    catalogue: [catalogue],
    mirror,
    offline: true,
    onLicence: (one) => notices.push(one),
  });
}

const versionOf = async (catalogue: string) => (await open(catalogue).resolve("beacon")).manifest?.version;

test("after an upgrade the version before is one call away, without network and without the old catalogue", async () => {
  await open(await offer("1.0.0")).pull("beacon");
  const newer = await offer("2.0.0");
  await open(newer).pull("beacon");
  await rm(mirror, { recursive: true });

  const change = await open(newer).rollback("beacon");
  const used = await open(newer).resolve("beacon");

  expect(change).toMatchObject({ model: "beacon", fromVersion: "2.0.0", toVersion: "1.0.0" });
  expect(used.manifest?.version).toBe("1.0.0");
  expect(new Uint8Array(await readFile(used.path))).toEqual(bytesOf("1.0.0"));
  expect(await open(newer).list()).toMatchObject([
    { version: "1.0.0", isRolledBack: true, keptVersions: ["1.0.0", "2.0.0"] },
  ]);
});

test("a pull does not undo a rollback, a second rollback does", async () => {
  await open(await offer("1.0.0")).pull("beacon");
  const newer = await offer("2.0.0");
  await open(newer).pull("beacon");
  await open(newer).rollback("beacon");

  const pulled = await open(newer).pull("beacon");
  const change = await open(newer).rollback("beacon");

  expect(pulled.manifest?.version).toBe("1.0.0");
  expect(change).toMatchObject({ fromVersion: "1.0.0", toVersion: "2.0.0" });
  expect(await versionOf(newer)).toBe("2.0.0");
  expect(await open(newer).list()).toMatchObject([{ isRolledBack: false }]);
});

test("a third version ends a rollback, and the version used before it is the one to go back to", async () => {
  await open(await offer("1.0.0")).pull("beacon");
  const refused = await offer("2.0.0");
  await open(refused).pull("beacon");
  await open(refused).rollback("beacon");
  const third = await offer("3.0.0");

  await open(third).pull("beacon");
  const used = await versionOf(third);
  await open(third).rollback("beacon");

  expect(used).toBe("3.0.0");
  expect(await versionOf(third)).toBe("1.0.0");
  expect(
    (await readdir(path.join(root, "versions", "beacon"))).filter((name) => name.length === 64),
  ).toHaveLength(2);
});

test("a kept version brings its own golden values, card and licence", async () => {
  await open(await offer("1.0.0")).pull("beacon");
  const newer = await offer("2.0.0");
  await open(newer).pull("beacon");
  await open(newer).rollback("beacon");

  const [entry] = await open(newer).list();

  const folder = path.dirname(entry?.manifestPath ?? "");
  expect(await readFile(path.join(folder, "README.md"), "utf8")).toBe("# beacon 1.0.0");
  expect((await readdir(folder)).sort()).toEqual([
    "LICENCE.txt",
    "README.md",
    "files.ndjson",
    "manifest.json",
  ]);
});

test("a version whose file is gone and cannot be fetched is not rolled back to, and nothing changes", async () => {
  await open(await offer("1.0.0")).pull("beacon");
  const newer = await offer("2.0.0");
  await open(newer).pull("beacon");
  await rm(blobPath(root, sha256Of(bytesOf("1.0.0"))));
  await rm(mirror, { recursive: true });

  const error = await errorOf(open(newer).rollback("beacon"));

  expect(error).toMatchObject({ code: "STORE_OFFLINE" });
  expect(await versionOf(newer)).toBe("2.0.0");
});

test("a model with one version, and one that was never pulled, cannot be rolled back", async () => {
  const catalogue = await offer("1.0.0");
  const never = await errorOf(open(catalogue).rollback("beacon"));
  await open(catalogue).pull("beacon");

  const one = await errorOf(open(catalogue).rollback("beacon"));
  const unknown = await errorOf(open(catalogue).rollback("nobody"));

  expect(never).toMatchObject({ code: "STORE_NO_VERSION", received: "0 kept" });
  expect(one).toMatchObject({ code: "STORE_NO_VERSION", received: "1 kept" });
  expect(unknown).toMatchObject({ code: "MODEL_UNKNOWN" });
});

test("a model that lies beside its manifest is used in place and kept by a pull", async () => {
  const beside = async (version: string) => {
    const catalogue = await makeCatalogue([
      { name: "beacon", bytes: bytesOf(version), sources: ["file:beacon.onnx"], manifest: { version } },
    ]);
    await writeFile(path.join(catalogue, "beacon", "beacon.onnx"), bytesOf(version));
    return catalogue;
  };
  const older = await beside("1.0.0");
  const pulled = await open(older).pull("beacon");
  await rm(older, { recursive: true });
  const newer = await beside("2.0.0");
  await open(newer).pull("beacon");

  await open(newer).rollback("beacon");
  const used = await open(newer).resolve("beacon");

  expect(pulled.path).toBe(path.join(older, "beacon", "beacon.onnx"));
  expect(new Uint8Array(await readFile(used.path))).toEqual(bytesOf("1.0.0"));
});

test("the licence is shown and recorded at the first pull, with its text, and again only when it changes", async () => {
  await open(await offer("1.0.0")).pull("beacon");
  await open(await offer("2.0.0")).pull("beacon");
  const changed = await offer("3.0.0", { licence: "MIT" });
  await open(changed).pull("beacon");

  const [first, second] = notices;

  expect(notices).toHaveLength(2);
  const textSha256 = sha256Of(Buffer.from("Do what is right."));
  expect(first).toMatchObject({ model: "beacon", version: "1.0.0", licence: "Apache-2.0", textSha256 });
  expect(second).toMatchObject({ version: "3.0.0", licence: "MIT", textSha256 });
  expect(first?.user).toBe((await import("node:os")).userInfo().username);
  expect(await readFile(first?.textPath ?? "", "utf8")).toBe("Do what is right.");
  const record = JSON.parse((await readFile(first?.recordPath ?? "", "utf8")).split("\n")[1] ?? "") as object;
  expect(record).toMatchObject({
    schema: 1,
    model: "beacon",
    licence: "Apache-2.0",
    textSha256,
    user: first?.user,
  });
  expect(Date.parse(first?.recordedAt ?? "")).toBeGreaterThan(Date.now() - 60_000);
});

test("a mirror that is neither folder nor web address is refused when the store is opened", () => {
  for (const mirror of ["ftp://models.example", "https://me:secret@models.example"]) {
    expect(() => openStore({ root, mirror })).toThrow(/the mirror/);
    expect(() => openStore({ root, mirror })).not.toThrow(/secret/);
  }
});
