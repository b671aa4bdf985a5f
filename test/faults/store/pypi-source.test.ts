// Asks whether pypi: sources work through the user's pip, against a local index, and never run a package's code.

import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { pythonCandidates } from "../../../runtime/store/pip.js";
import { openStore } from "../../../runtime/store/store.js";
import { errorOf, makeCatalogue, makeFolder, sha256Of } from "../../unit/store/catalogue-folder.js";
import { compileStore, startChild } from "./child-store.js";
import { lapseLocks } from "./store-world.js";

const WEIGHTS = randomBytes(300_000);
/** A file that unpacks to a thousand times its size. */
const BOMB_BYTES = 50_000_000;

const BUILD = `
import base64, json, sys, zipfile, tarfile, io
job = json.load(sys.stdin)
def wheel(name, files):
    with zipfile.ZipFile(f"{job['folder']}/{name}-1.0-py3-none-any.whl", "w", zipfile.ZIP_DEFLATED) as z:
        for path, data in files.items(): z.writestr(path, data)
        info = f"{name}-1.0.dist-info"
        z.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\\nName: {name}\\nVersion: 1.0\\nRequires-Python: >=99\\n")
        z.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        z.writestr(f"{info}/RECORD", "")
weights = base64.b64decode(job["weights"])
wheel("beacon", {"beacon/__init__.py": "open('" + job["marker"] + "', 'w')", "beacon/assets/model.onnx": weights, "beacon/assets/other.onnx": b"other weights"})
wheel("bomb", {"bomb/model.onnx": bytes(job["bomb"])})
setup = ("open(r'" + job["marker"] + "', 'w').close()\\nfrom setuptools import setup\\nsetup(name='sourced', version='1.0')\\n").encode()
with tarfile.open(f"{job['folder']}/sourced-1.0.tar.gz", "w:gz") as t:
    for name, data in {"setup.py": setup, "PKG-INFO": b"Metadata-Version: 1.0\\nName: sourced\\nVersion: 1.0\\n"}.items():
        info = tarfile.TarInfo(f"sourced-1.0/{name}"); info.size = len(data); t.addfile(info, io.BytesIO(data))
`;

const hasPip = (() => {
  try {
    execFileSync("python3", ["-m", "pip", "--version"], { stdio: "ignore" });
    return true;
  } catch {
    console.warn("pypi: sources are not tested: python3 with pip is not installed");
    return false;
  }
})();

describe.skipIf(!hasPip)("a file out of a wheel", () => {
  let server: Server;
  let catalogue: string;
  let root: string;
  let marker: string;
  const asked: string[] = [];
  let hangs = false;

  beforeAll(async () => {
    const folder = await makeFolder();
    marker = path.join(await makeFolder(), "code-ran");
    const job = { folder, marker, weights: WEIGHTS.toString("base64"), bomb: BOMB_BYTES };
    execFileSync("python3", ["-c", BUILD], { input: JSON.stringify(job) });
    const names = await readdir(folder);
    server = createServer(async (request, response) => {
      const url = request.url ?? "";
      asked.push(url);
      const project = /^\/simple\/([^/]+)\/$/.exec(url)?.[1];
      if (project !== undefined) {
        const own = names.filter((name) => name.startsWith(`${project}-`));
        if (own.length === 0) return response.writeHead(404).end();
        const links = own.map((name) => `<a href="/files/${name}">${name}</a>`);
        return response
          .setHeader("content-type", "text/html")
          .end(`<html><body>${links.join("\n")}</body></html>`);
      }
      const bytes = await readFile(path.join(folder, path.basename(url)));
      if (hangs)
        return response.writeHead(200, { "content-length": bytes.length }).write(bytes.subarray(0, 1000));
      response.end(bytes);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    vi.stubEnv("PIP_INDEX_URL", `http://127.0.0.1:${(server.address() as AddressInfo).port}/simple/`);
    vi.stubEnv("PIP_EXTRA_INDEX_URL", "");
    vi.stubEnv("PIP_FIND_LINKS", "");
    vi.stubEnv("PIP_RETRIES", "0");
    vi.stubEnv("PIP_CACHE_DIR", await makeFolder());
    const from = (source: string) => [`pypi:${source}`];
    catalogue = await makeCatalogue([
      { name: "good", bytes: WEIGHTS, sources: from("beacon==1.0/beacon/assets/model.onnx") },
      {
        name: "other",
        bytes: Buffer.from("other weights"),
        sources: from("beacon==1.0/beacon/assets/other.onnx"),
      },
      { name: "absent-file", bytes: randomBytes(9), sources: from("beacon==1.0/beacon/none.onnx") },
      {
        name: "absent-version",
        bytes: randomBytes(8),
        sources: from("beacon==2.0/beacon/assets/model.onnx"),
      },
      { name: "absent", bytes: randomBytes(7), sources: from("nobody==1.0/a.onnx") },
      { name: "bomb", bytes: randomBytes(1000), sources: from("bomb==1.0/bomb/model.onnx") },
      { name: "sourced", bytes: randomBytes(6), sources: from("sourced==1.0/sourced/model.onnx") },
    ]);
  });

  afterAll(async () => {
    vi.unstubAllEnvs();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  beforeEach(async () => {
    root = path.join(await makeFolder(), "store");
    asked.length = 0;
  });

  const pull = async (name: string) => {
    await using store = openStore({ root, catalogue: [catalogue] });
    return await store.pull(name);
  };

  test("is installed through pip and its index, with nothing else left behind", async () => {
    const { path: at } = await pull("good");

    expect(sha256Of(await readFile(at))).toBe(sha256Of(WEIGHTS));
    expect(asked).toContain("/simple/beacon/");
    expect(await readdir(path.join(root, "tmp"))).toEqual([]);
    expect(existsSync(marker)).toBe(false);
  });

  test.each([
    ["absent-file", "the wheel holds no file beacon/none.onnx"],
    ["absent-version", "No matching distribution found for beacon==2.0"],
    ["absent", "No matching distribution found for nobody==1.0"],
    ["sourced", "No matching distribution found for sourced==1.0"],
  ])("that cannot be had (%s) is refused with pip's reason", async (name, reason) => {
    const error = await errorOf(pull(name));

    expect(error).toMatchObject({ code: "STORE_SOURCE_FAILED" });
    expect((error as Error).message).toContain(reason);
    expect(existsSync(marker)).toBe(false);
    expect(await readdir(path.join(root, "tmp"))).toEqual([]);
  });

  test("that unpacks to more than its manifest says is unpacked no further", async () => {
    const error = await errorOf(pull("bomb"));

    expect(error).toMatchObject({ code: "STORE_HASH_MISMATCH", received: "more" });
    expect(await readdir(path.join(root, "tmp"))).toEqual([]);
  });

  test("leaves its folder when the process is killed, and the next pull of anything removes it", async () => {
    hangs = true;
    const env = { PIP_CACHE_DIR: await makeFolder() };
    const child = startChild(await compileStore(), { root, catalogue, names: ["good"], env });
    while (!asked.some((url) => url.endsWith(".whl")))
      await new Promise((resolve) => setTimeout(resolve, 20));
    child.process.kill("SIGKILL");
    await child.ended;
    hangs = false;
    const left = await readdir(path.join(root, "tmp"));
    // While the dead process's lock is fresh nobody can know that it is dead, if it was another machine's.
    await pull("other");
    const kept = (await readdir(path.join(root, "tmp"))).filter((name) => name.endsWith(".pip"));
    await lapseLocks(root);

    await pull("other");

    expect(left.map((name) => name.split(".").at(-1)).sort()).toEqual(["part", "pip"]);
    expect(kept).toHaveLength(1);
    expect((await readdir(path.join(root, "tmp"))).filter((name) => name.endsWith(".pip"))).toEqual([]);
  });

  test("without pip is refused with what was tried and what to do", async () => {
    const bin = await makeFolder();
    await mkdir(path.join(bin, "empty"));
    await writeFile(path.join(bin, "python3"), "#!/bin/sh\necho 'No module named pip' >&2; exit 1\n", {
      mode: 0o755,
    });
    vi.stubEnv("VIRTUAL_ENV", "");
    vi.stubEnv("PATH", bin);
    const error = await errorOf(pull("good"));
    vi.stubEnv("REDLINE_PYTHON", path.join(bin, "no-such-python"));
    const named = await errorOf(pull("good"));
    vi.stubEnv("REDLINE_PYTHON", "");
    vi.stubEnv("PATH", ORIGINAL_PATH);

    expect((error as Error).message).toContain("pip is not found (python3: No module named pip; python: ");
    expect((error as Error).message).toContain("install Python with pip, or set REDLINE_PYTHON");
    expect((named as Error).message).toContain("no-such-python");
  });

  test("ends with the store that asks for it, and pip with it", async () => {
    hangs = true;
    vi.stubEnv("PIP_CACHE_DIR", await makeFolder());
    const store = openStore({ root, catalogue: [catalogue] });
    const refusal = errorOf(store.pull("good"));
    while (!asked.some((url) => url.endsWith(".whl")))
      await new Promise((resolve) => setTimeout(resolve, 20));

    await store.close();
    hangs = false;

    expect(await refusal).toMatchObject({ code: "RUNTIME_CLOSED" });
    expect(await readdir(path.join(root, "tmp"))).toEqual([]);
  });
});

const ORIGINAL_PATH = process.env.PATH ?? "";

test("Python is looked for where each system has it", () => {
  const names = (platform: NodeJS.Platform, env: Record<string, string> = {}) =>
    pythonCandidates({ platform, env }).map(({ command, first }) => [command, ...first].join(" "));

  expect(names("linux")).toEqual(["python3", "python"]);
  expect(names("darwin", { VIRTUAL_ENV: "/v" })).toEqual(["/v/bin/python", "python3", "python"]);
  expect(names("win32", { VIRTUAL_ENV: "C:\\v" })).toEqual(["C:\\v\\Scripts\\python.exe", "py -3", "python"]);
  expect(names("linux", { REDLINE_PYTHON: "/opt/python", VIRTUAL_ENV: "/v" })).toEqual(["/opt/python"]);
});
