// Owns how a Node starts ARM64 programs on a machine whose kernel cannot: Node itself through .toolchain/arm64/node, every
// other one through the emulator. Required first by every process of such a test run, the emulated ones and Vitest's own.
// Invariant: to the system an emulated program bears its own name, so that a test which looks for it finds it.

const { ChildProcess } = require("node:child_process");
const { closeSync, existsSync, openSync, readSync, realpathSync, symlinkSync } = require("node:fs");
const { basename, join } = require("node:path");
const { CPU } = require("./processor.cjs");

const folder = join(__dirname, "..", "..", ".toolchain", "arm64");
const EM_AARCH64 = 183;

process.execPath = join(folder, "node");

const spawn = ChildProcess.prototype.spawn;
ChildProcess.prototype.spawn = function spawnEmulated(options) {
  if (!isArm64(options.file)) return spawn.call(this, options);
  const file = linkFor(basename(options.file));
  const emulator = [file, "-cpu", CPU, "-L", join(folder, "prefix"), options.file];
  return spawn.call(this, { ...options, file, args: [...emulator, ...options.args.slice(1)] });
};

/** A link to the emulator under a program's name: the kernel calls a process what its file is called. */
function linkFor(name) {
  const link = join(folder, "as", name);
  try {
    if (!existsSync(link)) symlinkSync(realpathSync(join(folder, "as", "node")), link);
  } catch (error) {
    if (error.code !== "EEXIST") throw error;
  }
  return link;
}

function isArm64(file) {
  if (typeof file !== "string" || !file.includes("/") || !existsSync(file)) return false;
  const head = Buffer.alloc(20);
  const descriptor = openSync(file, "r");
  try {
    readSync(descriptor, head, 0, head.length, 0);
  } catch {
    return false; // A folder, which the system refuses to start in its own words.
  } finally {
    closeSync(descriptor);
  }
  return head.readUInt32BE(0) === 0x7f454c46 && head.readUInt16LE(18) === EM_AARCH64;
}
