// Owns one slot of a native session: its memory and its binding in the host. Knows no job.
// Invariant: the host is told of new memory before the next run, and only when something changed.

import type { NativeAddon, NativeBinding } from "../../bindings/addon.js";
import type { Tensor, TensorData, TensorSpec } from "../../core/tensor.js";
import type { ProviderSlot } from "../provider.js";
import {
  type FilledTensor,
  isFilled,
  type MemorySharing,
  SlotMemory,
  type SlotTensor,
} from "../slot-memory.js";

/** A slot bound once, and again only when a dynamic input changes its shape. */
export class NativeSlot implements ProviderSlot {
  readonly inputs: Readonly<Record<string, TensorData>>;
  private readonly memory: SlotMemory;
  private readonly outputsByName: ReadonlyMap<string, { tensor: SlotTensor; position: number }>;
  private isBound = false;

  constructor(
    private readonly host: { addon: NativeAddon; sessionId: number },
    readonly index: number,
    specs: { inputs: readonly TensorSpec[]; outputs: readonly TensorSpec[]; sharing: MemorySharing },
  ) {
    this.memory = new SlotMemory(specs, specs.sharing);
    this.inputs = this.memory.views;
    this.outputsByName = new Map(
      this.memory.outputs.map((tensor, position) => [tensor.spec.name, { tensor, position }]),
    );
  }

  shapeInput(name: string, shape: readonly number[]): TensorData {
    const tensor = this.memory.input(name);
    if (this.memory.shape(tensor, shape)) this.isBound = false;
    return tensor.data!;
  }

  fillStrings(name: string, strings: { data: readonly string[]; shape: readonly number[] }): void {
    this.memory.fillStrings(name, strings);
    // The host copies strings when it binds, so that every new text is a new binding.
    this.isBound = false;
  }

  /** Makes sure that the host knows this slot's memory. Called before each run. */
  bind(): void {
    if (this.isBound) return;
    const inputs = this.memory.filledInputs().map(bindingOf);
    const outputs = this.memory.outputs.map((tensor) => (isFilled(tensor) ? bindingOf(tensor) : null));
    try {
      this.host.addon.bindSlot(this.host.sessionId, this.index, inputs, outputs);
      this.isBound = true;
    } catch (error) {
      // A run that was given up is still in the slot: the host settles the job that wants it.
      if ((error as { code?: string }).code !== "INPUT_SLOT") throw error;
    }
  }

  output(name: string): Tensor {
    const { tensor, position } = this.outputsByName.get(name)!;
    if (isFilled(tensor)) return { data: tensor.data, shape: tensor.shape };
    const { data, shape } = this.host.addon.takeOutput(this.host.sessionId, this.index, position);
    return { data, shape };
  }
}

function bindingOf({ spec, data, shape }: FilledTensor): NativeBinding {
  return { dtype: spec.dtype, data, shape };
}
