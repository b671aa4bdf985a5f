// Owns finding and loading the native addon and the ONNX Runtime library it drives. Knows no sessions.
// Invariant: every place tried leaves a reason, so that `doctor` can say why the addon is missing; no file is loaded
// that its header or its sha256 tells to be damaged, because loading one can end the process.

import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { RedlineError } from "../core/errors.js";
import { INTERFACE_VERSION, type NativeAddon } from "./addon.js";
import {
  type AddonFault,
  type AddonPlace,
  examineAddon,
  examineLibrary,
  reasonOf,
  refusal,
} from "./addon-fault.js";
import { packageRoot } from "./package-root.js";

/** The addon, or every reason why there is none: one fault per place tried, and the same in words. */
export type NativeLoad =
  | { readonly addon: NativeAddon; readonly path: string; readonly passed: readonly AddonFault[] }
  | { readonly addon: null; readonly reasons: readonly string[]; readonly faults: readonly AddonFault[] };

/** What to type when the ONNX Runtime library is missing, damaged, too old or too new: the version this package is made for. */
export const ORT_REMEDY = "npm install onnxruntime-node@1.30.0 --onnxruntime-node-install=skip";

/** What to do where the C library is another one, or too old. */
export const GLIBC_REMEDY =
  "use a system with glibc 2.28 or newer, such as Debian 10 or the image node:22-bookworm-slim: there is no Redline for musl, nor an ONNX Runtime";

/** What to do about an ONNX Runtime library that the system's loader or the host refused, by what was said of it. */
export function remedyForLibrary(said: string): string {
  return /GLIBC_\d|libc\.musl|ld-musl/.test(said) ? GLIBC_REMEDY : ORT_REMEDY;
}

const require = createRequire(import.meta.url);
let loaded: NativeLoad | undefined;

/**
 * Loads the addon once per JavaScript environment: the one built in this checkout, else the one shipped for this
 * platform. Never throws. The environment variable `REDLINE_NO_ADDON=1` keeps it out, to exercise the fallback.
 *
 * @example
 * const native = loadNative();
 * if (native.addon === null) console.error(native.reasons.join("\n"));
 */
export function loadNative(): NativeLoad {
  loaded ??= isSwitchedOff() ? failed([SWITCHED_OFF]) : loadFirst(addonPlaces(packageRoot()));
  return loaded;
}

/**
 * The child program that belongs to the loaded addon: it lies beside it, and is examined as the addon was. Undefined, with
 * the reason, where there is none that may be started.
 */
export function findChild(native: NativeLoad = loadNative()): {
  readonly path?: string;
  readonly reason: string;
} {
  if (native.addon === null) return { reason: "the addon is not loaded" };
  const place = placeBeside(native.path, `redline-child${process.platform === "win32" ? ".exe" : ""}`);
  const fault = examineAddon(place);
  return fault === null ? { path: place.path, reason: "" } : { reason: reasonOf(fault) };
}

/** A file beside an addon; where that one is shipped, the package's list says what the file must hash to. */
function placeBeside(addonPath: string, name: string): AddonPlace {
  const folder = dirname(addonPath);
  const path = join(folder, name);
  const prebuilds = dirname(folder);
  if (basename(prebuilds) !== PREBUILDS) return { path };
  return { path, sha256: shippedSha256(prebuilds, `${basename(folder)}/${name}`) };
}

const SWITCHED_OFF: AddonFault = { kind: "disabled", path: "REDLINE_NO_ADDON", detail: "is 1" };

function isSwitchedOff(): boolean {
  return process.env.REDLINE_NO_ADDON === "1";
}

/** Loads the first addon of these places that is whole, made for this machine, and speaks our version. */
export function loadFirst(places: readonly AddonPlace[]): NativeLoad {
  const faults: AddonFault[] = [];
  for (const place of places) {
    const tried = examineAddon(place) ?? load(place.path);
    if (!("kind" in tried)) return { addon: tried, path: place.path, passed: faults };
    faults.push(tried);
  }
  return failed(faults);
}

function failed(faults: readonly AddonFault[]): NativeLoad {
  return { addon: null, reasons: faults.map(reasonOf), faults };
}

function load(path: string): NativeAddon | AddonFault {
  let addon: NativeAddon;
  try {
    addon = require(path) as NativeAddon;
  } catch (error) {
    return refusal(path, error);
  }
  const received: unknown = addon?.interfaceVersion;
  if (received === INTERFACE_VERSION) return addon;
  const detail = `expected interface version ${INTERFACE_VERSION}, received ${String(received)}: it belongs to another version of the package`;
  return { kind: "version", path, detail };
}

/** The package's folder of shipped machine code, one folder to a platform beside the list of their hashes. */
const PREBUILDS = "prebuilds";

/** Where an addon may lie in a package, in the order they are tried. */
export function addonPlaces(root: string): readonly AddonPlace[] {
  const platform = `${process.platform}-${process.arch}`;
  const prebuilds = join(root, PREBUILDS);
  const name = `${platform}/redline.node`;
  return [
    { path: join(root, "build", "Release", "redline.node") },
    { path: join(prebuilds, platform, "redline.node"), sha256: shippedSha256(prebuilds, name) },
  ];
}

/** What the package's list says a shipped file hashes to. */
function shippedSha256(prebuilds: string, name: string): string | null {
  try {
    const list = JSON.parse(readFileSync(join(prebuilds, "sha256.json"), "utf8")) as Record<string, unknown>;
    const sha256 = list[name];
    return typeof sha256 === "string" ? sha256 : null;
  } catch {
    return null;
  }
}

/** The library's file name in onnxruntime-node's folder for each operating system. */
const LIBRARY_NAMES: Readonly<Record<string, string>> = {
  linux: "libonnxruntime.so.1",
  darwin: "libonnxruntime.1.dylib",
  win32: "onnxruntime.dll",
};

/**
 * The path of the ONNX Runtime library that the installed onnxruntime-node package ships for this platform.
 *
 * @throws RedlineError `PROVIDER_UNAVAILABLE` naming what is missing and how to get it.
 */
export function findOrtLibrary(): string {
  const root = findOrtPackage();
  const name = LIBRARY_NAMES[process.platform];
  const platform = `${process.platform}-${process.arch}`;
  const path = join(root, "bin", "napi-v6", process.platform, process.arch, name ?? "");
  const isServed = name !== undefined && existsSync(dirname(path));
  const fault = isServed ? examineLibrary(path) : null;
  if (isServed && fault === null) return path;
  throw new RedlineError("PROVIDER_UNAVAILABLE", {
    what: "ONNX Runtime",
    expected: "a library for this platform in onnxruntime-node",
    received: fault === null ? `none for ${platform} in ${root}` : reasonOf(fault),
    hint: isServed
      ? remedyOf(fault)
      : "onnxruntime-node ships Linux x64 and arm64 (glibc), macOS arm64, Windows x64 and arm64",
  });
}

function remedyOf(fault: AddonFault | null): string {
  return fault?.kind === "libc" ? GLIBC_REMEDY : ORT_REMEDY;
}

/** The version of the installed onnxruntime-node package; its library and its own binding are of the same. */
export function ortPackageVersion(): string {
  const { version } = require(join(findOrtPackage(), "package.json")) as { version: string };
  return version;
}

function findOrtPackage(): string {
  try {
    return dirname(require.resolve("onnxruntime-node/package.json"));
  } catch (cause) {
    throw new RedlineError("PROVIDER_UNAVAILABLE", {
      what: "ONNX Runtime",
      expected: "the package onnxruntime-node",
      received: `none that ${packageRoot()} could reach`,
      hint: ORT_REMEDY,
      cause,
    });
  }
}
