// Owns the proof that kernels/pkg is what its sources say: nothing stale, nothing altered, the same bytes again.
// Knows no compiler flag. Invariant: each kind of fault has a message of its own, and the first kind found ends the check.

import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildPackage, hashesOf, RECORD, sourcesOf } from "./recipe.mjs";

/** What is wrong without asking a compiler: sources that changed after the build, outputs that are not as they were built. */
export function recordFaults({ kernels }) {
  const folder = join(kernels, "pkg");
  const { sources, outputs } = JSON.parse(readFileSync(join(folder, RECORD), "utf8"));
  const stale = differencesOf(sources, hashesOf(kernels, sourcesOf(kernels)));
  if (stale.length > 0) {
    return [
      `kernels/pkg is stale: ${stale.join(", ")} changed after it was built; type: npm run build:kernels`,
    ];
  }
  const built = readdirSync(folder).filter((name) => name !== RECORD);
  return differencesOf(outputs, hashesOf(folder, built)).map(
    (name) => `kernels/pkg/${name} was altered after it was built; type: npm run build:kernels`,
  );
}

/** What differs when the same sources are built again, in another folder. */
export function rebuildFaults({ kernels, compiler }) {
  const other = mkdtempSync(join(tmpdir(), "redline-kernels-again-"));
  try {
    for (const name of sourcesOf(kernels)) cpSync(join(kernels, name), join(other, name));
    const again = join(other, "pkg");
    buildPackage({ kernels: other, folder: again, compiler });
    const folder = join(kernels, "pkg");
    return readdirSync(again).flatMap((name) => {
      const [first, second] = [folder, again].map((place) => readFileSync(join(place, name)));
      if (first.equals(second)) return [];
      const at = first.findIndex((byte, index) => byte !== second[index]);
      const from = at < 0 ? first.length : at;
      return [
        `kernels/pkg/${name}: the same sources give other bytes, from byte ${from} on, with ${compiler.version}`,
      ];
    });
  } finally {
    rmSync(other, { recursive: true, force: true });
  }
}

function differencesOf(recorded, found) {
  const names = new Set([...Object.keys(recorded), ...Object.keys(found)]);
  return [...names].filter((name) => recorded[name] !== found[name]).sort();
}
