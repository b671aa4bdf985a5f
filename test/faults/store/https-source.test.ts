// Asks whether a file from a web server is installed whole and right or not at all.

import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { blobPath } from "../../../runtime/store/blobs.js";
import { makeCatalogue, makeFolder, sha256Of } from "../../unit/store/catalogue-folder.js";
import { makeCertificate } from "./certificate.js";
import { answersOf, type ChildAnswer, compileStore, startChild } from "./child-store.js";

const WEIGHTS = randomBytes(400_000);
const OTHER = randomBytes(400_000);

/** What the server does at each path. Every model of the catalogue is named like the path it is fetched from. */
const ANSWERS: Record<string, (response: ServerResponse) => unknown> = {
  good: (response) => response.end(WEIGHTS),
  gone: (response) => response.writeHead(404).end("not here"),
  broken: (response) => response.writeHead(500).end(),
  busy: (response) => response.writeHead(429, { "retry-after": "12" }).end(),
  moved: (response) => response.writeHead(302, { location: "/elsewhere" }).end(),
  elsewhere: (response) => response.end(OTHER),
  open: (response) => response.writeHead(302, { location: "http://127.0.0.1:1/open" }).end(),
  loop: (response) => response.writeHead(302, { location: "/loop" }).end(),
  wrong: (response) => response.end(OTHER),
  offered: (response) => response.writeHead(200, { "content-length": "7" }).end("7 bytes"),
  endless: (response) => {
    const send = () => {
      while (!response.destroyed && response.write(WEIGHTS));
    };
    response.on("drain", send);
    send();
  },
  truncated: (response) => {
    response.write(WEIGHTS.subarray(0, 100_000));
    response.end();
  },
  cut: (response) => {
    response.writeHead(200, { "content-length": String(WEIGHTS.length) });
    response.write(WEIGHTS.subarray(0, 100_000), () => response.destroy());
  },
};

const certificate = await makeCertificate();

describe.skipIf(certificate === null)("a file from a web server", () => {
  let server: Server;
  let root: string;
  let answers: Record<string, ChildAnswer>;
  let end: { status: number | null; stderr: string };

  beforeAll(async () => {
    if (certificate === null) return;
    server = createServer(certificate, (request, response) => {
      ANSWERS[(request.url ?? "").slice(1)]?.(response);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const url = `https://localhost:${(server.address() as AddressInfo).port}`;
    const distinct = (name: string) =>
      Buffer.concat([Buffer.from(name), randomBytes(WEIGHTS.length - name.length)]);
    const bytesOf: Record<string, Uint8Array> = { good: WEIGHTS, moved: OTHER };
    const models = Object.keys(ANSWERS)
      .filter((name) => name !== "elsewhere")
      .map((name) => ({ name, bytes: bytesOf[name] ?? distinct(name), sources: [`${url}/${name}`] }));
    const fallback = { name: "fallback", bytes: WEIGHTS, sources: [`${url}/gone`, `${url}/good`] };
    const hopeless = {
      name: "hopeless",
      bytes: distinct("hopeless"),
      sources: [`${url}/gone`, `${url}/wrong`],
    };
    const catalogue = await makeCatalogue([...models, fallback, hopeless]);
    root = path.join(await makeFolder(), "store");
    const names = [...models.map(({ name }) => name), "hopeless"];
    const env = { NODE_EXTRA_CA_CERTS: certificate.file };
    const child = startChild(await compileStore(), { root, catalogue, names, env });
    end = await child.ended;
    const alone = startChild(await compileStore(), {
      root: path.join(await makeFolder(), "store"),
      catalogue,
      names: ["fallback"],
      env,
    });
    await alone.ended;
    const untrusting = startChild(await compileStore(), {
      root: path.join(await makeFolder(), "store"),
      catalogue,
      names: ["good"],
      env: { NODE_EXTRA_CA_CERTS: "" },
    });
    await untrusting.ended;
    answers = { ...answersOf(child), ...answersOf(alone), untrusted: answersOf(untrusting).good ?? {} };
  });

  afterAll(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  test("is installed when its bytes are right, also over a redirect", async () => {
    expect(end).toEqual({ status: 0, stderr: "" });
    expect(answers.good).toMatchObject({ path: blobPath(root, sha256Of(WEIGHTS)) });
    expect(answers.moved).toMatchObject({ path: blobPath(root, sha256Of(OTHER)) });
    expect(sha256Of(await readFile(blobPath(root, sha256Of(WEIGHTS))))).toBe(sha256Of(WEIGHTS));
  });

  test.each([
    ["gone", "/gone: HTTP 404 Not Found"],
    ["broken", "/broken: HTTP 500"],
    ["busy", "/busy: HTTP 429 Too Many Requests, try again in 12 s"],
    ["open", "HTTP 302 to http:, which is refused"],
    ["loop", "more than 5 redirects"],
    ["offered", "the server offers 7 bytes, expected 400000"],
    ["cut", "/cut: "],
  ])("that fails (%s) is refused with the reason and with what to copy where", (name, reason) => {
    expect(answers[name]).toMatchObject({ code: "STORE_SOURCE_FAILED" });
    expect(answers[name]?.message).toContain(reason);
    expect(answers[name]?.hint).toContain(`copy ${name}.onnx (400000 bytes`);
  });

  test.each([
    ["wrong", `received sha256 ${sha256Of(OTHER)}, 400000 bytes`],
    ["endless", "expected 400000 bytes, received more"],
    ["truncated", "100000 bytes"],
  ])("with other bytes than its manifest says (%s) is refused with both", (name, received) => {
    expect(answers[name]).toMatchObject({ code: "STORE_HASH_MISMATCH" });
    expect(answers[name]?.message).toContain(received);
  });

  test("comes from the next source when the first one fails", () => {
    expect(answers.fallback).toMatchObject({ path: expect.stringContaining(sha256Of(WEIGHTS)) });
  });

  test("that no source can give is refused with every source's reason", () => {
    expect(answers.hopeless).toMatchObject({ code: "STORE_SOURCE_FAILED" });
    expect(answers.hopeless?.message).toMatch(/gone: HTTP 404.*; .*wrong: a file does not have the sha256/);
  });

  test("is refused when nobody trusts its certificate", () => {
    expect(answers.untrusted).toMatchObject({ code: "STORE_SOURCE_FAILED" });
    expect(answers.untrusted?.message).toContain("certificate");
  });

  test("leaves only whole models behind, whatever failed", async () => {
    const installed = [sha256Of(WEIGHTS), sha256Of(OTHER)].sort();

    expect((await readdir(path.join(root, "blobs", "sha256"))).sort()).toEqual(installed);
    // The transfer that was cut left its part for the next attempt; nothing else is unfinished.
    const cut = answers.cut?.hint?.match(/sha256 ([0-9a-f]{64})/)?.[1] ?? "none";
    const left = await readdir(path.join(root, "tmp"));
    expect(left.map((name) => name.split(".")[0])).toEqual([cut]);
    expect(existsSync(path.join(root, "quarantine"))).toBe(false);
  });
});
