// Owns the proof that `redline doctor` and `redline models` tell a stranger what they have.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { ensureBuilt, redline } from "./built-cli.js";

beforeAll(ensureBuilt, 120_000);

test("doctor says what is loaded, what is not and why, and that the main job can run", async () => {
  const { status, lines, summary } = await redline(["doctor", "--json"]);

  const findings = lines.filter(({ type }) => type === "finding");
  const checks = findings.map(({ check }) => check);
  for (const check of [
    "node",
    "addon",
    "onnxruntime",
    "accelerators",
    "simd",
    "ops",
    "priority",
    "inference",
  ]) {
    expect(checks).toContain(check);
  }
  for (const check of ["vetting", "store", "model silero-vad", "model road-seg", "power", "ffmpeg"]) {
    expect(checks).toContain(check);
  }
  for (const { check, state, reasons, found } of findings) {
    expect(["ok", "limited", "missing"], String(check)).toContain(state);
    expect(String(found).length, String(check)).toBeGreaterThan(3);
    if (state === "missing") expect(reasons, String(check)).not.toEqual([]);
  }
  // The run of this very examination has vetted it.
  expect(findings.find(({ check }) => check === "verdicts")?.found).toContain("road-seg passed");
  expect(summary).toMatchObject({ type: "summary", canRun: true, missing: [] });
  expect(status).toBe(0);
});

test("doctor says what is lost without the addon, why it is missing and what to type", async () => {
  const { status, lines } = await redline(["doctor", "--json"], { env: { REDLINE_NO_ADDON: "1" } });

  const addon = lines.find(({ check }) => check === "addon");
  const inference = lines.find(({ check }) => check === "inference");
  expect(addon).toMatchObject({ state: "limited", reasons: ["REDLINE_NO_ADDON is 1"] });
  expect(addon?.fix).toMatch(/^(unset|set) REDLINE_NO_ADDON/);
  const ops = lines.find(({ check }) => check === "ops");
  expect(ops).toMatchObject({
    state: "limited",
    reasons: expect.arrayContaining(["native ops need the addon"]),
  });
  expect(ops?.found).toMatch(/^wasm (relaxed|simd128): /);
  expect(inference).toMatchObject({ state: "ok" });
  expect(inference?.found).toContain("ort-node");
  expect(status).toBe(0);
});

test("doctor says that CUDA is left out by the way the package is installed", async () => {
  const { out } = await redline(["doctor"]);

  expect(out).toContain("onnxruntime-node-install=skip");
});

test("doctor fails when the main job cannot run: no voice model and no network", async () => {
  const home = await mkdtemp(join(tmpdir(), "redline-home-"));

  const { status, out, err } = await redline(["doctor"], {
    env: { REDLINE_HOME: home, REDLINE_OFFLINE: "1" },
  });

  expect(out).toContain("MISSING  model silero-vad");
  expect(out).toContain("The main job cannot run here: model silero-vad.");
  expect(err).not.toContain("    at ");
  expect(status).toBe(69);
  await rm(home, { recursive: true });
});

test("models list names every model of the catalogue with the state of its files", async () => {
  const { status, lines, summary } = await redline(["models", "list", "--json"]);

  const models = lines.filter(({ type }) => type === "model").map(({ model }) => model);
  expect(models).toEqual(expect.arrayContaining(["road-seg", "silero-vad", "silero-vad-v6"]));
  expect(summary).toMatchObject({ type: "summary", models: models.length });
  expect(status).toBe(0);
});

test("models verify hashes the bundled weights", async () => {
  const { status, lines } = await redline(["models", "verify", "road-seg", "--json"]);

  const files = lines.filter(({ type }) => type === "file");
  expect(files.length).toBeGreaterThan(1);
  expect(files.every(({ state }) => state === "ok")).toBe(true);
  expect(files.every(({ expectedSha256, receivedSha256 }) => expectedSha256 === receivedSha256)).toBe(true);
  expect(status).toBe(0);
});

test("an offline store says what to copy where", async () => {
  const home = await mkdtemp(join(tmpdir(), "redline-home-"));

  const { status, lines } = await redline(["models", "pull", "silero-vad", "--json"], {
    env: { REDLINE_HOME: home, REDLINE_OFFLINE: "1" },
  });

  expect(lines.map(({ type }) => type)).toEqual(["error", "summary"]);
  expect(lines[0]).toMatchObject({ code: "STORE_OFFLINE" });
  expect(String(lines[0]?.hint)).toContain(home);
  expect(status).toBe(69);
  await rm(home, { recursive: true });
});

test("an unknown model is refused with the names there are", async () => {
  const { status, err } = await redline(["models", "pull", "silero"]);

  expect(err).toContain("[MODEL_UNKNOWN]");
  expect(err).toContain("silero-vad");
  expect(status).toBe(66);
});
