// Owns finding the best flavour that works in this browser, from the files beside this one.
// Invariant: every flavour passed over leaves its reason.

import init, { FLAVOURS } from "./redline-kernels.js";

export * from "./redline-kernels.js";

// Each written out: a bundler follows only what it can read.
const PLACES = {
  relaxed: () => new URL("./redline-kernels-relaxed.wasm", import.meta.url),
  simd128: () => new URL("./redline-kernels-simd128.wasm", import.meta.url),
};

/** The best of the flavours that works here. */
export async function load({ flavours = FLAVOURS } = {}) {
  const passed = [];
  for (const flavour of flavours) {
    try {
      return { kernels: await init({ module_or_path: PLACES[flavour]() }), flavour, passed };
    } catch (error) {
      passed.push({ flavour, reason: error instanceof Error ? error.message : String(error) });
    }
  }
  return { kernels: null, passed };
}
