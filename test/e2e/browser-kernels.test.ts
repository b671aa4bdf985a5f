// The committed kernels load and compute rightly in a real Chromium: from a Vite production build and from a plain page.

import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { type Browser, chromium } from "playwright-core";
import { build } from "vite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { PageResult } from "./kernels-page/page.js";

const PLACES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const program = [process.env.REDLINE_CHROMIUM, ...PLACES].find((path) => path && existsSync(path));
const PACKAGE = join(import.meta.dirname, "../../kernels/pkg");
const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html",
  ".js": "text/javascript",
  // A server that has never heard of WASM.
  ".wasm": "application/octet-stream",
};

if (program === undefined)
  console.warn("no Chromium (apt-get install chromium, or REDLINE_CHROMIUM=PATH): its tests are skipped");

describe.skipIf(program === undefined)("in Chromium", () => {
  let browser: Browser;
  let scratch: string;
  const servers: Server[] = [];

  beforeAll(async () => {
    scratch = await mkdtemp(join(tmpdir(), "redline-page-"));
    // Its sandbox needs a user other than root.
    browser = await chromium.launch({ executablePath: program!, args: ["--no-sandbox"] });
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

  /** Opens a page and answers what it leaves in `results`; what goes wrong on it is thrown. */
  async function resultsOf<Results>(address: string): Promise<Results> {
    const page = await browser.newPage();
    const failed = new Promise<never>((_, reject) => page.once("pageerror", reject));
    await page.goto(address);
    const found = page.waitForFunction(() => (globalThis as { results?: unknown }).results);
    const results = await (await Promise.race([found, failed])).jsonValue();
    await page.close();
    return results as Results;
  }

  test("a Vite production build runs both flavours, and every op equals the reference there", async () => {
    const root = join(import.meta.dirname, "kernels-page");
    await build({
      root,
      configFile: false,
      logLevel: "error",
      build: { outDir: scratch, emptyOutDir: true, target: "es2022" },
    });

    const results = await resultsOf<PageResult[]>(await serve(scratch));

    expect(results).toEqual([
      { flavour: "relaxed", passed: [], cases: 12500, faults: [] },
      { flavour: "simd128", passed: [], cases: 12500, faults: [] },
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

    const results = await resultsOf(await serve(PACKAGE, page));

    expect(results).toEqual({ flavour: "relaxed", passed: [], value: 32 * -128 * 127 * 0.5 + 3 });
  });
});
