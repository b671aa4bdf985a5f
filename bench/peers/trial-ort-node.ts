// Owns onnxruntime-node as a subject, in its own best set-up or as it comes. Knows no deadline: it offers none.

import { createRequire } from "node:module";
import { InferenceSession, Tensor } from "onnxruntime-node";
import type { Subject } from "../trials/subject.js";
import { PEER_OPTIONS, type PeerTuning } from "./ort-options.js";
import { ortSubject, resolveModel } from "./trial-ort.js";

/** Opens a model on it. */
export async function openOrtNode(name: string, tuning: PeerTuning): Promise<Subject> {
  const model = await resolveModel(name);
  const { version } = createRequire(import.meta.url)("onnxruntime-node/package.json") as { version: string };
  return ortSubject({
    session: await InferenceSession.create(model.path, PEER_OPTIONS[tuning]),
    model,
    // As it comes it takes as many threads as the machine has cores, and does not say how many.
    plan: { runtime: `onnxruntime-node (${tuning})`, version, threads: tuning === "tuned" ? 1 : 0 },
    feed: (dtype, { data, shape }) => new Tensor(dtype as "float32", data as Float32Array, shape),
  });
}
