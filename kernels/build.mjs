// Owns building kernels/pkg, and checking the one that is committed. Knows neither how it is built nor what is checked.
// Usage: node kernels/build.mjs [--check]   Status 69: the pinned compiler is not here, so the bytes could not be compared.

import { statSync } from "node:fs";
import { join } from "node:path";
import { rebuildFaults, recordFaults } from "./package-check.mjs";
import { buildPackage, compilerRemedy, findCompiler } from "./recipe.mjs";

const kernels = import.meta.dirname;
const unknown = process.argv.slice(2).filter((word) => word !== "--check");
if (unknown.length > 0) {
  console.error(`unknown: ${unknown.join(" ")}; expected --check or nothing`);
  process.exit(64);
}
const isCheck = process.argv.includes("--check");
const recorded = isCheck ? recordFaults({ kernels }) : [];
end(recorded);
const compiler = findCompiler(kernels);
if (compiler === null) {
  console.error(
    `${isCheck ? "the bytes were not compared: " : ""}the pinned Rust is missing; type: ${compilerRemedy(kernels)}`,
  );
  process.exit(69);
}
if (isCheck) {
  end(rebuildFaults({ kernels, compiler }));
  console.log(`kernels/pkg is what its sources give, byte for byte, with ${compiler.version}`);
} else {
  buildPackage({ kernels, folder: join(kernels, "pkg"), compiler });
  for (const flavour of ["relaxed", "simd128"]) {
    const name = `redline-kernels-${flavour}.wasm`;
    console.log(`kernels/pkg/${name}: ${statSync(join(kernels, "pkg", name)).size} bytes`);
  }
}

function end(faults) {
  for (const fault of faults) console.error(fault);
  if (faults.length > 0) process.exit(1);
}
