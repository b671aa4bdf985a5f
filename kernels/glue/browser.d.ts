// Owns the face of the kernels in a browser.

import type { Flavour, Loaded } from "./redline-kernels.js";

export * from "./redline-kernels.js";

/** The best of the flavours, in their order, that works here. Default: all of them. */
export declare function load(among?: { readonly flavours?: readonly Flavour[] }): Promise<Loaded>;
