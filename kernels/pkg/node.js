// Owns finding the best flavour that works in this Node, from the files beside this one. Blocks for some milliseconds.
// Invariant: no file is compiled that has not the sha256 in build.json; every flavour passed over leaves its reason.

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { FLAVOURS, initSync } from "./redline-kernels.js";

export * from "./redline-kernels.js";

/** The best of the flavours that works here. `from` is the folder's address, ending in a slash; default: this file's own. */
export function load({ flavours = FLAVOURS, from = new URL("./", import.meta.url) } = {}) {
  const passed = [];
  for (const flavour of flavours) {
    try {
      const kernels = initSync({ module: readWhole(new URL(`redline-kernels-${flavour}.wasm`, from), from) });
      return { kernels, flavour, passed };
    } catch (error) {
      passed.push({ flavour, reason: error instanceof Error ? error.message : String(error) });
    }
  }
  return { kernels: null, passed };
}

function readWhole(file, folder) {
  const name = file.pathname.slice(file.pathname.lastIndexOf("/") + 1);
  const { outputs } = JSON.parse(readFileSync(new URL("build.json", folder), "utf8"));
  const bytes = readFileSync(file);
  const received = createHash("sha256").update(bytes).digest("hex");
  if (received === outputs[name]) return bytes;
  throw new Error(`${name}: expected sha256 ${outputs[name]}, received ${received}`);
}
