// Owns finding and loading the native addon and the ONNX Runtime library it drives. Knows no sessions.
// Invariant: every place tried leaves a reason, so that `doctor` can say why the addon is missing.

import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { RedlineError } from "../core/errors.js";
import { INTERFACE_VERSION, type NativeAddon } from "./addon.js";
import { packageRoot } from "./package-root.js";

/** The addon, or every reason why there is none. */
export type NativeLoad =
  | { readonly addon: NativeAddon; readonly path: string }
  | { readonly addon: null; readonly reasons: readonly string[] };

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
  loaded ??= tryPlaces();
  return loaded;
}

function tryPlaces(): NativeLoad {
  if (process.env.REDLINE_NO_ADDON === "1") return { addon: null, reasons: ["REDLINE_NO_ADDON is 1"] };
  const reasons: string[] = [];
  for (const path of addonPaths()) {
    if (!existsSync(path)) {
      reasons.push(`${path}: not there`);
      continue;
    }
    try {
      const addon = require(path) as NativeAddon;
      if (addon.interfaceVersion === INTERFACE_VERSION) return { addon, path };
      reasons.push(
        `${path}: expected interface version ${INTERFACE_VERSION}, received ${addon.interfaceVersion}; rebuild it with: npm run build:native`,
      );
    } catch (error) {
      reasons.push(`${path}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return { addon: null, reasons };
}

function addonPaths(): readonly string[] {
  const root = packageRoot();
  return [
    join(root, "build", "Release", "redline.node"),
    join(root, "prebuilds", `${process.platform}-${process.arch}`, "redline.node"),
  ];
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
  if (name !== undefined) {
    const path = join(root, "bin", "napi-v6", process.platform, process.arch, name);
    if (existsSync(path)) return path;
  }
  throw new RedlineError("PROVIDER_UNAVAILABLE", {
    what: "ONNX Runtime",
    expected: "a library for this platform in onnxruntime-node",
    received: `none for ${platform} in ${root}`,
    hint: "onnxruntime-node ships Linux x64 and arm64, macOS arm64, Windows x64 and arm64",
  });
}

function findOrtPackage(): string {
  try {
    return dirname(require.resolve("onnxruntime-node/package.json"));
  } catch (cause) {
    throw new RedlineError("PROVIDER_UNAVAILABLE", {
      what: "ONNX Runtime",
      expected: "the package onnxruntime-node",
      received: "no such package",
      hint: "npm install onnxruntime-node --onnxruntime-node-install=skip",
      cause,
    });
  }
}
