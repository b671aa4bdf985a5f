// Owns what a manifest adds to a graph's own shapes: sizes the graph leaves open and the model's card states.
// Knows no manifest format. Invariant: a size the graph fixes is never changed, only confirmed.

import { RedlineError } from "../core/errors.js";
import { fitsShape, type TensorSpec } from "../core/tensor.js";

/** Shapes by tensor name, as stated outside the graph. */
export type StatedShapes = Readonly<Record<string, readonly (number | string)[]>>;

/**
 * The specs with open dimensions closed by what is stated. A tensor whose every dimension is then known lies in the
 * slot's own memory and is bound once, instead of being allocated and copied by every run.
 *
 * @throws RedlineError `MODEL_UNSUITABLE` when graph and statement contradict each other.
 */
export function closeShapes(specs: readonly TensorSpec[], stated: StatedShapes): TensorSpec[] {
  return specs.map((spec) => {
    const shape = stated[spec.name];
    if (shape === undefined) return spec;
    if (!fitsShape(spec, shape)) {
      throw new RedlineError("MODEL_UNSUITABLE", {
        what: `tensor ${spec.name}`,
        expected: `[${shape.join(", ")}] as the manifest states`,
        received: `[${spec.shape.join(", ")}] in the graph`,
      });
    }
    return { ...spec, shape };
  });
}
