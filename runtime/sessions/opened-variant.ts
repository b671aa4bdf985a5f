// Owns one variant of a session as it is opened on its provider: its slots, who holds them, how long its runs take.
// Knows no contract and no other variant. Invariant: a slot is held by at most one owner.

import { RedlineError } from "../core/errors.js";
import type { TensorData, TensorSpec } from "../core/tensor.js";
import type { OpenRequest, ProviderSession } from "../providers/provider.js";
import { RunTimeEstimate } from "../scheduler/run-time-estimate.js";
import { type CheckedInput, checkFinite, checkShape, findSpec, type NonFiniteScan } from "./input-check.js";
import { SlotPool } from "./slot-pool.js";

/** A variant to be opened, and how. */
export interface VariantGraph {
  readonly variant: string;
  readonly request: Omit<OpenRequest, "onSettle">;
  /** Size of the model's file. */
  readonly bytes: number;
}

/** A graph with its slots. A graph that is gone is replaced by another object: jobs under way keep theirs. */
export class OpenedVariant {
  readonly pool: SlotPool;
  readonly estimate = new RunTimeEstimate();
  /** Its provider lost a job, or it was let go: what it still holds may be read, nothing new is run on it. */
  isGone = false;

  /** @param request how it was opened: as its graph says, or with fewer threads */
  constructor(
    readonly graph: VariantGraph,
    readonly opened: ProviderSession,
    readonly request: VariantGraph["request"] = graph.request,
  ) {
    this.pool = new SlotPool(opened.slots.length);
  }

  get inputs(): readonly TensorSpec[] {
    return this.opened.inputs;
  }

  get outputs(): readonly TensorSpec[] {
    return this.opened.outputs;
  }

  /** Copies checked inputs into a slot. */
  fill(slot: number, checked: readonly CheckedInput[]): void {
    const provided = this.opened.slots[slot]!;
    for (const { spec, data, shape } of checked) {
      if (spec.dtype === "string") {
        provided.fillStrings(spec.name, { data: data as string[], shape });
      } else {
        const view = provided.shapeInput(spec.name, shape) as Float32Array;
        view.set(data as Float32Array);
      }
    }
  }

  /** @throws RedlineError `INPUT_UNKNOWN` or `INPUT_SHAPE` */
  shapeInput(slot: number, { name, shape }: { name: string; shape: readonly number[] }): TensorData {
    checkShape(findSpec(this.inputs, name), shape);
    return this.opened.slots[slot]!.shapeInput(name, shape);
  }

  /**
   * Checks a slot that was written in place: only what the caller could get wrong is left to check.
   *
   * @throws RedlineError `INPUT_MISSING` or `INPUT_NON_FINITE`
   */
  checkReserved(slot: number, hasNonFinite: NonFiniteScan): void {
    const provided = this.opened.slots[slot]!;
    for (const spec of this.inputs) {
      const data = provided.inputs[spec.name];
      if (data === undefined) {
        throw new RedlineError("INPUT_MISSING", {
          what: `input ${spec.name}`,
          expected: `a view of shape [${spec.shape.join(", ")}]`,
          received: "nothing",
          hint: "call shapeInput first",
        });
      }
      checkFinite({ spec, data }, hasNonFinite);
    }
  }
}
