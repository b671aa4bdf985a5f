// Owns one slot of the fallback: memory of this process, copied to the lane process and back. Knows no job.

import { RedlineError } from "../../core/errors.js";
import type { Tensor, TensorData, TensorSpec } from "../../core/tensor.js";
import type { RunEnd } from "../../scheduler/lane-core.js";
import type { ProviderSlot } from "../provider.js";
import { SlotMemory } from "../slot-memory.js";
import type { LaneReply } from "./protocol.js";

/** A slot whose outputs are those of the last reply. */
export class PrivateSlot implements ProviderSlot {
  readonly inputs: Record<string, TensorData> = {};
  private readonly memory: SlotMemory;
  private outputs: Readonly<Record<string, Tensor>> = {};

  constructor(
    readonly index: number,
    specs: { inputs: readonly TensorSpec[]; outputs: readonly TensorSpec[] },
  ) {
    this.memory = new SlotMemory({ inputs: specs.inputs, outputs: [] }, "private");
    for (const { spec, data } of this.memory.inputs) if (data) this.inputs[spec.name] = data;
  }

  shapeInput(name: string, shape: readonly number[]): TensorData {
    const tensor = this.memory.inputs.find(({ spec }) => spec.name === name)!;
    if (this.memory.shape(tensor, shape)) this.inputs[name] = tensor.data!;
    return tensor.data!;
  }

  fillStrings(
    name: string,
    strings: { readonly data: readonly string[]; readonly shape: readonly number[] },
  ): void {
    const elements = this.shapeInput(name, strings.shape) as string[];
    for (const [position, text] of strings.data.entries()) elements[position] = text;
  }

  output(name: string): Tensor {
    return this.outputs[name]!;
  }

  /** The inputs as the lane process takes them. */
  tensors(): Record<string, Tensor> {
    return Object.fromEntries(
      this.memory.inputs.map(({ spec, data, shape }) => {
        if (data && shape) return [spec.name, { data, shape }];
        throw new RedlineError("INPUT_MISSING", { what: `input ${spec.name}` });
      }),
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
