// Owns what to type to repair a machine, per operating system. Knows no cause and runs nothing.
// Invariant: every remedy has an answer for every system, in words where there is no command.

import { readFileSync } from "node:fs";
import { sep } from "node:path";
import type { AddonFault } from "./bindings/addon-fault.js";
import { GLIBC_REMEDY } from "./bindings/load.js";

/** The families of systems whose commands differ. */
export type SystemFamily = "debian" | "fedora" | "alpine" | "arch" | "linux" | "mac" | "windows";

const REMEDIES = {
  compiler: {
    debian: "sudo apt-get install -y build-essential python3 && npm run build:native",
    fedora: "sudo dnf install -y gcc-c++ make python3 && npm run build:native",
    alpine: "apk add build-base python3 && npm run build:native",
    arch: "sudo pacman -S --needed base-devel python && npm run build:native",
    linux: "install a C++17 compiler, make and Python 3, then: npm run build:native",
    mac: "xcode-select --install, then: npm run build:native",
    windows:
      "winget install Microsoft.VisualStudio.2022.BuildTools Python.Python.3.12, then: npm run build:native",
  },
  ffmpeg: {
    debian: "sudo apt-get install -y ffmpeg",
    fedora: "sudo dnf install -y ffmpeg-free",
    alpine: "apk add ffmpeg",
    arch: "sudo pacman -S ffmpeg",
    linux: "install ffmpeg with your package manager",
    mac: "brew install ffmpeg",
    windows: "winget install Gyan.FFmpeg",
  },
  priority: {
    debian: setcap(),
    fedora: setcap(),
    alpine: setcap(),
    arch: setcap(),
    linux: setcap(),
    mac: "none needed: classes map to quality-of-service levels",
    windows: "none needed: any program may raise its own threads",
  },
  reinstall: {
    ...everywhere("rm -rf node_modules/redline-rt && npm install --onnxruntime-node-install=skip"),
    windows: "rmdir /s /q node_modules\\redline-rt && npm install --onnxruntime-node-install=skip",
  },
  rebuild: everywhere("npm run build:native"),
  glibc: everywhere(GLIBC_REMEDY),
  enable: { ...everywhere("unset REDLINE_NO_ADDON"), windows: "set REDLINE_NO_ADDON=" },
  cuda: everywhere(
    "npm rebuild onnxruntime-node --onnxruntime-node-install=cuda12 (needs its download site)",
  ),
} as const satisfies Record<string, Record<SystemFamily, string>>;

/** What can be repaired: a key of `REMEDIES`. */
export type Remedy = keyof typeof REMEDIES;

/** What to type for `remedy` on a system. */
export function remedyFor(remedy: Remedy, { family }: { readonly family: SystemFamily }): string {
  return REMEDIES[remedy][family];
}

/** What to type when no addon could be used: the remedy of the first place that held a file, else of there being none. */
export function remedyForAddon(
  faults: readonly AddonFault[],
  { family }: { readonly family: SystemFamily },
): string {
  const fault = faults.find(({ kind }) => kind !== "absent");
  if (fault !== undefined) return remedyFor(remedyOfFault(fault), { family });
  const isInstalled = faults.some(({ path }) => path.includes(`${sep}node_modules${sep}`));
  if (!isInstalled) return remedyFor("compiler", { family });
  return `${remedyFor("reinstall", { family })}; where the package was packed without this platform, in its checkout: npm run build:prebuilds && npm pack`;
}

function remedyOfFault({ kind, path, detail }: AddonFault): Remedy {
  if (kind === "disabled") return "enable";
  if (kind === "libc" || /GLIBC_\d/.test(detail)) return "glibc";
  return path.includes(`${sep}prebuilds${sep}`) ? "reinstall" : "rebuild";
}

/** The family of this system; for Linux as `/etc/os-release` says. */
export function systemFamily(
  on: { readonly platform?: NodeJS.Platform; readonly osReleasePath?: string } = {},
): SystemFamily {
  const platform = on.platform ?? process.platform;
  if (platform === "darwin") return "mac";
  if (platform === "win32") return "windows";
  const words = readRelease(on.osReleasePath ?? "/etc/os-release");
  if (words.includes("debian") || words.includes("ubuntu")) return "debian";
  if (words.includes("fedora") || words.includes("rhel")) return "fedora";
  if (words.includes("alpine")) return "alpine";
  return words.includes("arch") ? "arch" : "linux";
}

function readRelease(path: string): string[] {
  try {
    const lines = readFileSync(path, "utf8").split("\n");
    return lines
      .filter((line) => /^ID(_LIKE)?=/.test(line))
      .flatMap((line) =>
        line
          .replace(/^[^=]*=/, "")
          .replaceAll('"', "")
          .split(" "),
      );
  } catch {
    return [];
  }
}

function setcap(): string {
  return 'sudo setcap cap_sys_nice+ep "$(readlink -f "$(command -v node)")"  (or an rtprio line in /etc/security/limits.conf)';
}

function everywhere(text: string): Record<SystemFamily, string> {
  return { debian: text, fedora: text, alpine: text, arch: text, linux: text, mac: text, windows: text };
}
