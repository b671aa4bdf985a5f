// Owns a lane process of the fallback: it runs onnxruntime-node, one request after the other. Knows no contract.
// A process and not a worker thread: terminating a worker inside onnxruntime-node 1.30's run aborts the whole process.

import * as ort from "onnxruntime-node";
import type { OrtOptions } from "../../bindings/addon.js";
import { monotonicUs } from "../../bindings/system-clock.js";
import { DTYPES, type Dtype, type Tensor, type TensorSpec } from "../../core/tensor.js";
import type { LaneReply, LaneRequest } from "./protocol.js";

const sessions = new Map<number, ort.InferenceSession>();

// Requests are answered in order: onnxruntime-node runs on this thread anyway.
let turn: Promise<void> = Promise.resolve();
process.on("message", (request: LaneRequest) => {
  turn = turn.then(async () => {
    const reply = await answer(request);
    process.send?.(reply);
  });
});
// The parent's end of the channel closes when the parent exits in any way; nothing is left to do then.
process.on("disconnect", () => process.exit(0));

async function answer(request: LaneRequest): Promise<LaneReply> {
  const { id } = request;
  try {
    switch (request.kind) {
      case "open":
        return { kind: "opened", id, ...(await open(request)) };
      case "run":
        return { kind: "ran", id, ...(await run(request)) };
      case "close":
        await sessions.get(request.sessionId)?.release();
        sessions.delete(request.sessionId);
        return { kind: "closed", id };
    }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { kind: "failed", id, endedUs: monotonicUs(), message };
  }
}

async function open(request: Extract<LaneRequest, { kind: "open" }>) {
  const options = sessionOptions(request.ort);
  const session =
    typeof request.graph === "string"
      ? await ort.InferenceSession.create(request.graph, options)
      : await ort.InferenceSession.create(request.graph, options);
  sessions.set(request.sessionId, session);
  return { inputs: session.inputMetadata.map(specOf), outputs: session.outputMetadata.map(specOf) };
}

async function run(request: Extract<LaneRequest, { kind: "run" }>) {
  const session = sessions.get(request.sessionId);
  if (!session) throw new Error(`no session ${request.sessionId} in this lane`);
  const specs = new Map(session.inputMetadata.map((metadata) => [metadata.name, specOf(metadata)]));
  const feeds: Record<string, ort.Tensor> = {};
  for (const [name, tensor] of Object.entries(request.inputs)) {
    feeds[name] = new ort.Tensor(specs.get(name)!.dtype, tensor.data as Float32Array, tensor.shape);
  }
  const cpuBefore = process.cpuUsage();
  const results = await session.run(feeds);
  const endedUs = monotonicUs();
  const cpu = process.cpuUsage(cpuBefore);
  const outputs: Record<string, Tensor> = {};
  let hasFiniteOutputs = true;
  for (const [name, result] of Object.entries(results)) {
    const data = result.data as Tensor["data"];
    if (data instanceof Float32Array && !data.every(Number.isFinite)) hasFiniteOutputs = false;
    outputs[name] = { data, shape: result.dims };
  }
  return { endedUs, cpuUs: cpu.user + cpu.system, hasFiniteOutputs, outputs };
}

function sessionOptions(options: OrtOptions): ort.InferenceSession.SessionOptions {
  return {
    executionProviders: ["cpu"],
    intraOpNumThreads: options.intraOpThreads ?? 1,
    interOpNumThreads: 1,
    graphOptimizationLevel: options.graphOptimization ?? "all",
    enableCpuMemArena: options.cpuMemArena ?? true,
    enableMemPattern: options.memPattern ?? true,
    extra: {
      session: { intra_op: { allow_spinning: options.spin ? "1" : "0" } },
      ...options.configEntries,
    },
    ...(options.optimizedModelPath ? { optimizedModelFilePath: options.optimizedModelPath } : {}),
  };
}

function specOf(metadata: ort.InferenceSession.ValueMetadata): TensorSpec {
  if (!metadata.isTensor || !DTYPES.includes(metadata.type as Dtype)) {
    throw new Error(`${metadata.name} is not a tensor of a supported type`);
  }
  return { name: metadata.name, dtype: metadata.type as Dtype, shape: metadata.shape.map((d) => d) };
}
