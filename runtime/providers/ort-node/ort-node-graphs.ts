// Owns graphs opened in onnxruntime-node, in whatever process this is: a request in, a reply out. Knows no contract.
// Invariant: every request is answered with its own id; trouble is an answer, never a throw.

import * as ort from "onnxruntime-node";
import type { OrtOptions } from "../../bindings/addon.js";
import { monotonicUs } from "../../bindings/system-clock.js";
import { reasonOf } from "../../core/errors.js";
import { DTYPES, type Dtype, type Tensor, type TensorSpec } from "../../core/tensor.js";
import type { LaneReply, LaneRequest } from "./protocol.js";

/** The graphs one lane has opened. Ask one thing at a time. */
export class OrtNodeGraphs {
  private readonly sessions = new Map<number, ort.InferenceSession>();

  async answer(request: LaneRequest): Promise<LaneReply> {
    const { id } = request;
    try {
      switch (request.kind) {
        case "open":
          return { kind: "opened", id, ...(await this.open(request)) };
        case "run":
          return { kind: "ran", id, ...(await this.run(request)) };
        case "close":
          await this.sessions.get(request.sessionId)?.release();
          this.sessions.delete(request.sessionId);
          return { kind: "closed", id };
      }
    } catch (error) {
      return { kind: "failed", id, endedUs: monotonicUs(), message: reasonOf(error) };
    }
  }

  private async open(request: Extract<LaneRequest, { kind: "open" }>) {
    const options = sessionOptions(request.ort);
    const session =
      typeof request.graph === "string"
        ? await ort.InferenceSession.create(request.graph, options)
        : await ort.InferenceSession.create(request.graph, options);
    this.sessions.set(request.sessionId, session);
    return { inputs: session.inputMetadata.map(specOf), outputs: session.outputMetadata.map(specOf) };
  }

  private async run(request: Extract<LaneRequest, { kind: "run" }>) {
    const session = this.sessions.get(request.sessionId);
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
}

function sessionOptions(options: OrtOptions): ort.InferenceSession.SessionOptions {
  return {
    executionProviders: ["cpu"],
    // As in the host: errors carry every message, and the library's own log would only repeat them on stderr.
    logSeverityLevel: 4,
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
  const shape = metadata.shape.map((size) => (size === "" ? "?" : size));
  return { name: metadata.name, dtype: metadata.type as Dtype, shape };
}
