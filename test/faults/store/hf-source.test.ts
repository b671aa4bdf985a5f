// Asks whether hf: sources work through the hub's client, against a local server that speaks the hub's API.

import { createHash, randomBytes } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
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
  /** Refuses every file with this status and these headers and words. */
  refuses: { status: number; headers?: Record<string, string>; body?: string } | undefined;
  /** Headers sent with a file beside, or instead of, the right ones. */
  headers: Record<string, string>;
  /** Sends whole files whatever range is asked for: always, or for all but the question of their size. */
  forgetsRanges: "never" | "always" | "for files";
  /** Sends this after a file's bytes. */
  appends: Uint8Array;
}

const PLAIN: Hub = {
  isPrivate: false,
  cutAt: undefined,
  redirectsTo: undefined,
  refuses: undefined,
  headers: {},
  forgetsRanges: "never",
  appends: Buffer.alloc(0),
};
const hub: Hub = { ...PLAIN };
const requests: {
  host: string | undefined;
  url: string;
  range: string | undefined;
  authorization: string | undefined;
}[] = [];
let server: Server;
let catalogue: string;
let root: string;

beforeAll(async () => {
  server = createServer((request, response) => {
    const url = decodeURIComponent(request.url ?? "");
    const { host, range, authorization } = request.headers;
    requests.push({ host, url, range, authorization });
    if (hub.refuses !== undefined) {
      const { status, headers, body } = hub.refuses;
      return response.writeHead(status, headers).end(body);
    }
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
    const isForgotten =
      hub.forgetsRanges === "always" || (hub.forgetsRanges === "for files" && range !== "bytes=0-0");
    const asked = isForgotten ? undefined : range;
    const [, first = "0", last] = /^bytes=(\d+)-(\d*)$/.exec(asked ?? "") ?? [];
    const to = last ? Number(last) + 1 : bytes.length;
    const part = bytes.subarray(Number(first), to);
    response.writeHead(asked === undefined ? 200 : 206, {
      etag: `"${sha256Of(bytes)}"`,
      "x-repo-commit": COMMIT,
      ...(hub.appends.length > 0 ? {} : { "content-length": part.length }),
      ...(asked === undefined ? {} : { "content-range": `bytes ${first}-${to - 1}/${bytes.length}` }),
      ...hub.headers,
    });
    if (hub.cutAt === undefined || part.length < 10) return response.end(Buffer.concat([part, hub.appends]));
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
  Object.assign(hub, PLAIN);
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

test("the token stays with the hub when a content network says that the answer is its own", async () => {
  hub.redirectsTo = `http://127.0.0.2:${port()}`;
  hub.headers = { "x-cache": "Hit from cloudfront" };
  vi.stubEnv("HF_TOKEN", "hf_made_up");

  await pull("pinned");

  const told = requests.filter(({ authorization }) => authorization !== undefined);
  expect(told.length).toBeGreaterThan(0);
  expect(told.map(({ host }) => host)).toEqual(told.map(() => `127.0.0.1:${port()}`));
  expect(requests.some(({ host }) => host === `127.0.0.2:${port()}`)).toBe(true);
});

test("a file of the xet protocol comes by plain ranges", async () => {
  const servers = `<http://127.0.0.1:${port()}/xet-auth>; rel="xet-auth", <http://127.0.0.1:${port()}/xet>; rel="xet-reconstruction-info"`;
  hub.headers = {
    "content-type": "application/vnd.xet-fileinfo+json",
    "x-linked-size": String(WEIGHTS.length),
    "x-xet-hash": "ab".repeat(32),
    link: servers,
  };

  const { path: at } = await pull("pinned");

  expect(sha256Of(await readFile(at))).toBe(sha256Of(WEIGHTS));
  expect(requests.filter(({ url }) => url.includes("xet"))).toEqual([]);
});

test("what counts is the content's own hash: a wrong etag changes nothing", async () => {
  hub.headers = { etag: `"${"0".repeat(64)}"` };

  const { path: at } = await pull("pinned");

  expect(sha256Of(await readFile(at))).toBe(sha256Of(WEIGHTS));
});

test.each([
  {
    name: "a private repository",
    refuses: {
      status: 401,
      headers: { "content-type": "application/json" },
      body: '{"error":"Invalid credentials in Authorization header"}',
    },
    reason:
      "HTTP 401 Unauthorized: Invalid credentials in Authorization header; set HF_TOKEN to a token that may read harbour/beacon",
  },
  {
    name: "a gated repository",
    refuses: { status: 403, headers: { "x-error-message": "Access to model harbour/beacon is restricted" } },
    reason:
      "HTTP 403 Forbidden: Access to model harbour/beacon is restricted; harbour/beacon may ask its readers to accept its terms",
  },
  {
    name: "an absent repository",
    refuses: {
      status: 404,
      headers: { "x-error-code": "RepoNotFound", "x-error-message": "Repository not found" },
    },
    reason: "HTTP 404 Not Found: Repository not found",
  },
  {
    name: "too many requests",
    refuses: { status: 429, headers: { "retry-after": "37" } },
    reason: "HTTP 429 Too Many Requests, try again in 37 s",
  },
  {
    name: "a hub that is down until a date",
    refuses: { status: 503, headers: { "retry-after": new Date(Date.now() + 3_600_000).toUTCString() } },
    reason: /HTTP 503 Service Unavailable, try again in 3[56]\d\d s/,
  },
])("$name is refused with what the hub says and what to do", async ({ refuses, reason }) => {
  hub.refuses = refuses;

  const error = await errorOf(pull("pinned"));

  expect(error).toMatchObject({ code: "STORE_SOURCE_FAILED" });
  expect((error as Error).message).toMatch(reason);
  expect(requests).toHaveLength(1);
});

test("a mirror of the hub that honours no range when asked to go on sends the whole file", async () => {
  hub.cutAt = 250_000;
  await errorOf(pull("pinned"));
  Object.assign(hub, { cutAt: undefined, forgetsRanges: "for files" });

  const { path: at } = await pull("pinned");

  expect(sha256Of(await readFile(at))).toBe(sha256Of(WEIGHTS));
});

test("a mirror of the hub that knows no ranges at all is refused by that name", async () => {
  hub.forgetsRanges = "always";

  const error = await errorOf(pull("pinned"));

  expect((error as Error).message).toContain(`http://127.0.0.1:${port()} answers no ranges`);
});

test("more bytes than were declared are refused, and none of them stays", async () => {
  hub.appends = randomBytes(1000);

  const error = await errorOf(pull("pinned"));

  expect(error).toMatchObject({ code: "STORE_HASH_MISMATCH", received: "more" });
  expect(await readdir(path.join(root, "tmp"))).toEqual([]);
  expect(await readdir(path.join(root, "blobs", "sha256"))).toEqual([]);
});

test("the token is not sent over plain http to another machine", async () => {
  vi.stubEnv("HF_TOKEN", "hf_made_up");
  vi.stubEnv("HF_ENDPOINT", `http://localhost.localdomain.invalid:${port()}`);
  await errorOf(pull("pinned"));
  vi.stubEnv("HF_ENDPOINT", `http://0.0.0.0:${port()}`);
  hub.isPrivate = true;
  const refusal = await errorOf(pull("pinned"));
  hub.isPrivate = false;

  await pull("pinned");

  expect((refusal as Error).message).toContain("HF_TOKEN is not sent over plain http to another machine");

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
