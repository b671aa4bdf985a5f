// Owns what every case of a process's life needs on disk: models, a store and two copies of the built package.
// Knows no case. Invariant: whatever it made is gone after `close`.

import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findOrtLibrary, loadNative } from "../../runtime/bindings/load.js";
import { packageRoot } from "../../runtime/bindings/package-root.js";
import { matmulChain } from "../harness/onnx-model.js";

/** Rows and columns of every matrix, as the scenarios bind them. */
const SIZE = 384;
/** An emulated processor is slower by this factor: its models are shorter, and take as long. */
const PATIENCE = Number(process.env.REDLINE_TEST_PATIENCE ?? 1);

/**
 * Runs of half a millisecond a node on one core of a machine of today. A long one is there to be stopped: however late a
 * busy machine comes to it, it is still in the middle. A medium one is waited for.
 */
const MODELS = {
  long: { nodes: Math.ceil(500 / PATIENCE) },
  medium: { nodes: Math.ceil(200 / PATIENCE) },
  short: { nodes: 4 },
  /** 38 MB of weights. */
  bulky: { nodes: 64, matrices: 64 },
};

/** The environment variables that tell a scenario where things are. */
export type StageEnvironment = Readonly<Record<string, string>>;

export class Stage {
  private readonly folder = mkdtempSync(join(tmpdir(), "redline-lifetime-"));
  readonly environment: StageEnvironment;

  /** @throws Error when the addon or the package is not built. */
  constructor() {
    const native = loadNative();
    if (native.addon === null) throw new Error(`the addon is not built:\n${native.reasons.join("\n")}`);
    for (const [name, shape] of Object.entries(MODELS)) {
      writeFileSync(this.path(`${name}.onnx`), matmulChain({ ...shape, size: SIZE }));
    }
    for (const copy of ["a", "b"]) this.copyPackage(copy, native.path);
    this.environment = {
      REDLINE_ADDON: native.path,
      ORT_LIBRARY: findOrtLibrary(),
      LONG_MODEL: this.path("long.onnx"),
      MEDIUM_MODEL: this.path("medium.onnx"),
      SHORT_MODEL: this.path("short.onnx"),
      BULKY_MODEL: this.path("bulky.onnx"),
      // Verdicts on these models are nobody's but theirs.
      REDLINE_HOME: this.path("store"),
      REDLINE_COPIES: this.folder,
    };
  }

  close(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  private path(name: string): string {
    return join(this.folder, name);
  }

  /** What an installed package has, as far as opening a model by its path needs it. */
  private copyPackage(copy: string, addon: string): void {
    const [from, to] = [packageRoot(), this.path(copy)];
    const built = join(from, "dist", "runtime");
    if (!existsSync(built)) throw new Error("the package is not built: run npm run build:ts");
    mkdirSync(join(to, "build", "Release"), { recursive: true });
    cpSync(built, join(to, "dist", "runtime"), { recursive: true });
    for (const file of ["package.json", "binding.gyp"]) cpSync(join(from, file), join(to, file));
    cpSync(join(from, "kernels/pkg"), join(to, "kernels/pkg"), { recursive: true });
    cpSync(addon, join(to, "build", "Release", "redline.node"));
    symlinkSync(join(from, "node_modules"), join(to, "node_modules"), "junction");
  }
}
