// Owns a local npm registry of one package: its packument and its tarball, with the faults a test asks for.

import { createHash } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { create } from "tar";
import { makeFolder } from "../../unit/store/catalogue-folder.js";

export interface RegistryServer {
  readonly url: string;
  readonly tarballRequests: () => number;
  /** The Authorization header of the last tarball request. */
  readonly authorization: () => string | undefined;
  /** What npm needs in its environment to use this registry and a cache of its own. */
  env(): Promise<Record<string, string>>;
  /** Sends only part of each tarball and then nothing, until called with false. */
  stall(isStalled: boolean): void;
  /** Refuses every request, until called with false. */
  refuse(isRefusing: boolean): void;
  /** Requests of any kind. */
  readonly requests: () => number;
  /** Sends a tarball that is not the one the packument promises, until called with false. */
  tamper(isTampered: boolean): void;
  close(): Promise<void>;
}

export const PACKAGE = "@fixture/model";

/** Serves `@fixture/model@1.0.0` holding `files`. */
export async function startRegistry(files: Readonly<Record<string, Uint8Array>>): Promise<RegistryServer> {
  const tarball = await pack(files);
  const state = {
    tarballs: 0,
    isStalled: false,
    isTampered: false,
    isRefusing: false,
    requests: 0,
    authorization: undefined as string | undefined,
  };
  const server = createServer((request, response) => answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;

  function answer(request: IncomingMessage, response: ServerResponse): void {
    const asked = decodeURIComponent(request.url ?? "");
    state.requests++;
    if (state.isRefusing) return void response.writeHead(503).end("{}");
    if (asked === `/${PACKAGE}`) {
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify(packument(url, tarball)));
    } else if (asked.endsWith(".tgz")) {
      state.tarballs++;
      state.authorization = request.headers.authorization;
      if (state.isStalled) response.write(tarball.subarray(0, tarball.length / 2));
      else response.end(state.isTampered ? Buffer.concat([tarball, Buffer.from([0])]) : tarball);
    } else {
      response.statusCode = 404;
      response.end("{}");
    }
  }

  return {
    url,
    tarballRequests: () => state.tarballs,
    authorization: () => state.authorization,
    async env() {
      return {
        npm_config_registry: url,
        npm_config_cache: await makeFolder(),
        npm_config_fetch_retries: "0",
      };
    },
    stall(isStalled) {
      state.isStalled = isStalled;
    },
    refuse(isRefusing) {
      state.isRefusing = isRefusing;
    },
    requests: () => state.requests,
    tamper(isTampered) {
      state.isTampered = isTampered;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function pack(files: Readonly<Record<string, Uint8Array>>): Promise<Buffer> {
  const folder = await makeFolder();
  const all = {
    "package.json": new TextEncoder().encode(JSON.stringify({ name: PACKAGE, version: "1.0.0" })),
    ...files,
  };
  for (const [name, bytes] of Object.entries(all)) {
    await mkdir(path.dirname(path.join(folder, "package", name)), { recursive: true });
    await writeFile(path.join(folder, "package", name), bytes);
  }
  await create({ gzip: true, cwd: folder, file: path.join(folder, "package.tgz") }, ["package"]);
  return readFile(path.join(folder, "package.tgz"));
}

function packument(url: string, tarball: Buffer): unknown {
  const integrity = `sha512-${createHash("sha512").update(tarball).digest("base64")}`;
  const dist = { tarball: `${url}${PACKAGE}/-/model-1.0.0.tgz`, integrity };
  return {
    name: PACKAGE,
    "dist-tags": { latest: "1.0.0" },
    versions: { "1.0.0": { name: PACKAGE, version: "1.0.0", dist } },
  };
}
