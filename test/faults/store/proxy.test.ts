// Asks whether https: sources go through the proxy that HTTPS_PROXY names, past it where NO_PROXY says, and resume there.

import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createServer as createProxy } from "node:http";
import { createServer, type Server } from "node:https";
import { type AddressInfo, connect } from "node:net";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeCatalogue, makeFolder, sha256Of } from "../../unit/store/catalogue-folder.js";
import { makeCertificate } from "./certificate.js";
import { answersOf, compileStore, startChild } from "./child-store.js";

const WEIGHTS = randomBytes(200_000);
const certificate = await makeCertificate();

describe.skipIf(certificate === null)("an https: source behind a proxy", () => {
  let server: Server;
  let catalogue: string;
  let script: string;
  /** Hosts the proxy was asked to connect to. */
  const tunnels: string[] = [];
  const ranges: (string | undefined)[] = [];
  const proxy = createProxy((_, response) => response.writeHead(405).end());

  beforeAll(async () => {
    proxy.on("connect", (request, socket) => {
      tunnels.push(request.url ?? "");
      // The name resolves only here: without the proxy there is no way.
      const port = Number((request.url ?? "").split(":")[1]);
      const onward = connect(port, "127.0.0.1", () => {
        socket.write("HTTP/1.1 200 OK\r\n\r\n");
        onward.pipe(socket).pipe(onward);
      });
      onward.on("error", () => socket.destroy());
      socket.on("error", () => onward.destroy());
    });
    server = createServer(certificate ?? {}, (request, response) => {
      const [, from] = /^bytes=(\d+)-$/.exec(request.headers.range ?? "") ?? [];
      ranges.push(request.headers.range);
      if (from === undefined) {
        response.writeHead(200, { "content-length": WEIGHTS.length });
        response.write(WEIGHTS.subarray(0, 50_000), () => setTimeout(() => response.destroy(), 20));
        return;
      }
      const range = `bytes ${from}-${WEIGHTS.length - 1}/${WEIGHTS.length}`;
      response.writeHead(206, { "content-range": range }).end(WEIGHTS.subarray(Number(from)));
    });
    await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const url = `https://localhost:${(server.address() as AddressInfo).port}/weights`;
    catalogue = await makeCatalogue([{ name: "good", bytes: WEIGHTS, sources: [url] }]);
    script = await compileStore();
  });

  afterAll(async () => {
    for (const one of [proxy, server]) {
      one.closeAllConnections();
      await new Promise((resolve) => one.close(resolve));
    }
  });

  async function pullTwice(env: Record<string, string>) {
    const root = path.join(await makeFolder(), "store");
    const trust = { NODE_EXTRA_CA_CERTS: certificate?.file ?? "" };
    const none = {
      https_proxy: "",
      HTTPS_PROXY: "",
      http_proxy: "",
      HTTP_PROXY: "",
      no_proxy: "",
      NO_PROXY: "",
    };
    const child = startChild(script, {
      root,
      catalogue,
      names: ["good"],
      env: { ...none, ...trust, ...env },
    });
    const first = await child.ended.then(() => answersOf(child).good);
    const again = startChild(script, {
      root,
      catalogue,
      names: ["good"],
      env: { ...none, ...trust, ...env },
    });
    const end = await again.ended;
    return { first, second: answersOf(again).good, end };
  }

  test("goes through it, and goes on through it after a cut", async () => {
    const HTTPS_PROXY = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;

    const { first, second, end } = await pullTwice({ HTTPS_PROXY });

    expect(first).toMatchObject({ code: "STORE_SOURCE_FAILED" });
    expect(end).toEqual({ status: 0, stderr: "" });
    expect(sha256Of(await readFile(second?.path ?? ""))).toBe(sha256Of(WEIGHTS));
    expect(tunnels.length).toBeGreaterThanOrEqual(2);
    expect(ranges).toEqual([undefined, "bytes=50000-"]);
  });

  test("goes past it where NO_PROXY names the host", async () => {
    const before = tunnels.length;

    const { second } = await pullTwice({ HTTPS_PROXY: "http://127.0.0.1:1", NO_PROXY: "localhost" });

    expect(second).toMatchObject({ path: expect.stringContaining(sha256Of(WEIGHTS)) });
    expect(tunnels.length).toBe(before);
  });

  test("fails with the proxy's address when the proxy is down", async () => {
    const { second } = await pullTwice({ HTTPS_PROXY: "http://127.0.0.1:1" });

    expect(second).toMatchObject({ code: "STORE_SOURCE_FAILED" });
    expect(second?.message).toContain("127.0.0.1:1");
  });
});
