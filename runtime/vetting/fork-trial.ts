// Owns the trial where there is no child program: a lane process of the fallback, which runs onnxruntime-node.
// Knows no verdict. Invariant: a run there cannot be stopped, so whoever waits for one ends the process instead.

import type { OrtOptions } from "../bindings/addon.js";
import { RedlineError } from "../core/errors.js";
import type { Tensor } from "../core/tensor.js";
import { LaneProcess } from "../providers/ort-node/lane-process.js";
import type { LaneReply } from "../providers/ort-node/protocol.js";
import {
  describeEnd,
  type Trial,
  type TrialEnd,
  type TrialGraph,
  type TrialInput,
  type TrialSession,
} from "./trial.js";

export class ForkTrial implements Trial {
  readonly kind = "fork" as const;
  private readonly process = new LaneProcess("interactive");
  private nextSession = 0;

  get pid(): number {
    return this.process.pid;
  }

  get end(): TrialEnd | undefined {
    const { end } = this.process;
    return end && describeEnd(end.status, end.signal);
  }

  async open(graph: TrialGraph, ort: OrtOptions): Promise<TrialSession> {
    this.nextSession += 1;
    const id = this.nextSession;
    const source = "bytes" in graph ? graph.bytes : graph.path;
    const reply = await this.process.ask({ kind: "open", sessionId: id, graph: source, ort });
    if (reply.kind !== "opened") throw refusal("MODEL_LOAD_FAILED", reply);
    return { id, inputs: reply.inputs, outputs: reply.outputs };
  }

  async run(
    session: TrialSession,
    { inputs }: { inputs: readonly TrialInput[] },
  ): Promise<Record<string, Tensor>> {
    const named = Object.fromEntries(
      session.inputs.map(({ name }, index) => {
        const { data, shape } = inputs[index] as TrialInput;
        return [name, { data, shape }];
      }),
    );
    const reply = await this.process.ask({ kind: "run", sessionId: session.id, inputs: named });
    if (reply.kind !== "ran") throw refusal("PROVIDER_FAILED", reply);
    return reply.outputs;
  }

  async close(session: TrialSession): Promise<void> {
    await this.process.ask({ kind: "close", sessionId: session.id });
  }

  kill(): void {
    this.process.kill();
  }
}

function refusal(code: "MODEL_LOAD_FAILED" | "PROVIDER_FAILED", reply: LaneReply): RedlineError {
  return new RedlineError(code, {
    what: reply.kind === "failed" ? reply.message : `the reply ${reply.kind}`,
  });
}
