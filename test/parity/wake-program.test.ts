// openWakeWord as three programs of fused ops gives, over whole recordings, the scores that ONNX Runtime gives.
// So do they in WebAssembly. Its models are fetched and never shipped: without them, and without the assets folder, what is left out is said.
// REDLINE_WAKE_RECORDINGS sets how many recordings are heard; `npm test` hears a few.

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { speechSamples, VOICE_SAMPLE } from "../../bench/harness/assets.js";
import {
  findWakeFiles,
  WAKE_PARTS,
  type WakeFiles,
  type WakePart,
  writeStandIns,
} from "../../bench/harness/wake-files.js";
import { openWakePeers, writeWakeManifests } from "../../bench/harness/wake-golden.js";
import { PIECE_SAMPLES, type RunPart, WakeWindows } from "../../bench/harness/wake-stage.js";
import { loadNative } from "../../runtime/bindings/load.js";
import { packageRoot } from "../../runtime/bindings/package-root.js";
import { createRuntime, describeModel, openStore, type Session } from "../../runtime/index.js";
import { lowerProgram } from "../../runtime/programs/program.js";
import { WasmProgram } from "../../runtime/programs/wasm-program.js";
import type { Manifest } from "../../runtime/store/manifest.js";
import { PATIENCE } from "../native/native-host.js";
import { instanceOf } from "../support/wasm-kernels.js";

/** Of a score. */
const TOLERANCE = 1e-4;
/** Of decibels and of an embedding's numbers, which are up to a hundred in size. */
const TOLERANCE_INSIDE = 10 * TOLERANCE;
const RECORDINGS = Number(process.env.REDLINE_WAKE_RECORDINGS ?? 24);
/** An emulated processor hears the first five seconds of each: every step of every network runs in them. */
const HEARD_SAMPLES = PATIENCE === 1 ? undefined : 5 * 16_000;
const ASSETS = join(packageRoot(), "../shared/assets/audio");

/**
 * Made before a peer runs: its options let this thread take small numbers for zero from then on, and kernels refuse an engine
 * that does.
 */
const instances = {
  mel: instanceOf("simd128"),
  embedding: instanceOf("simd128"),
  head: instanceOf("simd128"),
} satisfies Record<WakePart, unknown>;

const folder = mkdtempSync(join(tmpdir(), "redline-wake-"));
const runtime = await createRuntime();
afterAll(async () => {
  await runtime.close();
  rmSync(folder, { recursive: true, force: true });
});

const found = await findWakeFiles({ folder, say: () => {} });
const isReal = found.from === "openwakeword";
if (!isReal) console.log(`openWakeWord's models are not here (${found.why}): stand-ins alone are run`);
const standIns: WakeFiles = { ...writeStandIns(folder), from: "stand-in", why: "a test of their own" };

/** The bundled recording, and some of the assets folder evenly. */
function recordings(): readonly string[] {
  if (!existsSync(ASSETS)) {
    console.log("no assets folder: the bundled recording alone is heard");
    return [VOICE_SAMPLE];
  }
  const all = readdirSync(ASSETS, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".wav"))
    .sort();
  const step = Math.max(1, Math.floor((all.length * PATIENCE) / RECORDINGS));
  return [VOICE_SAMPLE, ...all.filter((_, index) => index % step === 0).map((name) => join(ASSETS, name))];
}

function through(sessions: Readonly<Record<WakePart, Session>>): RunPart {
  return (part, data) => {
    const session = sessions[part];
    const outcome = session.runSync({ [session.inputs[0]!.name]: data });
    if (outcome.status !== "done") throw new Error(`${part}: ${outcome.status} / ${outcome.reason}`);
    const values = Float32Array.from(outcome.outputs[session.outputs[0]!.name]!.data as Float32Array);
    outcome.release();
    return values;
  };
}

/** The parts in WebAssembly, each in an instance of its own, with the shapes that its manifest has. */
async function inWebAssembly(manifests: Readonly<Record<WakePart, string>>): Promise<RunPart> {
  const programs = {} as Record<WakePart, WasmProgram>;
  for (const part of WAKE_PARTS) {
    const { inputs, outputs } = JSON.parse(readFileSync(manifests[part], "utf8")) as Manifest;
    const shapes = Object.fromEntries([...inputs, ...outputs].map(({ name, shape }) => [name, shape]));
    const kernels = instances[part];
    if (typeof kernels === "string") throw new Error(kernels);
    const bytes = readFileSync(join(manifests[part], "../model.onnx"));
    programs[part] = new WasmProgram(kernels, await lowerProgram(bytes, { constants: {}, shapes }));
  }
  return (part, data) => {
    const { program } = programs[part];
    return programs[part].run({ [program.inputs[0]!.name]: data })[program.outputs[0]!.name]!.slice();
  };
}

function apart(one: Float32Array, other: Float32Array): number {
  return one.reduce((worst, value, at) => Math.max(worst, Math.abs(value - other[at]!)), 0);
}

interface Compared {
  readonly worst: Readonly<Record<WakePart | "score", number>>;
  readonly pieces: number;
  readonly loudest: number;
}

/** How far the parts are from a peer's, over whole recordings. */
async function compared(given: {
  readonly heard: readonly string[];
  readonly run: RunPart;
  readonly peer: RunPart;
}): Promise<Compared> {
  const { heard, run, peer } = given;
  const worst: Record<WakePart | "score", number> = { mel: 0, embedding: 0, head: 0, score: 0 };
  let pieces = 0;
  let loudest = 0;

  for (const path of heard) {
    const sound = (await speechSamples(path)).subarray(0, HEARD_SAMPLES);
    // Each part on what the peer's part before it gave, and the whole chain on its own.
    const theirs = new WakeWindows(async (part, data) => {
      const wanted = (await peer(part, data))!;
      worst[part] = Math.max(worst[part], apart(wanted, (await run(part, data))!));
      return wanted;
    });
    const ours = new WakeWindows(run);
    for (let at = 0; at + PIECE_SAMPLES <= sound.length; at += PIECE_SAMPLES) {
      const piece = sound.subarray(at, at + PIECE_SAMPLES);
      const [wanted = 2, received = -2] = [await theirs.hear(piece), await ours.hear(piece)];
      worst.score = Math.max(worst.score, Math.abs(wanted - received));
      loudest = Math.max(loudest, wanted);
      pieces += 1;
    }
  }
  return { worst, pieces, loudest };
}

const sides = [
  { files: standIns, heard: [VOICE_SAMPLE] },
  { files: found, heard: recordings() },
].filter(({ files }, index) => index === 0 || files.from === "openwakeword");

describe.skipIf(loadNative().addon === null)("the wake word", () => {
  test.each(sides)(
    "of $files.from differs from ONNX Runtime by at most 1e-4",
    async ({ files, heard }) => {
      const samples = await speechSamples(VOICE_SAMPLE);
      const manifests = await writeWakeManifests({ files, folder: join(folder, files.from), samples });
      const peers = await openWakePeers(files);
      const sessions = {} as Record<WakePart, Session>;
      for (const part of WAKE_PARTS)
        sessions[part] = await runtime.open(manifests[part], {
          name: `${files.from} ${part}`,
          inline: true,
          provider: "program",
        });
      const run = through(sessions);
      const { worst, pieces, loudest } = await compared({ heard, run, peer: peers.run });
      await peers.release();

      console.log(
        `${files.from}: ${pieces} pieces, at most apart: ${JSON.stringify(worst)}, highest score ${loudest}`,
      );
      expect(pieces).toBeGreaterThan(20);
      // A stand-in answers means of sound at full scale, which are beyond 1.
      expect(worst.score / Math.max(1, loudest)).toBeLessThanOrEqual(TOLERANCE);
      if (files.from === "stand-in") return;
      expect(worst.head).toBeLessThanOrEqual(TOLERANCE);
      expect(worst.embedding).toBeLessThanOrEqual(TOLERANCE_INSIDE);
      expect(worst.mel).toBeLessThanOrEqual(TOLERANCE_INSIDE);
    },
    120_000 * PATIENCE,
  );

  test.each(sides)(
    "of $files.from in WebAssembly differs from ONNX Runtime by at most 1e-4",
    async ({ files }) => {
      const samples = await speechSamples(VOICE_SAMPLE);
      const manifests = await writeWakeManifests({
        files,
        folder: join(folder, `${files.from}-wasm`),
        samples,
      });
      const peers = await openWakePeers(files);
      const run = await inWebAssembly(manifests);

      const { worst, pieces, loudest } = await compared({ heard: [VOICE_SAMPLE], run, peer: peers.run });
      await peers.release();

      console.log(`${files.from} in WebAssembly: ${pieces} pieces, at most apart: ${JSON.stringify(worst)}`);
      expect(pieces).toBeGreaterThan(20);
      expect(worst.score / Math.max(1, loudest)).toBeLessThanOrEqual(TOLERANCE);
      if (files.from === "stand-in") return;
      expect(worst.head).toBeLessThanOrEqual(TOLERANCE);
      expect(Math.max(worst.mel, worst.embedding)).toBeLessThanOrEqual(TOLERANCE_INSIDE);
    },
    60_000 * PATIENCE,
  );

  test.skipIf(!isReal)("is described with its ops, its arena and its weights", async () => {
    const store = openStore();
    const described = [];
    for (const part of WAKE_PARTS) {
      const { program, obstacle } = await describeModel(await store.resolve(found[part].model));
      described.push({ part, obstacle, ops: program?.ops.map(({ op }) => op) ?? [] });
      const weights = program?.ops.reduce((sum, { weightBytes }) => sum + weightBytes, 0);
      expect(weights).toBe(program?.weightBytes);
    }
    await store.close();

    expect(described.map(({ obstacle }) => obstacle)).toEqual([null, null, null]);
    const [mel, embedding, head] = described;
    expect(mel!.ops).toContain("elementary");
    // The activations and limits between its convolutions are part of them.
    expect(embedding!.ops.filter((op) => op === "conv2d")).toHaveLength(20);
    expect(embedding!.ops.filter((op) => op === "map")).toEqual([]);
    expect(head!.ops.filter((op) => op === "select")).toHaveLength(1);
  });
});
