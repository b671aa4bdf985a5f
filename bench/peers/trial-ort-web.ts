// Owns onnxruntime-web's WebAssembly build as a subject, on one thread. It is an optional peer: absent, it is skipped by name.

import { readFile } from "node:fs/promises";
import type { Subject } from "../trials/subject.js";
import type { TrialSkip } from "../trials/trial.js";
import { ortSubject, resolveModel } from "./trial-ort.js";

/** Opens a model on it. */
export async function openOrtWeb(name: string): Promise<Subject | TrialSkip> {
  const found = await import("onnxruntime-web").catch(() => undefined);
  if (found === undefined) return { skipped: "not installed: npm install onnxruntime-web" };
  const { env, InferenceSession, Tensor } = found;
  env.wasm.numThreads = 1;
  const model = await resolveModel(name);
  return ortSubject({
    session: await InferenceSession.create(await readFile(model.path), { executionProviders: ["wasm"] }),
    model,
    plan: { runtime: "onnxruntime-web (wasm)", version: env.versions.web ?? "unknown", threads: 1 },
    feed: (dtype, { data, shape }) => new Tensor(dtype as "float32", data as Float32Array, shape),
  });
}
