// Owns cross-building every target of binding.gyp for every platform from one machine, with one pinned compiler.
// Knows no source file: binding.gyp lists them. Invariant: no folder of this machine enters a file.
// Usage: node native/build-prebuilds.mjs [PLATFORM-ARCH...]   (all of PLATFORMS when none is named)

import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative } from "node:path";
import { installCompiler, toolchain } from "./compiler.mjs";
import { listPlatform, PLATFORMS, root } from "./prebuild-list.mjs";

const require = createRequire(import.meta.url);

/** Where Redline is built for. Boards and servers of the last years have glibc 2.28; macOS 11 is the first on ARM. */
const TARGETS = {
  "linux-x64": { target: "x86_64-linux-gnu.2.28", os: "linux" },
  "linux-arm64": { target: "aarch64-linux-gnu.2.28", os: "linux" },
  "darwin-arm64": { target: "aarch64-macos.11.0", os: "mac" },
  "win32-x64": { target: "x86_64-windows-gnu", os: "win" },
  "win32-arm64": { target: "aarch64-windows-gnu", os: "win" },
};

const LINK_FLAGS = {
  // The addon's threads outlive any JavaScript environment, so its code must stay mapped.
  linux: ["-Wl,-z,nodelete", "-Wl,--version-script=native/exports.map"],
  // Node-API is found in whatever program loads the addon.
  mac: ["-Wl,-undefined,dynamic_lookup"],
  win: [],
};

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !PLATFORMS.includes(name));
if (unknown.length > 0) {
  console.error(`unknown: ${unknown.join(", ")}; expected some of ${PLATFORMS.join(", ")}`);
  process.exit(64);
}
const compiler = installCompiler();
for (const name of asked.length > 0 ? asked : PLATFORMS) buildPlatform(name);

function buildPlatform(name) {
  const { target, os } = TARGETS[name];
  const folder = join(root, "prebuilds", name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const { file, isAddon, sources, flags } of readTargets(os)) {
    const output = join(folder, `${file}${isAddon ? ".node" : os === "win" ? ".exe" : ""}`);
    const started = Date.now();
    compiler.run([
      "c++",
      ...["-target", target, ...(isAddon ? ["-shared", ...LINK_FLAGS[os]] : [])],
      ...[...flags, "-Werror", "-s", `-ffile-prefix-map=${root}=.`],
      ...["-Inative", ...(isAddon ? nodeApi(os) : [])],
      ...[...sources, ...(isAddon && os === "win" ? ["native/napi/windows_node.cc"] : [])],
      ...["-o", relative(root, output)],
    ]);
    // Windows linkers leave an import library or debug database beside the file.
    for (const name of readdirSync(folder)) if (/\.(pdb|lib)$/.test(name)) rmSync(join(folder, name));
    const seconds = ((Date.now() - started) / 1000).toFixed(1);
    console.log(`${relative(root, output)}: ${statSync(output).size} bytes in ${seconds} s`);
  }
  listPlatform(name);
}

/** The targets of binding.gyp with the lists that hold for an operating system. The file is JSON with comments. */
function readTargets(os) {
  const text = readFileSync(join(root, "binding.gyp"), "utf8").replaceAll(/^\s*#.*$/gm, "");
  const { target_defaults: defaults = {}, targets } = JSON.parse(text);
  return targets.map((target) => {
    const conditions = [defaults, target].flatMap(({ conditions = [] }) => conditions);
    const matching = conditions.filter(([condition]) => condition === `OS=='${os}'`).map(([, part]) => part);
    const list = (key) => [defaults, target, ...matching].flatMap((part) => part[key] ?? []);
    return {
      file: target.target_name,
      isAddon: target.type !== "executable",
      sources: list("sources"),
      flags: [...list("cflags"), ...list("cflags_cc"), ...list("defines").map((define) => `-D${define}`)],
    };
  });
}

/** Node-API's headers, as a system's: their warnings are not ours. On Windows the list of functions to look up too. */
function nodeApi(os) {
  const { include_dir, symbols } = require("node-api-headers");
  const wrapper = dirname(require.resolve("node-addon-api"));
  const flags = ["-isystem", include_dir, "-isystem", wrapper, "-DBUILDING_NODE_EXTENSION"];
  if (os !== "win") return flags;
  const generated = join(toolchain, "include");
  const { js_native_api_symbols, node_api_symbols } = symbols.v8;
  const names = [...js_native_api_symbols, ...node_api_symbols].sort();
  mkdirSync(generated, { recursive: true });
  const rows = names.map((name) => `  X(${name})`).join(" \\\n");
  writeFileSync(join(generated, "node_api_functions.h"), `#define REDLINE_NODE_API(X) \\\n${rows}\n`);
  return [...flags, "-isystem", generated];
}
