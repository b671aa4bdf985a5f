// Owns the machine's fingerprint: what a figure was measured on and how busy that machine was. Knows no scenario.
// Invariant: a reading the platform does not offer is null, never zero.

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism, cpus, loadavg, release, totalmem } from "node:os";
import { join } from "node:path";
import { REPO_ROOT } from "./assets.js";
import { readMachineTime } from "./machine-time.js";

/** What stays the same while a scenario runs. */
export interface Machine {
  readonly platform: string;
  readonly kernel: string;
  readonly cpu: string;
  /** The processor's microcode revision; null where the kernel does not tell. */
  readonly microcode: string | null;
  /** The governor of its clock. */
  readonly governor: string | null;
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
    microcode: /^microcode\s*:\s*(\S+)/m.exec(textOf("/proc/cpuinfo") ?? "")?.[1] ?? null,
    governor: textOf("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")?.trim() ?? null,
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

function readStealS(): number | null {
  const time = readMachineTime();
  return time === null ? null : time.stolenUs / 1e6;
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
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
