// Owns the answer to where this package lies on disk. Knows nothing of what it holds.
// Invariant: the same folder whether the code runs from its source or from `dist`.

import { existsSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

let found: string | undefined;

/**
 * The folder that holds this package's package.json, binding.gyp and models: an absolute path.
 *
 * @throws Error when the package is broken: no package.json above this file.
 */
export function packageRoot(): string {
  found ??= findRoot(dirname(fileURLToPath(import.meta.url)));
  return found;
}

/**
 * The path of a built script: beside the file that asks when that is built itself, else its copy in `dist`, as in tests.
 * Undefined when there is neither.
 *
 * @param beside `new URL("./name.js", import.meta.url)`
 */
export function builtScript(beside: URL): string | undefined {
  const path = fileURLToPath(beside);
  const root = packageRoot();
  return [path, join(root, "dist", relative(root, path))].find((candidate) => existsSync(candidate));
}

// Up to four steps: dist/runtime/bindings -> dist/runtime -> dist -> root, or runtime/bindings -> runtime -> root.
function findRoot(start: string): string {
  let folder = start;
  for (let step = 0; step < 4; step++) {
    folder = dirname(folder);
    // `binding.gyp` tells the package's own package.json from one a bundler or user put in between.
    if (existsSync(join(folder, "package.json")) && existsSync(join(folder, "binding.gyp"))) return folder;
  }
  throw new Error(`no package.json beside a binding.gyp above ${start}: the package is incomplete`);
}
