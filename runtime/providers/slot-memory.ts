// Owns the memory of one slot: one block with every static tensor in it, and blocks of their own for dynamic ones.
// Knows no provider. Invariant: a view stays valid and in place until its tensor's shape changes; `views` always holds
// the present one.

import { RedlineError } from "../core/errors.js";
import { LIMITS } from "../core/limits.js";
import {
  DTYPE_BYTES,
  elementCount,
  isStaticShape,
  type TensorData,
  type TensorSpec,
  viewOf,
} from "../core/tensor.js";

// One cache line, and the widest vector register: no tensor shares a line with another.
const ALIGNMENT_BYTES = 64;

/** Whether slots can be seen by other threads, or belong to this JavaScript environment alone. */
export type MemorySharing = "shared" | "private";

/** A tensor as it lies in a slot. */
export interface SlotTensor {
  readonly spec: TensorSpec;
  /** Absent while the shape is not known: dynamic inputs before `shape`, outputs the run allocates. */
  data: TensorData | undefined;
  shape: readonly number[] | undefined;
}

/** A tensor whose elements and shape are there. */
export type FilledTensor = SlotTensor & { readonly data: TensorData; readonly shape: readonly number[] };

/** The tensors of one slot. */
export class SlotMemory {
  readonly inputs: readonly SlotTensor[];
  readonly outputs: readonly SlotTensor[];
  /** The inputs' elements by name; an input whose shape is not known yet is absent. */
  readonly views: Record<string, TensorData> = {};
  private readonly inputsByName: ReadonlyMap<string, SlotTensor>;

  constructor(
    specs: { inputs: readonly TensorSpec[]; outputs: readonly TensorSpec[] },
    private readonly sharing: MemorySharing,
  ) {
    const fixed = [...specs.inputs, ...specs.outputs].filter(isFixed);
    const totalBytes = fixed.reduce((sum, spec) => sum + aligned(spec), 0);
    const block = this.allocate(totalBytes);
    let byteOffset = 0;
    const place = (spec: TensorSpec): SlotTensor => {
      if (!isFixed(spec)) return { spec, data: undefined, shape: undefined };
      const data = viewOf(spec.dtype, block, { byteOffset, length: elementCount(spec.shape) });
      byteOffset += aligned(spec);
      return { spec, data, shape: spec.shape };
    };
    this.inputs = specs.inputs.map(place);
    this.outputs = specs.outputs.map(place);
    this.inputsByName = new Map(this.inputs.map((tensor) => [tensor.spec.name, tensor]));
    for (const { spec, data } of this.inputs) if (data) this.views[spec.name] = data;
  }

  /** The input of that name, which is one of the slot's. */
  input(name: string): SlotTensor {
    return this.inputsByName.get(name)!;
  }

  /** Gives an input a concrete shape. Answers whether anything changed. */
  shape(tensor: SlotTensor, shape: readonly number[]): boolean {
    if (tensor.shape && sameShape(tensor.shape, shape)) return false;
    const { name, dtype } = tensor.spec;
    if (dtype === "string") {
      tensor.data = new Array<string>(elementCount(shape)).fill("");
    } else {
      const length = elementCount(shape);
      tensor.data = viewOf(dtype, this.allocate(length * DTYPE_BYTES[dtype]), { byteOffset: 0, length });
    }
    tensor.shape = [...shape];
    this.views[name] = tensor.data;
    return true;
  }

  /** Sets the shape and the elements of a string input. */
  fillStrings(
    name: string,
    { data, shape }: { readonly data: readonly string[]; readonly shape: readonly number[] },
  ): void {
    const tensor = this.input(name);
    this.shape(tensor, shape);
    const elements = tensor.data as string[];
    for (const [position, text] of data.entries()) elements[position] = text;
  }

  /**
   * The inputs, each with its elements and shape.
   *
   * @throws RedlineError `INPUT_MISSING` for one that was never given a shape.
   */
  filledInputs(): readonly FilledTensor[] {
    return this.inputs.map((tensor) => {
      if (isFilled(tensor)) return tensor;
      throw new RedlineError("INPUT_MISSING", {
        what: `input ${tensor.spec.name}`,
        expected: `a tensor of shape [${tensor.spec.shape.join(", ")}]`,
        received: "nothing",
      });
    });
  }

  private allocate(bytes: number): ArrayBufferLike {
    if (!(bytes <= LIMITS.slotBytes)) {
      throw new RedlineError("MODEL_LIMIT", {
        what: "the memory of a slot",
        expected: `at most ${LIMITS.slotBytes} bytes`,
        received: String(bytes),
      });
    }
    return this.sharing === "shared" ? new SharedArrayBuffer(bytes) : new ArrayBuffer(bytes);
  }
}

interface FixedSpec extends TensorSpec {
  readonly dtype: Exclude<TensorSpec["dtype"], "string">;
  readonly shape: readonly number[];
}

/** Whether a tensor has its elements and shape. */
export function isFilled(tensor: SlotTensor): tensor is FilledTensor {
  return tensor.data !== undefined && tensor.shape !== undefined;
}

function isFixed(spec: TensorSpec): spec is FixedSpec {
  return spec.dtype !== "string" && isStaticShape(spec.shape);
}

function aligned(spec: FixedSpec): number {
  const bytes = elementCount(spec.shape) * DTYPE_BYTES[spec.dtype];
  return Math.ceil(bytes / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
}

function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((dimension, index) => dimension === b[index]);
}
