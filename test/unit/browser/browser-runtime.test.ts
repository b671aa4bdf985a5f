// Owns the promise of the browser's door where no browser is needed: Silero opens as a program in WebAssembly, hears what the voice
// pipeline hears in Node, and what is not right is refused or said.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { speechSamples, VOICE_SAMPLE } from "../../../bench/harness/assets.js";
import { packageRoot } from "../../../runtime/bindings/package-root.js";
import { createRuntime, listen, readSamples, type VoiceEvent } from "../../../runtime/browser.js";
import { findSilero } from "../../support/silero.js";

const MODELS = join(packageRoot(), "models");
const json = async (path: string) => JSON.parse(await readFile(join(MODELS, path), "utf8"));

const runtime = await createRuntime();
afterAll(() => runtime.close());
const bytes = new Uint8Array(await readFile((await findSilero()).path));
const manifest = await json("silero-vad/manifest.json");
const golden = await json("silero-vad/golden/silero-vad.json");

test("Silero opens as a program in WebAssembly and finds the utterances of the bundled recording", async () => {
  const session = await runtime.open(bytes, { manifest, golden });
  const samples = await speechSamples(VOICE_SAMPLE);
  const source = readSamples({ samples, sampleRateHz: 16_000, clock: runtime.clock });

  const events: VoiceEvent[] = [];
  for await (const event of listen({ session, source, clock: runtime.clock })) events.push(event);

  const { utterances } = await json("samples/voice.json");
  const heard = events.flatMap((event) => (event.type === "speech" ? [event] : []));
  expect(session.provider).toBe("program");
  expect(session.device).toMatch(/^wasm (relaxed|simd128)$/);
  for (const { startMs, endMs } of utterances) {
    const inside = heard.filter((one) => one.startMs < endMs && one.endMs > startMs);
    expect(inside.length).toBeGreaterThan(0);
    expect(inside[0]!.startMs).toBeGreaterThan(startMs - 200);
  }
  expect(events.at(-1)).toMatchObject({ type: "report", outcomes: { failed: 0, rejected: 0, dropped: 0 } });
  expect(session.stats().kept).toBe(true);
});

test("a program that does not give its golden vectors is refused, and named where there is nothing else", async () => {
  const wrong = structuredClone(golden);
  for (const one of wrong.cases) one.outputs.output.values[0] += 0.01;

  await expect(runtime.open(bytes, { manifest, golden: wrong, provider: "program" })).rejects.toMatchObject({
    code: "MODEL_GOLDEN",
  });
  await expect(runtime.open(bytes, { manifest, golden: wrong })).rejects.toMatchObject({
    code: "PROVIDER_UNAVAILABLE",
    received: expect.stringContaining("no program: silero-vad as a program, output output[0]"),
  });
});

test("without golden vectors a program runs only where it is asked for, and says so", async () => {
  await expect(runtime.open(bytes, { manifest })).rejects.toMatchObject({ code: "PROVIDER_UNAVAILABLE" });

  const session = await runtime.open(bytes, { manifest, provider: "program" });

  expect(session.detail).toContain("held against nothing");
});

test("bytes that are not those of the manifest are refused", async () => {
  const altered = bytes.slice();
  altered[altered.length - 1]! ^= 1;

  await expect(runtime.open(altered, { manifest, golden })).rejects.toMatchObject({
    code: "STORE_HASH_MISMATCH",
  });
});

test.each([
  ["a manifest without a name", { inputs: [], outputs: [] }, "MANIFEST_INVALID"],
  [
    "a manifest whose tensor has another type",
    { ...manifest, inputs: [{ name: "x", dtype: "float", shape: [] }] },
    "MANIFEST_INVALID",
  ],
])("%s is refused", async (_, given, code) => {
  await expect(runtime.open(bytes, { manifest: given as never })).rejects.toMatchObject({ code });
});

test("a variant the manifest has not, and a bad contract, are refused", async () => {
  await expect(runtime.open(bytes, { manifest, variant: "int8" })).rejects.toMatchObject({
    code: "MODEL_VARIANT_UNKNOWN",
  });
  await expect(runtime.open(bytes, { manifest, contract: { periodMs: 0 } })).rejects.toMatchObject({
    code: "CONTRACT_INVALID",
  });
});

test("what a closed runtime had open is closed, and it opens nothing more", async () => {
  const other = await createRuntime();
  const session = await other.open(bytes, { manifest, golden });

  await other.close();

  expect(session.reserve()).toBeNull();
  await expect(other.open(bytes, { manifest, golden })).rejects.toMatchObject({ code: "RUNTIME_CLOSED" });
});

test("samples that are no sound become sound, and are counted", async () => {
  const samples = Float32Array.of(0.5, Number.NaN, 2, Number.NEGATIVE_INFINITY);
  const chunks = [];
  for await (const chunk of readSamples({ samples, sampleRateHz: 16_000, clock: runtime.clock }))
    chunks.push(chunk);

  expect(chunks).toMatchObject([{ repairs: { nonFinite: 2, clipped: 1 }, startSample: 0 }]);
  expect([...chunks[0]!.samples]).toEqual([0.5, 0, 1, 0]);
  expect(() => readSamples({ samples, sampleRateHz: 0, clock: runtime.clock })).toThrow(
    expect.objectContaining({ code: "SOURCE_FORMAT" }),
  );
});
