// `redline-rt/browser` in a real Chromium: Silero as a program hears what ONNX Runtime hears in Node, the microphone is a source, and
// the door is small.

import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { gzipSync } from "node:zlib";
import type { Browser } from "playwright-core";
import { build } from "vite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { speechSamples, VOICE_SAMPLE } from "../../bench/harness/assets.js";
import { loadNative } from "../../runtime/bindings/load.js";
import { packageRoot } from "../../runtime/bindings/package-root.js";
import { createRuntime } from "../../runtime/index.js";
import { CHROMIUM, resultsOf, startChromium } from "../support/chromium.js";
import { apart, FRAME, hear, through } from "../support/heard-recordings.js";
import { findSilero } from "../support/silero.js";
import type { HeardPage, MicrophonePage } from "./browser-page/page.js";

const DOOR_BYTES = 60_000;
const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".json": "application/json",
};

test("the door, without onnxruntime-web, is at most 60 kB of gzipped JavaScript", async () => {
  const built = await build({
    configFile: false,
    logLevel: "error",
    root: packageRoot(),
    build: {
      write: false,
      target: "es2022",
      modulePreload: false,
      rollupOptions: {
        input: join(packageRoot(), "runtime/browser.ts"),
        preserveEntrySignatures: "strict",
      },
    },
  });
  const outputs = (Array.isArray(built) ? built : [built]).flatMap((one) =>
    "output" in one ? one.output : [],
  );

  const code = outputs.flatMap((one) => (one.type === "chunk" ? [one.code] : []));
  const bytes = code.reduce((sum, text) => sum + gzipSync(text).length, 0);

  console.log(`the browser's door: ${bytes} bytes of gzipped JavaScript`);
  expect(bytes).toBeLessThanOrEqual(DOOR_BYTES);
  expect(bytes).toBeGreaterThan(10_000);
  expect(code.join("")).toContain("MODEL_UNSUITABLE");
});

describe.skipIf(CHROMIUM === undefined)("in Chromium", () => {
  let browser: Browser;
  let scratch: string;
  let server: Server;
  let address: string;

  beforeAll(async () => {
    scratch = await mkdtemp(join(tmpdir(), "redline-door-"));
    await build({
      root: join(import.meta.dirname, "browser-page"),
      configFile: false,
      logLevel: "error",
      build: { outDir: scratch, emptyOutDir: true, target: "es2022" },
    });
    const samples = await speechSamples(VOICE_SAMPLE);
    const silero = (await findSilero()).path;
    server = createServer(async ({ url = "/" }, response) => {
      const path = url.split("?")[0]!;
      const type = TYPES[extname(path === "/" ? "index.html" : path)] ?? "application/octet-stream";
      const fileOf = (): string => {
        if (path === "/") return join(scratch, "index.html");
        if (path.endsWith(".onnx")) return silero;
        return path.startsWith("/models/") ? join(packageRoot(), path) : join(scratch, path);
      };
      try {
        const body = path === "/samples.f32" ? Buffer.from(samples.buffer) : await readFile(fileOf());
        response.writeHead(200, { "content-type": type }).end(body);
      } catch {
        response.writeHead(404).end();
      }
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    browser = await startChromium([
      "--use-fake-ui-for-media-stream",
      "--use-fake-device-for-media-stream",
      `--use-file-for-fake-audio-capture=${VOICE_SAMPLE}`,
      "--autoplay-policy=no-user-gesture-required",
    ]);
  });
  afterAll(async () => {
    await browser?.close();
    server?.close();
    await rm(scratch, { recursive: true, force: true });
  });

  test.skipIf(loadNative().addon === null)(
    "Silero as a program gives the probabilities that ONNX Runtime gives in Node",
    async () => {
      const page = await resultsOf<HeardPage>(browser, { address: `${address}?do=heard` });

      const samples = await speechSamples(VOICE_SAMPLE);
      const frames = Array.from({ length: Math.floor(samples.length / FRAME) }, (_, index) =>
        samples.slice(index * FRAME, (index + 1) * FRAME),
      );
      const runtime = await createRuntime();
      const ort = await runtime.open("silero-vad", { inline: true, provider: "ort" });
      const wanted = hear(frames, through(ort));
      await runtime.close();
      expect(page).toMatchObject({ provider: "program", device: "wasm relaxed" });
      expect(page.probabilities.length).toBeGreaterThanOrEqual(wanted.length);
      expect(apart(wanted, page.probabilities)).toBeLessThan(1e-4);
      expect(Math.max(...page.probabilities)).toBeGreaterThan(0.9);
    },
  );

  test("an AudioWorklet hears a microphone at its own rate, and speech begins in it", async () => {
    const page = await resultsOf<MicrophonePage>(browser, { address: `${address}?do=microphone` });

    expect(page.sampleRateHz).toBeGreaterThanOrEqual(8000);
    expect(page.lostSamples).toBe(0);
    expect(page.startMs).toBeGreaterThan(0);
  });
});
