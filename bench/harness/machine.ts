// Owns the machine's fingerprint: what a figure was measured on and how busy that machine was. Knows no scenario.
// Invariant: a reading the platform does not offer is null, never zero.

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism, cpus, loadavg, release, totalmem } from "node:os";
import { join } from "node:path";
import { REPO_ROOT } from "./assets.js";

/** What stays the same while a scenario runs. */
export interface Machine {
  readonly platform: string;
  readonly kernel: string;
  readonly cpu: string;
  readonly cores: number;
  readonly usableCores: number;
  readonly memoryBytes: number;
  readonly node: string;
  readonly redline: string;
  readonly onnxruntimeNode: string;
  /** The commit measured, with `+` behind it when files differ from it; null outside a checkout. */
  readonly commit: string | null;
}

/** How busy the machine was at one instant. */
export interface Load {
  readonly loadAverage: readonly number[];
  /** Seconds since boot the hypervisor gave to others, over all cores. */
  readonly stealS: number | null;
}

/** Takes the fingerprint. */
export function readMachine(): Machine {
  return {
    platform: `${process.platform}-${process.arch}`,
    kernel: release(),
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: cpus().length,
    usableCores: availableParallelism(),
    memoryBytes: totalmem(),
    node: process.versions.node,
    redline: versionIn(join(REPO_ROOT, "package.json")),
    onnxruntimeNode: versionIn(createRequire(import.meta.url).resolve("onnxruntime-node/package.json")),
    commit: readCommit(),
  };
}

/** How busy the machine is now. */
export function readLoad(): Load {
  return { loadAverage: loadavg().map((value) => Math.round(value * 100) / 100), stealS: readStealS() };
}

/** The eighth figure of the first line of /proc/stat counts stolen time in ticks of 10 ms. */
function readStealS(): number | null {
  try {
    const fields = (readFileSync("/proc/stat", "utf8").split("\n")[0] ?? "").trim().split(/\s+/);
    const ticks = Number(fields[8]);
    return Number.isFinite(ticks) ? ticks / 100 : null;
  } catch {
    return null;
  }
}

function readCommit(): string | null {
  const git = (...words: string[]): string =>
    execFileSync("git", words, {
      cwd: REPO_ROOT,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
  try {
    const isChanged = git("status", "--porcelain", "--untracked-files=no") !== "";
    return `${git("rev-parse", "--short=12", "HEAD")}${isChanged ? "+" : ""}`;
  } catch {
    return null;
  }
}

function versionIn(path: string): string {
  const { version } = JSON.parse(readFileSync(path, "utf8")) as { version?: string };
  return version ?? "unknown";
}
