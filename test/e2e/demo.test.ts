// The demo page in a real Chromium, served as `npm run demo` serves it: it finds the recording's utterances, drives, and draws.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { createServer, type ViteDevServer } from "vite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { demoSite } from "../../demo/site.mjs";
import { packageRoot } from "../../runtime/bindings/package-root.js";
import { CHROMIUM, startChromium } from "../support/chromium.js";
import { findSilero } from "../support/silero.js";

/** What the page leaves behind: `Heard` of demo/voice.ts and `Driven` of demo/driving.ts. */
interface Results {
  readonly sample: {
    readonly provider: string;
    readonly segments: readonly { readonly startMs: number; readonly endMs: number }[];
  };
  readonly drive: { readonly drivable: number };
}

/** Run on the page: whether anything was drawn on each canvas. */
const INKED = `["speech", "road", "latency"].map((id) => {
  const canvas = document.getElementById(id);
  return canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.some((value) => value !== 0);
})`;

describe.skipIf(CHROMIUM === undefined)("the demo page", () => {
  let browser: Browser;
  let server: ViteDevServer;

  beforeAll(async () => {
    server = await createServer(demoSite({ silero: (await findSilero()).path, port: 0 }));
    await server.listen();
    browser = await startChromium();
  });
  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });

  test("hears the bundled recording, drives the bundled drive, and draws both with their latencies", async () => {
    const page = await browser.newPage();
    const failed = new Promise<never>((_, reject) => page.once("pageerror", reject));
    await page.goto(`${server.resolvedUrls!.local[0]}?play=sample,drive&pace=file&frames=3`);
    const found = page.waitForFunction(() => (globalThis as { results?: unknown }).results);
    const results = (await (await Promise.race([found, failed])).jsonValue()) as Results;
    await page.waitForFunction('document.getElementById("quantiles").textContent !== ""');
    const inked = await page.evaluate(INKED);
    const quantiles = await page.textContent("#quantiles");
    await page.close();

    const voice = join(packageRoot(), "models/samples/voice.json");
    const { utterances } = JSON.parse(await readFile(voice, "utf8"));
    expect(results.sample.provider).toBe("program");
    for (const { startMs, endMs } of utterances)
      expect(results.sample.segments.some((one) => one.startMs < endMs && one.endMs > startMs)).toBe(true);
    expect(results.drive).toMatchObject({ provider: "ort-web", device: "wasm", frames: 3 });
    expect(results.drive.drivable).toBeGreaterThan(0.05);
    expect(results.drive.drivable).toBeLessThan(0.9);
    expect(inked).toEqual([true, true, true]);
    expect(quantiles).toMatch(/voice: p50 .* road: p50 /);
  });
});
