// Owns the bench's page in a real Chromium: built, served cross-origin isolated so that its clock is fine, and called.
// Knows no arm. Invariant: a page's fault ends the call; everything is closed again.

import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { REPO_ROOT } from "./assets.js";

const PLACES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
};
/** A page may use a clock of 5 us only then. */
const ISOLATED = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
};

/** The page, ready to be called. */
export interface BenchPage {
  /** Calls `results.run` of the page. */
  run<Answer>(given: object): Promise<Answer>;
  close(): Promise<void>;
}

/** Where Chromium is: `REDLINE_CHROMIUM`, or the system's; undefined where there is none. */
export function findChromium(): string | undefined {
  return [process.env.REDLINE_CHROMIUM, ...PLACES].find((path) => path !== undefined && existsSync(path));
}

/** Builds bench/page, serves it with these files beside it, and opens it. */
export async function openBenchPage(given: {
  readonly chromium: string;
  readonly files: Readonly<Record<string, Uint8Array>>;
}): Promise<BenchPage> {
  const [{ build }, { chromium }] = await Promise.all([import("vite"), import("playwright-core")]);
  const outDir = await mkdtemp(join(tmpdir(), "redline-bench-page-"));
  await build({
    root: join(REPO_ROOT, "bench/page"),
    configFile: false,
    logLevel: "error",
    build: { outDir, emptyOutDir: true, target: "es2022" },
  });
  const server = createServer(async ({ url = "/" }, response) => {
    const path = url === "/" ? "/index.html" : url.split("?")[0]!;
    try {
      const body = given.files[path] ?? (await readFile(join(outDir, path)));
      const type = TYPES[extname(path)] ?? "application/octet-stream";
      response.writeHead(200, { ...ISOLATED, "content-type": type }).end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  // Its sandbox needs a user other than root.
  const browser = await chromium.launch({ executablePath: given.chromium, args: ["--no-sandbox"] });
  const page = await browser.newPage();
  const failed = new Promise<never>((_, reject) => page.once("pageerror", reject));
  await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  await Promise.race([page.waitForFunction("globalThis.results"), failed]);
  return {
    run: (call) =>
      Promise.race([page.evaluate(`globalThis.results.run(${JSON.stringify(call)})`), failed]) as never,
    close: async () => {
      await browser.close();
      server.close();
      await rm(outDir, { recursive: true, force: true });
    },
  };
}
