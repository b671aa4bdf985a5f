// Owns the question whether the development assets, which are not in the repository, lie beside it.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { ASSETS } from "./built-cli.js";

/** Whether a folder of assets is there; says so once when it is not, because tests are skipped then. */
export function hasAssets(folder: string): boolean {
  const isThere = existsSync(join(ASSETS, folder));
  if (!isThere) console.warn(`skipped: no development assets at ${join(ASSETS, folder)}`);
  return isThere;
}
