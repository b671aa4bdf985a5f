// Owns the face of the kernels in Node.

import type { Loaded } from "./redline-kernels.js";

export * from "./redline-kernels.js";

/** The best flavour that works here. `from` is the folder's address, ending in a slash; default: this file's own. */
export declare function load(where?: { readonly from?: URL }): Loaded;
