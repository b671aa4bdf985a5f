// Owns the proof that the cross-built files come from their sources alone: built again in another folder, with nothing cached,
// they are the same bytes. Knows no platform. Usage: node native/check-prebuilds.mjs [PLATFORM-ARCH...]   (all when none is named)

import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { installCompiler, toolchain } from "./compiler.mjs";
import { isCurrent, PLATFORMS, root } from "./prebuild-list.mjs";

const platforms = process.argv.length > 2 ? process.argv.slice(2) : PLATFORMS;

const stale = platforms.filter((platform) => !isCurrent(platform));
if (stale.length > 0) build(root, stale);
const other = mkdtempSync(join(tmpdir(), "redline-again-"));
let differing = 0;
try {
  copySources();
  build(other, platforms);
  differing = platforms.flatMap((platform) => compare(platform)).filter((isSame) => !isSame).length;
} finally {
  rmSync(other, { recursive: true, force: true });
}
process.exitCode = differing === 0 ? 0 : 1;

/** What decides the bytes, in the other folder; the compiler itself may lie where it is. */
function copySources() {
  const { version } = installCompiler();
  for (const name of ["native", "binding.gyp", "package.json"]) {
    cpSync(join(root, name), join(other, name), { recursive: true });
  }
  for (const name of ["node-addon-api", "node-api-headers"]) {
    cpSync(join(root, "node_modules", name), join(other, "node_modules", name), { recursive: true });
  }
  mkdirSync(join(other, ".toolchain"));
  const compiler = `ziglang-${version}`;
  symlinkSync(join(toolchain, compiler), join(other, ".toolchain", compiler), "junction");
}

function build(folder, names) {
  const script = join(folder, "native", "build-prebuilds.mjs");
  const run = spawnSync(process.execPath, [script, ...names], { stdio: ["ignore", "inherit", "inherit"] });
  if (run.status !== 0) process.exit(1);
}

/** Whether each file of a platform is the same in both folders. */
function compare(platform) {
  const [here, there] = [root, other].map((folder) => join(folder, "prebuilds", platform));
  const names = [...new Set([...readdirSync(here), ...readdirSync(there)])];
  return names.map((name) => {
    const [first, again] = [here, there].map((folder) => contentOf(join(folder, name)));
    const isSame = first !== null && again !== null && first.equals(again);
    console.log(`${platform}/${name}: ${isSame ? "the same" : `DIFFERS${differenceOf(first, again)}`}`);
    return isSame;
  });
}

function contentOf(path) {
  try {
    return readFileSync(path);
  } catch {
    return null;
  }
}

function differenceOf(first, again) {
  if (first === null || again === null) return ": it is in one folder only";
  const at = first.findIndex((byte, index) => byte !== again[index]);
  return ` from byte ${at < 0 ? first.length : at} on: ${first.length} and ${again.length} bytes`;
}
