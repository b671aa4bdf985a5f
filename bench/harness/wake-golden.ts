// Owns golden vectors of the wake word's models, made here: what onnxruntime-node answers to one piece of real sound, written into
// manifests of their own, for a program is opened only beside some. Knows no runtime.
// Invariant: nothing of a model but these few numbers is written down, and nothing of it outside `folder`.

import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { PEER_OPTIONS } from "../peers/ort-options.js";
import { WAKE_PARTS, type WakeFiles, type WakePart } from "./wake-files.js";
import { PIECE_SAMPLES, type RunPart, WAKE_SHAPES, WakeWindows } from "./wake-stage.js";

/** Pieces of sound before the one that is written down: all of its windows hold sound then. */
const PIECES = 26;
/** What a program may be off by: PROGRAM_TOLERANCE of runtime/vetting/program-first.ts. */
const TOLERANCE = 1e-4;

/** onnxruntime-node's sessions of the three models, one thread each. */
export async function openWakePeers(files: WakeFiles): Promise<{
  readonly run: RunPart;
  release(): Promise<void>;
}> {
  const sessions = {} as Record<WakePart, InferenceSession>;
  for (const part of WAKE_PARTS)
    sessions[part] = await InferenceSession.create(files[part].path, PEER_OPTIONS.tuned);
  const run: RunPart = async (part, data) => {
    const session = sessions[part];
    const [input, output] = [session.inputNames[0]!, session.outputNames[0]!];
    const results = await session.run({ [input]: new Tensor("float32", data, shapeOf(session, part)) });
    return (results[output] as Tensor).data as Float32Array;
  };
  return {
    run,
    release: async () => {
      for (const session of Object.values(sessions)) await session.release();
    },
  };
}

/** Manifests of the three models with golden vectors from `samples`, at 16 kHz. */
export async function writeWakeManifests(given: {
  readonly files: WakeFiles;
  readonly folder: string;
  readonly samples: Float32Array;
}): Promise<Record<WakePart, string>> {
  const { files, samples } = given;
  const peers = await openWakePeers(files);
  const seen = {} as Record<WakePart, Float32Array>;
  const windows = new WakeWindows((part, data) => {
    seen[part] = data.slice();
    return peers.run(part, data);
  });
  // A stand-in answers a mean of its sound, whose last digit at full scale is above the tolerance.
  const level = files.from === "stand-in" ? 1e-3 : 1;
  for (let piece = 0; piece < PIECES; piece++) {
    const at = (piece * PIECE_SAMPLES) % (samples.length - PIECE_SAMPLES);
    await windows.hear(samples.subarray(at, at + PIECE_SAMPLES).map((sample) => level * sample));
  }
  await peers.release();
  const manifests = {} as Record<WakePart, string>;
  for (const part of WAKE_PARTS) manifests[part] = await writeManifest(part, { ...given, input: seen[part] });
  return manifests;
}

async function writeManifest(
  part: WakePart,
  given: {
    readonly files: WakeFiles;
    readonly folder: string;
    readonly input: Float32Array;
  },
): Promise<string> {
  const folder = join(given.folder, part);
  mkdirSync(folder, { recursive: true });
  const { path } = given.files[part];
  const session = await InferenceSession.create(path, PEER_OPTIONS.tuned);
  const [inputName, outputName] = [session.inputNames[0]!, session.outputNames[0]!];
  const shape = shapeOf(session, part);
  const results = await session.run({ [inputName]: new Tensor("float32", given.input, shape) });
  const { data, dims } = results[outputName] as Tensor;
  const values = [...(data as Float32Array)];
  await session.release();
  const bytes = readFileSync(path);
  copyFileSync(path, join(folder, "model.onnx"));
  const one = {
    variant: "fp32",
    inputs: { [inputName]: { values: [...given.input] } },
    outputs: {
      [outputName]: { at: [...values.keys()], values, tolerance: TOLERANCE },
    },
  };
  writeFileSync(join(folder, "golden.json"), JSON.stringify({ schema: 1, cases: [one] }));
  const variant = {
    id: "fp32",
    precision: "fp32",
    bytes: bytes.length,
    sha256: createHash("sha256").update(bytes).digest("hex"),
    file: "model.onnx",
    sources: ["file:model.onnx"],
  };
  const manifest = {
    schema: 1,
    name: `wake-${part}`,
    version: "0.1.0",
    task: "wake-word",
    licence: "as fetched",
    provenance: given.files.from,
    variants: [variant],
    inputs: [{ name: inputName, dtype: "float32", shape }],
    outputs: [{ name: outputName, dtype: "float32", shape: dims }],
    golden: "golden.json",
  };
  const written = join(folder, "manifest.json");
  writeFileSync(written, JSON.stringify(manifest));
  return written;
}

/** The shape of a part's input: the model's own where it is fixed. */
function shapeOf(session: InferenceSession, part: WakePart): readonly number[] {
  const [meta] = session.inputMetadata;
  const own = meta?.isTensor ? meta.shape : [];
  const isFixed = own.length > 0 && own.every((size): size is number => typeof size === "number" && size > 0);
  return isFixed ? own : WAKE_SHAPES[part];
}
