// Owns the comparison of one implementation with the reference on one case. Knows no op.
// Invariant: whatever an implementation writes, leaves unwritten or answers otherwise than the reference is a fault.

import { type OpKernels, REFERENCE_KERNELS } from "../../../runtime/ops/kernels.js";
import type { OpCase } from "./draw.js";
import { bytesOf, type OpView } from "./guarded.js";

/** What is wrong with an implementation's run of a case, or undefined. */
export function faultOf(one: OpCase, kernels: OpKernels): string | undefined {
  const wanted = play(one, REFERENCE_KERNELS);
  const received = play(one, kernels);
  if (wanted.untidy !== undefined) return `the reference ${wanted.untidy}`;
  if (received.untidy !== undefined) return received.untidy;
  if (received.answer !== wanted.answer) return `answers ${received.answer} in place of ${wanted.answer}`;
  for (const [output, bytes] of wanted.written.entries()) {
    const at = bytes.findIndex((byte, index) => byte !== received.written[output]![index]);
    if (at >= 0) return `output ${output} differs from byte ${at} on`;
  }
  return undefined;
}

function play(one: OpCase, kernels: OpKernels) {
  const before = one.inputs.map(({ view }) => bytesOf(view));
  const { outputs, answer } = one.run(kernels);
  return {
    answer,
    untidy: untidinessOf({ one, before, outputs }),
    written: outputs.map(({ view }) => canonical(view)),
  };
}

function untidinessOf(given: {
  one: OpCase;
  before: readonly Uint8Array[];
  outputs: ReturnType<OpCase["run"]>["outputs"];
}): string | undefined {
  const { one, before, outputs } = given;
  if (!one.inputs.every(({ view }, at) => areSame(bytesOf(view), before[at]!)))
    return "writes to what it reads";
  if (![...one.inputs, ...outputs].every((memory) => memory.isIntact())) return "writes outside its views";
  return undefined;
}

function areSame(one: Uint8Array, other: Uint8Array): boolean {
  return one.every((byte, at) => byte === other[at]);
}

/** The view's bytes. NaN has many bit patterns: which one comes out is no promise, that it is one is. */
function canonical(view: OpView): Uint8Array {
  const copy = view.slice();
  if (copy instanceof Float32Array || copy instanceof Float64Array) {
    for (let at = 0; at < copy.length; at++) if (Number.isNaN(copy[at])) copy[at] = Number.NaN;
  }
  return bytesOf(copy);
}
