// The committed kernels load and compute rightly in a real Chromium: from a Vite production build and from a plain page.

import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import type { Browser } from "playwright-core";
import { build } from "vite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CHROMIUM, resultsOf, startChromium } from "../support/chromium.js";
import type { PageResult } from "./kernels-page/page.js";

const PACKAGE = join(import.meta.dirname, "../../kernels/pkg");
const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html",
  ".js": "text/javascript",
  // A server that has never heard of WASM.
  ".wasm": "application/octet-stream",
};

describe.skipIf(CHROMIUM === undefined)("in Chromium", () => {
  let browser: Browser;
  let scratch: string;
  const servers: Server[] = [];

  beforeAll(async () => {
    scratch = await mkdtemp(join(tmpdir(), "redline-page-"));
    browser = await startChromium();
  });
  afterAll(async () => {
    await browser?.close();
    for (const server of servers) server.close();
    await rm(scratch, { recursive: true, force: true });
  });

  /** Serves a folder, and a page at `/` where one is given; answers the address. */
  async function serve(folder: string, page?: string): Promise<string> {
    const server = createServer(async ({ url = "/" }, response) => {
      const name = url === "/" ? "/index.html" : url;
      try {
        const body = url === "/" && page !== undefined ? page : await readFile(join(folder, name));
        response.writeHead(200, { "content-type": TYPES[extname(name)] ?? "text/plain" }).end(body);
      } catch {
        response.writeHead(404).end();
      }
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  }

  test("a Vite production build runs both flavours, and every op equals the reference there", async () => {
    const root = join(import.meta.dirname, "kernels-page");
    await build({
      root,
      configFile: false,
      logLevel: "error",
      build: { outDir: scratch, emptyOutDir: true, target: "es2022" },
    });

    const results = await resultsOf<PageResult[]>(browser, { address: await serve(scratch) });

    expect(results).toEqual([
      { flavour: "relaxed", passed: [], cases: 14000, faults: [] },
      { flavour: "simd128", passed: [], cases: 14000, faults: [] },
    ]);
  });

  test("a plain page loads the package as it is, without a bundler and without the type of WASM files", async () => {
    const page = `<!doctype html><script type="module">
      import { load } from "./browser.js";
      const { kernels, flavour, passed } = await load();
      const start = kernels.heap_start();
      new Int8Array(kernels.memory.buffer, start, 32).fill(-128);
      new Uint8Array(kernels.memory.buffer, start + 32, 32).fill(127);
      new Float32Array(kernels.memory.buffer, start + 64, 2).set([0.5, 3]);
      kernels.gemv_i8(start, start + 32, start + 64, start + 68, start + 72, 1, 32, 0);
      globalThis.results = { flavour, passed, value: new Float32Array(kernels.memory.buffer, start + 72, 1)[0] };
    </script>`;

    const results = await resultsOf(browser, { address: await serve(PACKAGE, page) });

    expect(results).toEqual({ flavour: "relaxed", passed: [], value: 32 * -128 * 127 * 0.5 + 3 });
  });
});
