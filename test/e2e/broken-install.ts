// Owns an installation of the package that a test may break: its own copy of the code, of the addon and of ONNX Runtime's package.
// Invariant: nothing of the repository is changed; what is only read is linked.

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { findOrtLibrary, loadNative } from "../../runtime/bindings/load.js";
import { CommandResult, REPO_ROOT } from "./built-cli.js";

const PLATFORM = `${process.platform}-${process.arch}`;

export class BrokenInstall {
  readonly root = mkdtempSync(join(tmpdir(), "redline-install-"));
  readonly package = join(this.root, "node_modules", "redline-rt");
  /** The shipped addon's place. */
  readonly addon = join(this.package, "prebuilds", PLATFORM, "redline.node");
  /** The ONNX Runtime library's place. */
  readonly library: string;

  constructor() {
    const native = loadNative();
    if (native.addon === null) throw new Error(native.reasons.join("\n"));
    mkdirSync(dirname(this.addon), { recursive: true });
    cpSync(join(REPO_ROOT, "dist", "runtime"), join(this.package, "dist", "runtime"), { recursive: true });
    for (const name of ["package.json", "binding.gyp"]) {
      copyFileSync(join(REPO_ROOT, name), join(this.package, name));
    }
    symlinkSync(join(REPO_ROOT, "models"), join(this.package, "models"));
    symlinkSync(join(REPO_ROOT, "kernels"), join(this.package, "kernels"));
    copyFileSync(native.path, this.addon);
    this.list();

    const modules = join(REPO_ROOT, "node_modules");
    for (const name of readdirSync(modules)) {
      if (name !== "onnxruntime-node")
        symlinkSync(join(modules, name), join(this.root, "node_modules", name));
    }
    const library = findOrtLibrary();
    const inside = library.slice(join(modules, "onnxruntime-node").length);
    const ort = join(this.root, "node_modules", "onnxruntime-node");
    this.library = join(ort, inside);
    mkdirSync(dirname(this.library), { recursive: true });
    for (const name of ["package.json", "dist", "script"]) {
      cpSync(join(modules, "onnxruntime-node", name), join(ort, name), { recursive: true });
    }
    for (const name of readdirSync(dirname(library))) {
      symlinkSync(join(dirname(library), name), join(dirname(this.library), name));
    }
  }

  /** Puts the addon as it is now into the package's list of hashes, as packing does. */
  list(): void {
    const sha256 = createHash("sha256").update(readFileSync(this.addon)).digest("hex");
    const list = JSON.stringify({ [`${PLATFORM}/redline.node`]: sha256 });
    writeFileSync(join(this.package, "prebuilds", "sha256.json"), list);
  }

  /** Puts other content where a file or link is; null removes it. */
  put(path: string, content: Buffer | string | null): void {
    rmSync(path, { force: true });
    if (content !== null) writeFileSync(path, content);
  }

  /** Runs its `redline`. */
  redline(argv: readonly string[]): CommandResult {
    const main = join(this.package, "dist", "runtime", "cli", "main.js");
    const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...argv], { encoding: "utf8" });
    return new CommandResult(status, stdout, stderr);
  }

  /** Runs a program in it that may import the package by name. */
  run(source: string): CommandResult {
    const script = join(this.root, "script.mjs");
    writeFileSync(script, source);
    const { status, stdout, stderr } = spawnSync(process.execPath, [script], { encoding: "utf8" });
    return new CommandResult(status, stdout, stderr);
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}
