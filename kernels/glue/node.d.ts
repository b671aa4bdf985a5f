// Owns the face of the kernels in Node.

import type { Flavour, Loaded } from "./redline-kernels.js";

export * from "./redline-kernels.js";

/**
 * The best of the flavours, in their order, that works here. Default: all of them, from this file's folder; another folder's
 * address ends in a slash.
 */
export declare function load(among?: { readonly flavours?: readonly Flavour[]; readonly from?: URL }): Loaded;
