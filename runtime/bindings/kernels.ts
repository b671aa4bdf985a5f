// Owns the loads of the WASM kernels in a JavaScript environment, and why a flavour of them is not used. Knows no op.
// Invariant: kernels that are handed out have passed their own numeric test on this engine.

import { type Kernels, type Loaded, load } from "#kernels";

export type { Kernels };

let loaded: Loaded | undefined;

/** An instance that nobody else has, in Node and in a browser alike; there the files are fetched. Never rejects. */
export async function freshKernels(): Promise<Loaded> {
  return await load();
}

/**
 * In Node: the best flavour of kernels/pkg that this engine runs and computes rightly, or every reason why there is none. Never throws.
 *
 * @example
 * const { kernels, passed } = loadKernels();
 * for (const { flavour, reason } of passed) console.error(flavour, reason);
 * if (kernels !== null) use(kernels.memory.buffer.byteLength);
 */
export function loadKernels(): Loaded {
  loaded ??= load();
  return loaded;
}
