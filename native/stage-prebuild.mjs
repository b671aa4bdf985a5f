// Owns copying the built addon to where the published package looks for it.
// Invariant: a package without an addon is still a package; it says so.

import { copyFileSync, existsSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const built = join(root, "build", "Release", "redline.node");
const folder = join(root, "prebuilds", `${process.platform}-${process.arch}`);

if (existsSync(built)) {
  mkdirSync(folder, { recursive: true });
  copyFileSync(built, join(folder, "redline.node"));
} else {
  console.error("No addon is built: the package is packed without one for this platform.");
}
