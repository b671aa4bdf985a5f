// Owns the pinned cross-compiler: its installation from PyPI by hash, and how it is run. Knows no target and no source.
// Invariant: it and all that it caches lie under .toolchain; what it is asked for succeeds or ends the process.

import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./prebuild-list.mjs";

/** Where compilers and what they cache lie. */
export const toolchain = join(root, ".toolchain");

/** The compiler, installed once into a folder of its own: its version and program, and `run` with arguments in the checkout. */
export function installCompiler() {
  const requirements = join(root, "native", "toolchain.txt");
  const version = /^ziglang==(\S+)/m.exec(readFileSync(requirements, "utf8"))[1];
  const folder = join(toolchain, `ziglang-${version}`);
  const isWindows = process.platform === "win32";
  const program = join(folder, "ziglang", isWindows ? "zig.exe" : "zig");
  if (!existsSync(program)) {
    const pip = ["-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--target", folder];
    execute(isWindows ? "python" : "python3", [...pip, "-r", requirements]);
  }
  return { version, program, run: (argv) => execute(program, argv) };
}

/** The environment in which its caches are ours. */
export function compilerEnvironment() {
  const cache = join(toolchain, "cache");
  return { ...process.env, ZIG_GLOBAL_CACHE_DIR: cache, ZIG_LOCAL_CACHE_DIR: cache };
}

function execute(program, argv) {
  const run = spawnSync(program, argv, {
    cwd: root,
    env: compilerEnvironment(),
    stdio: ["ignore", "inherit", "inherit"],
  });
  if (run.status === 0) return;
  console.error(`${program} failed: ${run.error?.message ?? `status ${run.status ?? run.signal}`}`);
  process.exit(1);
}
