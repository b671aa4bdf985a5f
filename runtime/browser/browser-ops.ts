// Owns the one set of ops of a page: those in WebAssembly where the engine has its vectors, and the reference. Knows no op.

import { freshKernels } from "../bindings/kernels.js";
import { REFERENCE_KERNELS } from "../ops/kernels.js";
import { Ops } from "../ops/ops.js";
import { kernelsIn } from "../ops/wasm-kernels.js";

let shared: Promise<Ops> | undefined;

/** The ops of this page, loaded at the first call. */
export function browserOps(): Promise<Ops> {
  shared ??= freshKernels().then((loaded) => {
    const vectors =
      loaded.kernels === null ? [] : [kernelsIn(loaded.kernels, { name: `wasm ${loaded.flavour}` })];
    return new Ops([...vectors, REFERENCE_KERNELS]);
  });
  return shared;
}
