// Owns compiling small shared libraries for tests, where this machine has a C compiler.

import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";

const COMPILER = process.env.CC ?? "cc";
let isThere: boolean | undefined;

/** Whether there is one; says so once when not, because tests are skipped then. */
export function hasCompiler(): boolean {
  if (isThere === undefined) {
    isThere = process.platform !== "win32" && spawnSync(COMPILER, ["--version"]).status === 0;
    if (!isThere) console.warn(`skipped: no C compiler (${COMPILER}) for the stubs`);
  }
  return isThere;
}

/** Compiles C into a shared library at `path`, with Node-API's headers at hand. */
export function compileShared(path: string, source: string, flags: readonly string[] = []): string {
  const { include_dir } = createRequire(import.meta.url)("node-api-headers") as { include_dir: string };
  writeFileSync(`${path}.c`, source);
  const undefinedAllowed = process.platform === "darwin" ? ["-undefined", "dynamic_lookup"] : [];
  const argv = [
    "-shared",
    "-fPIC",
    "-I",
    include_dir,
    ...undefinedAllowed,
    ...flags,
    "-o",
    path,
    `${path}.c`,
  ];
  const compiled = spawnSync(COMPILER, argv, { encoding: "utf8" });
  if (compiled.status !== 0) throw new Error(`the stub does not compile:\n${compiled.stderr}`);
  return path;
}
