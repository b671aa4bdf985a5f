// Owns the models that mutants are made from: bundled, hand-written, and what the store and a development checkout have.
// Invariant: a model that is not here is left out and the run's first row says which were used; only the one of the
// known crash is fetched.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { openStore } from "../../runtime/store/store.js";
import { REPO_ROOT, storedModel } from "../harness/assets.js";
import { dynamicAdd, encodeModel, identityModel, matmulChain, mismatchAdd } from "../harness/onnx-model.js";
import { SILERO_SHAPES } from "./known-crash.js";

export interface Source {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** Shapes of inputs that the graph leaves open, where any size would not do. */
  readonly shapes?: Readonly<Record<string, readonly number[]>>;
}

/** Files that only a development checkout has beside it. */
const ASSETS = [
  "yunet/yunet_n_320_320.onnx",
  "yunet/yunet_s_320_320.onnx",
  "twinlitenet/twinlitenet_preprocessed_quantized.onnx",
];

/** Every model there is to mutate. `isSmall` leaves out those that take longer than a few milliseconds. */
export async function findSources(options: { readonly isSmall: boolean }): Promise<Source[]> {
  const written = [
    { name: "matmul-chain", bytes: matmulChain({ nodes: 6, size: 8, matrices: 3 }) },
    { name: "dynamic-add", bytes: dynamicAdd() },
    { name: "mismatch-add", bytes: mismatchAdd() },
    { name: "identity-int64", bytes: identityModel("int64", ["n", 3]) },
    { name: "branches", bytes: branches() },
  ];
  const silero = await Promise.all(["silero-vad", "silero-vad-v6"].map(storedSilero));
  const road = fromFile("road-seg-int8", join(REPO_ROOT, "models/road-seg/road-seg-int8.onnx"));
  if (options.isSmall) return [...written, ...silero.flat()];
  const fp32 = fromFile("road-seg-fp32", join(REPO_ROOT, "models/road-seg/road-seg-fp32.onnx"));
  const assets = ASSETS.flatMap((path) =>
    fromFile(path.replace(/^.*\//, ""), join(REPO_ROOT, "../shared/assets/models", path)),
  );
  return [...written, ...silero.flat(), ...road, ...fp32, ...assets];
}

function fromFile(name: string, path: string): Source[] {
  return existsSync(path) ? [{ name, bytes: new Uint8Array(readFileSync(path)) }] : [];
}

/** A Silero of the store, if it is installed and whole. */
export async function storedSilero(name: string): Promise<Source[]> {
  const store = openStore({ offline: true });
  try {
    const states = await store.verify(name);
    const files = states.flatMap(({ state, path }) => (state === "ok" ? fromFile(name, path) : []));
    return files.slice(0, 1).map((file) => ({ ...file, shapes: SILERO_SHAPES }));
  } finally {
    await store.close();
  }
}

/** Silero v5, from the store or its source; null, with the reason said, where it is not to be had. */
export async function fetchedSilero(say: (line: string) => void): Promise<Uint8Array | null> {
  try {
    return new Uint8Array(readFileSync(await storedModel("silero-vad")));
  } catch (error) {
    say(`the known crash is not tried: ${error instanceof Error ? error.message : String(error)}`);
    return null;
  }
}

/** A little of everything that has shapes to disagree about: products, sums, activations, several outputs. */
function branches(): Uint8Array {
  const data = Float32Array.from({ length: 64 }, (_, index) => Math.sin(index));
  return encodeModel({
    inputs: [{ name: "x", dtype: "float32", shape: [2, 8] }],
    outputs: [
      { name: "y", dtype: "float32", shape: [2, 8] },
      { name: "z", dtype: "float32", shape: [2, 8] },
    ],
    weights: [
      { name: "w", shape: [8, 8], data },
      { name: "b", shape: [8], data: data.slice(0, 8) },
    ],
    nodes: [
      { op: "MatMul", inputs: ["x", "w"], outputs: ["a"] },
      { op: "Add", inputs: ["a", "b"], outputs: ["c"] },
      { op: "LeakyRelu", inputs: ["c"], outputs: ["d"], floats: { alpha: 0.1 } },
      { op: "Sigmoid", inputs: ["d"], outputs: ["e"] },
      { op: "Mul", inputs: ["d", "e"], outputs: ["y"] },
      { op: "Sub", inputs: ["y", "x"], outputs: ["z"] },
    ],
  });
}
