// Owns where the wake word's three models come from: openWakeWord's by manifest, or stand-ins of the same size made here.
// Knows no runtime. Invariant: which of the two it is, and why, is said in every row; a stand-in never passes for the model.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { reasonOf } from "../../runtime/core/errors.js";
import { openStore } from "../../runtime/store/store.js";
import { REPO_ROOT } from "./assets.js";
import { encodeModel, type ModelNode, type ModelTensor, type ModelWeight } from "./onnx-model.js";

/** The parts of a wake word: mel spectrogram of the newest sound, its embedding, and the head that scores. */
export const WAKE_PARTS = ["mel", "embedding", "head"] as const;
/** One of them. */
export type WakePart = (typeof WAKE_PARTS)[number];

/** One part's model: as Redline opens it, and as a file for a peer. */
export interface WakeFile {
  readonly model: string;
  readonly path: string;
}

/** All parts. */
export interface WakeFiles extends Readonly<Record<WakePart, WakeFile>> {
  readonly from: "openwakeword" | "stand-in";
  /** Why it is a stand-in; empty for the real ones. */
  readonly why: string;
}

/** Manifests of models that are fetched and, for their licence, never shipped. */
const MANIFESTS = join(REPO_ROOT, "bench/models");

/** openWakeWord's models from the store, fetched if need be; else stand-ins, written into `folder`. */
export async function findWakeFiles(given: {
  readonly folder: string;
  readonly say: (line: string) => void;
}): Promise<WakeFiles> {
  const store = openStore({
    onLicence: ({ model, licence, provenance }) =>
      given.say(`  ${model} is licensed ${licence} (${provenance})`),
  });
  try {
    const files = {} as Record<WakePart, WakeFile>;
    for (const part of WAKE_PARTS) {
      const model = join(MANIFESTS, `openwakeword-${part}`, "manifest.json");
      files[part] = { model, path: (await store.resolve(model)).path };
    }
    return { ...files, from: "openwakeword", why: "" };
  } catch (error) {
    return { ...writeStandIns(given.folder), from: "stand-in", why: reasonOf(error) };
  } finally {
    await store.close();
  }
}

/** Width of input and output of each part, and the bytes of the model it stands in for. */
const STAND_IN: Readonly<Record<WakePart, { inputs: number; outputs: number; bytes: number }>> = {
  mel: { inputs: 1760, outputs: 256, bytes: 1_087_958 },
  embedding: { inputs: 2432, outputs: 96, bytes: 1_326_578 },
  head: { inputs: 1536, outputs: 1, bytes: 1_271_370 },
};

/** Models of two matrix products each, with as many bytes of weights as the ones they stand in for. */
export function writeStandIns(folder: string): Record<WakePart, WakeFile> {
  mkdirSync(folder, { recursive: true });
  const files = {} as Record<WakePart, WakeFile>;
  for (const part of WAKE_PARTS) {
    const path = join(folder, `wake-${part}-stand-in.onnx`);
    writeFileSync(path, standIn(STAND_IN[part]));
    files[part] = { model: path, path };
  }
  return files;
}

function standIn({ inputs, outputs, bytes }: { inputs: number; outputs: number; bytes: number }): Uint8Array {
  const hidden = Math.round(bytes / 4 / (inputs + outputs));
  const weight = (name: string, shape: readonly [number, number]): ModelWeight => ({
    name,
    shape,
    data: new Float32Array(shape[0] * shape[1]).fill(1 / shape[0]),
  });
  const tensor = (name: string, width: number): ModelTensor => ({
    name,
    dtype: "float32",
    shape: [1, width],
  });
  const product = (from: string, by: string, to: string): ModelNode => ({
    op: "MatMul",
    inputs: [from, by],
    outputs: [to],
  });
  return encodeModel({
    inputs: [tensor("x", inputs)],
    outputs: [tensor("y", outputs)],
    weights: [weight("w0", [inputs, hidden]), weight("w1", [hidden, outputs])],
    nodes: [product("x", "w0", "h"), product("h", "w1", "y")],
  });
}
