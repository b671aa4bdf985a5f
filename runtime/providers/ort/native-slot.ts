// Owns one slot of a native session: its memory and its binding in the host. Knows no job.
// Invariant: the host is told of new memory before the next run, and only when something changed.

import type { NativeAddon, NativeBinding } from "../../bindings/addon.js";
import { RedlineError } from "../../core/errors.js";
import type { Tensor, TensorData, TensorSpec } from "../../core/tensor.js";
import type { ProviderSlot } from "../provider.js";
import { type MemorySharing, SlotMemory, type SlotTensor } from "../slot-memory.js";

/** A slot bound once, and again only when a dynamic input changes its shape. */
export class NativeSlot implements ProviderSlot {
  readonly inputs: Record<string, TensorData> = {};
  private readonly memory: SlotMemory;
  private readonly inputsByName: Map<string, SlotTensor>;
  private readonly outputsByName: Map<string, { tensor: SlotTensor; position: number }>;
  private isBound = false;

  constructor(
    private readonly host: { addon: NativeAddon; sessionId: number },
    readonly index: number,
    specs: { inputs: readonly TensorSpec[]; outputs: readonly TensorSpec[]; sharing: MemorySharing },
  ) {
    this.memory = new SlotMemory(specs, specs.sharing);
    this.inputsByName = new Map(this.memory.inputs.map((tensor) => [tensor.spec.name, tensor]));
    this.outputsByName = new Map(
      this.memory.outputs.map((tensor, position) => [tensor.spec.name, { tensor, position }]),
    );
    for (const { spec, data } of this.memory.inputs) if (data) this.inputs[spec.name] = data;
  }

  shapeInput(name: string, shape: readonly number[]): TensorData {
    const tensor = this.inputsByName.get(name)!;
    if (this.memory.shape(tensor, shape)) {
      this.inputs[name] = tensor.data!;
      this.isBound = false;
    }
    return tensor.data!;
  }

  fillStrings(
    name: string,
    strings: { readonly data: readonly string[]; readonly shape: readonly number[] },
  ): void {
    const elements = this.shapeInput(name, strings.shape) as string[];
    for (const [position, text] of strings.data.entries()) elements[position] = text;
    // The host copies strings when it binds, so that every new text is a new binding.
    this.isBound = false;
  }

  /** Makes sure that the host knows this slot's memory. Called before each run. */
  bind(): void {
    if (this.isBound) return;
    const outputs = this.memory.outputs.map((tensor) => bindingOf(tensor));
    this.host.addon.bindSlot(
      this.host.sessionId,
      this.index,
      this.memory.inputs.map(requireBinding),
      outputs,
    );
    this.isBound = true;
  }

  output(name: string): Tensor {
    const { tensor, position } = this.outputsByName.get(name)!;
    if (tensor.data && tensor.shape) return { data: tensor.data, shape: tensor.shape };
    const { data, shape } = this.host.addon.takeOutput(this.host.sessionId, this.index, position);
    return { data, shape };
  }
}

function bindingOf({ spec, data, shape }: SlotTensor): NativeBinding | null {
  return data && shape ? { dtype: spec.dtype, data, shape } : null;
}

function requireBinding(tensor: SlotTensor): NativeBinding {
  const binding = bindingOf(tensor);
  if (binding) return binding;
  throw new RedlineError("INPUT_MISSING", {
    what: `input ${tensor.spec.name}`,
    expected: `a tensor of shape [${tensor.spec.shape.join(", ")}]`,
    received: "nothing",
  });
}
