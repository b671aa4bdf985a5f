// Owns compiling a program of native/bench against the host's own objects, as the addon was linked from them.
// Knows no program. Invariant: what is measured is the code the addon runs, not another compilation of it.

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { REPO_ROOT } from "./assets.js";

const COMPILER = process.env.CXX ?? "g++";
const OBJECTS = join(REPO_ROOT, "build/Release/obj.target/redline/native/host");
const FLAGS = ["-std=c++17", "-O2", "-Wall", "-Wextra", "-Werror", "-pthread", "-Inative"];

/** The path of a program of native/bench, compiled if need be. Throws where the addon was not built here, or nothing compiles. */
export function nativeProgram(name: string): string {
  if (!existsSync(OBJECTS)) {
    throw new Error(
      `${name}: the host's objects are not in ${OBJECTS}: npm run build:native on Linux leaves them`,
    );
  }
  const objects = readdirSync(OBJECTS)
    .filter((file) => file.endsWith(".o"))
    .map((file) => join(OBJECTS, file));
  const source = join(REPO_ROOT, "native/bench", `${name}.cc`);
  const folder = join(REPO_ROOT, "build/bench");
  const program = join(folder, name);
  const newest = Math.max(...[source, ...objects].map((path) => statSync(path).mtimeMs));
  if (existsSync(program) && statSync(program).mtimeMs > newest) return program;
  mkdirSync(folder, { recursive: true });
  const words = [...FLAGS, source, ...objects, "-o", program, "-ldl"];
  const compiled = spawnSync(COMPILER, words, { cwd: REPO_ROOT, encoding: "utf8" });
  if (compiled.status !== 0)
    throw new Error(`${name} does not compile: ${compiled.error?.message ?? compiled.stderr}`);
  return program;
}
