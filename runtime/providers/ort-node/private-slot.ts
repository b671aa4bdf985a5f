// Owns one slot of the fallback: memory of this process, copied to the lane process and back. Knows no job.
// Invariant: outputs are those of the last run that came to its end.

import { RedlineError } from "../../core/errors.js";
import type { Tensor, TensorData, TensorSpec } from "../../core/tensor.js";
import type { RunEnd } from "../../scheduler/lane-core.js";
import type { ProviderSlot } from "../provider.js";
import { SlotMemory } from "../slot-memory.js";
import type { LaneReply } from "./protocol.js";

/** A slot whose outputs are those of the last reply. */
export class PrivateSlot implements ProviderSlot {
  readonly inputs: Readonly<Record<string, TensorData>>;
  private readonly memory: SlotMemory;
  private outputs: Readonly<Record<string, Tensor>> = {};

  constructor(
    readonly index: number,
    specs: { inputs: readonly TensorSpec[]; outputs: readonly TensorSpec[] },
  ) {
    this.memory = new SlotMemory({ inputs: specs.inputs, outputs: [] }, "private");
    this.inputs = this.memory.views;
  }

  shapeInput(name: string, shape: readonly number[]): TensorData {
    const tensor = this.memory.input(name);
    this.memory.shape(tensor, shape);
    return tensor.data!;
  }

  fillStrings(name: string, strings: { data: readonly string[]; shape: readonly number[] }): void {
    this.memory.fillStrings(name, strings);
  }

  output(name: string): Tensor {
    return this.outputs[name]!;
  }

  /** The inputs as the lane process takes them. */
  tensors(): Record<string, Tensor> {
    return Object.fromEntries(
      this.memory.filledInputs().map(({ spec, data, shape }) => [spec.name, { data, shape }]),
    );
  }

  /** Keeps a reply's outputs and says how the run ended. */
  take(reply: LaneReply): RunEnd {
    if (reply.kind === "ran") {
      this.outputs = reply.outputs;
      return {
        kind: reply.hasFiniteOutputs ? "completed" : "non-finite",
        endedUs: reply.endedUs,
        cpuUs: reply.cpuUs,
      };
    }
    if (reply.kind === "failed") {
      return { kind: "failed", endedUs: reply.endedUs, cpuUs: -1, message: reply.message };
    }
    throw new RedlineError("INTERNAL", { what: `a run was answered with ${reply.kind}` });
  }
}
