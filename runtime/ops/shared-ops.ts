// Owns the one set of ops of a JavaScript environment of Node, and what it chooses from. Knows no op.
// Invariant: where the addon is, the kernels are not even compiled.

import { loadKernels } from "../bindings/kernels.js";
import { loadNative } from "../bindings/load.js";
import { type OpKernels, REFERENCE_KERNELS } from "./kernels.js";
import { nativeKernels } from "./native-kernels.js";
import { Ops } from "./ops.js";
import { kernelsIn } from "./wasm-kernels.js";

let shared: Ops | undefined;

/**
 * The ops of this JavaScript environment: the addon's where it is loaded, else those in WebAssembly; and the reference.
 *
 * @example
 * for (const { key, chosen, bestUs } of sharedOps().picks) console.log(key, chosen, bestUs);
 */
export function sharedOps(): Ops {
  shared ??= new Ops([...vectorKernels(), REFERENCE_KERNELS]);
  return shared;
}

/** Where the addon is, the kernels would never win against it, and cost a start some milliseconds. */
function vectorKernels(): readonly OpKernels[] {
  const { addon } = loadNative();
  return addon === null ? wasmKernels() : nativeKernels(addon);
}

/** The ops of the best flavour that works here; none where this engine has no WASM SIMD. */
export function wasmKernels(): readonly OpKernels[] {
  const loaded = loadKernels();
  return loaded.kernels === null ? [] : [kernelsIn(loaded.kernels, { name: `wasm ${loaded.flavour}` })];
}
