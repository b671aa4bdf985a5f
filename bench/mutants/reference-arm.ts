// Owns the reference: the same mutant on stock onnxruntime-node, in a process that may die of it. Knows no runtime of ours.

import * as ort from "onnxruntime-node";
import type { Dtype, Tensor, TensorSpec } from "../../runtime/core/tensor.js";
import { serveArm } from "../harness/child.js";
import type { Trial, TrialResult } from "./protocol.js";
import { seededInputs } from "./seeded-inputs.js";

serveArm({
  try: async (trial: Trial): Promise<TrialResult> => {
    let session: ort.InferenceSession;
    try {
      session = await ort.InferenceSession.create(trial.bytes, {
        intraOpNumThreads: 1,
        logSeverityLevel: 4,
        graphOptimizationLevel: trial.isUnoptimized === true ? "disabled" : "all",
      });
    } catch (error) {
      return { kind: "refused", code: null, message: messageOf(error) };
    }
    try {
      return await runOnce(session, trial);
    } catch (error) {
      return { kind: "settled", outcome: "failed/provider", message: messageOf(error) };
    } finally {
      await session.release();
    }
  },
});

async function runOnce(session: ort.InferenceSession, trial: Trial): Promise<TrialResult> {
  const inputs = seededInputs(session.inputMetadata.map(specOf), trial);
  if (inputs === null) return { kind: "not-run", code: null, message: "inputs too large to make" };
  const dtypes = new Map(session.inputMetadata.map((input) => [input.name, specOf(input).dtype]));
  const feeds = Object.entries(inputs).map(([name, { data, shape }]) => [
    name,
    new ort.Tensor(dtypes.get(name) as Dtype, data as Float32Array, shape),
  ]);
  const results = await session.run(Object.fromEntries(feeds));
  const outputs = Object.entries(results).map(([name, tensor]): [string, Tensor] => [
    name,
    { data: tensor.data as Float32Array, shape: tensor.dims },
  ]);
  return { kind: "done", outputs: Object.fromEntries(outputs) };
}

function specOf(metadata: ort.InferenceSession.ValueMetadata): TensorSpec {
  if (!metadata.isTensor) throw new Error(`${metadata.name} is not a tensor`);
  return {
    name: metadata.name,
    dtype: metadata.type as Dtype,
    shape: metadata.shape.map((size) => (size === "" ? "?" : size)),
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
