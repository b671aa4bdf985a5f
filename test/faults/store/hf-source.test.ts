// Asks whether hf: sources work through the hub's client, against a local server that speaks the hub's API.

import { createHash, randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { nodeDisk } from "../../../runtime/store/disk.js";
import { readHistory } from "../../../runtime/store/history.js";
import { openStore } from "../../../runtime/store/store.js";
import { errorOf, makeCatalogue, makeFolder, sha256Of } from "../../unit/store/catalogue-folder.js";

const WEIGHTS = randomBytes(600_000);
const OTHER = randomBytes(1000);
const COMMIT = createHash("sha1").update("a commit").digest("hex");
const REPOSITORY = "harbour/beacon";

/** What a test may ask of the hub. */
interface Hub {
  isPrivate: boolean;
  cutAt: number | undefined;
  /** Sends a file's bytes from another host's address, as the hub's storage does. */
  redirectsTo: string | undefined;
}

const hub: Hub = { isPrivate: false, cutAt: undefined, redirectsTo: undefined };
const requests: { url: string; range: string | undefined; authorization: string | undefined }[] = [];
let server: Server;
let catalogue: string;
let root: string;

beforeAll(async () => {
  server = createServer((request, response) => {
    const url = decodeURIComponent(request.url ?? "");
    const { range, authorization } = request.headers;
    requests.push({ url, range, authorization });
    if (hub.isPrivate && !url.startsWith("/storage") && authorization !== "Bearer hf_made_up") {
      return response
        .writeHead(401, { "content-type": "application/json" })
        .end('{"error":"Invalid credentials"}');
    }
    if (url.startsWith(`/api/models/${REPOSITORY}/revision/main?`)) {
      const model = {
        _id: "1",
        id: REPOSITORY,
        modelId: REPOSITORY,
        sha: COMMIT,
        private: false,
        gated: false,
      };
      const answer = { ...model, downloads: 1, likes: 1, lastModified: "2026-01-01T00:00:00.000Z", tags: [] };
      return response.setHeader("content-type", "application/json").end(JSON.stringify(answer));
    }
    const files: Record<string, Uint8Array> = { "onnx/model.onnx": WEIGHTS, "other.onnx": OTHER };
    const [, revision, file = ""] =
      /^\/(?:storage\/)?harbour\/beacon\/resolve\/([^/]+)\/(.+)$/.exec(url) ?? [];
    const bytes = files[file];
    if (bytes === undefined)
      return response.writeHead(404, { "x-error-code": "EntryNotFound" }).end("Entry not found");
    if (revision !== COMMIT) return response.writeHead(404, { "x-error-code": "RevisionNotFound" }).end("{}");
    if (hub.redirectsTo !== undefined && !url.startsWith("/storage")) {
      return response
        .writeHead(302, { location: `${hub.redirectsTo}/storage${request.url}`, "x-repo-commit": COMMIT })
        .end();
    }
    const [, first = "0", last] = /^bytes=(\d+)-(\d*)$/.exec(range ?? "") ?? [];
    const to = last ? Number(last) + 1 : bytes.length;
    const part = bytes.subarray(Number(first), to);
    response.writeHead(range === undefined ? 200 : 206, {
      etag: `"${sha256Of(bytes)}"`,
      "x-repo-commit": COMMIT,
      "content-length": part.length,
      ...(range === undefined ? {} : { "content-range": `bytes ${first}-${to - 1}/${bytes.length}` }),
    });
    if (hub.cutAt === undefined || part.length < 10) return response.end(part);
    response.write(part.subarray(0, hub.cutAt), () => setTimeout(() => response.destroy(), 20));
  });
  await new Promise<void>((resolve) => server.listen(0, "0.0.0.0", resolve));
  const from = (revision: string, file: string) => [`hf:${REPOSITORY}@${revision}/${file}`];
  catalogue = await makeCatalogue([
    { name: "pinned", bytes: WEIGHTS, sources: from(COMMIT, "onnx/model.onnx") },
    { name: "branch", bytes: WEIGHTS, sources: from("main", "onnx/model.onnx") },
    { name: "absent", bytes: randomBytes(9), sources: from(COMMIT, "absent.onnx") },
    { name: "wrong", bytes: randomBytes(1000), sources: from(COMMIT, "other.onnx") },
    { name: "small", bytes: randomBytes(7), sources: from(COMMIT, "other.onnx") },
    { name: "no-branch", bytes: randomBytes(5), sources: from("nowhere", "other.onnx") },
  ]);
});

afterAll(async () => {
  vi.unstubAllEnvs();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

beforeEach(async () => {
  root = path.join(await makeFolder(), "store");
  Object.assign(hub, { isPrivate: false, cutAt: undefined, redirectsTo: undefined });
  requests.length = 0;
  vi.stubEnv("HF_ENDPOINT", `http://127.0.0.1:${port()}/`);
  vi.stubEnv("HF_TOKEN", "");
});

const port = () => (server.address() as AddressInfo).port;
const pull = async (name: string) => {
  await using store = openStore({ root, catalogue: [catalogue] });
  return await store.pull(name);
};
const originsOf = async (model: string) =>
  (await readHistory({ root, disk: nodeDisk }, model))?.versions[0]?.origins;

test("a file of a commit is installed, and the hub is asked for nothing else", async () => {
  const { path: at } = await pull("pinned");

  expect(sha256Of(await readFile(at))).toBe(sha256Of(WEIGHTS));
  expect(await originsOf("pinned")).toEqual({
    [sha256Of(WEIGHTS)]: `hf:${REPOSITORY}@${COMMIT}/onnx/model.onnx`,
  });
  expect(requests.filter(({ url }) => url.startsWith("/api"))).toEqual([]);
});

test("a branch is resolved to a commit, which is fetched and recorded", async () => {
  await pull("branch");

  expect(await originsOf("branch")).toEqual({
    [sha256Of(WEIGHTS)]: `hf:${REPOSITORY}@${COMMIT}/onnx/model.onnx`,
  });
  expect(requests.filter(({ url }) => url.includes("/resolve/main/"))).toEqual([]);
});

test("a transfer that was cut goes on where it stopped", async () => {
  hub.cutAt = 250_000;
  const error = await errorOf(pull("pinned"));
  hub.cutAt = undefined;

  const { path: at } = await pull("pinned");

  expect(error).toMatchObject({ code: "STORE_SOURCE_FAILED" });
  expect(sha256Of(await readFile(at))).toBe(sha256Of(WEIGHTS));
  expect(requests.at(-1)?.range).toBe(`bytes=250000-${WEIGHTS.length - 1}`);
});

test("the token goes to the hub and not to the host it redirects to", async () => {
  hub.isPrivate = true;
  hub.redirectsTo = `http://127.0.0.2:${port()}`;
  const refused = await errorOf(pull("pinned"));
  vi.stubEnv("HF_TOKEN", "hf_made_up");

  await pull("pinned");

  expect(refused).toMatchObject({ code: "STORE_SOURCE_FAILED" });
  const stored = requests.filter(({ url }) => url.startsWith("/storage"));
  expect(stored.length).toBeGreaterThan(0);
  expect(stored.map(({ authorization }) => authorization)).toEqual(stored.map(() => undefined));
});

test("the token is not sent over plain http to another machine", async () => {
  vi.stubEnv("HF_TOKEN", "hf_made_up");
  vi.stubEnv("HF_ENDPOINT", `http://localhost.localdomain.invalid:${port()}`);
  await errorOf(pull("pinned"));
  vi.stubEnv("HF_ENDPOINT", `http://0.0.0.0:${port()}`);

  await pull("pinned");

  expect(requests.map(({ authorization }) => authorization)).toEqual(requests.map(() => undefined));
});

test.each([
  ["absent", "STORE_SOURCE_FAILED", `holds no file absent.onnx at ${COMMIT}`],
  ["small", "STORE_SOURCE_FAILED", "the hub offers 1000 bytes, expected 7"],
  ["no-branch", "STORE_SOURCE_FAILED", "hf:harbour/beacon@nowhere/other.onnx"],
  ["wrong", "STORE_HASH_MISMATCH", sha256Of(OTHER)],
])("a file the hub cannot give (%s) is refused with the reason", async (name, code, reason) => {
  const error = await errorOf(pull(name));

  expect(error).toMatchObject({ code });
  expect((error as Error).message).toContain(reason);
});

test("an endpoint that is no web address is refused", async () => {
  vi.stubEnv("HF_ENDPOINT", "ftp://hub.example");

  const error = await errorOf(pull("pinned"));

  expect((error as Error).message).toContain("HF_ENDPOINT is no http or https address: ftp://hub.example");
});
