// Owns how kernels/pkg comes from its sources: one pinned compiler, two flavours, the glue copied. Knows no check.
// Invariant: nothing but the listed sources and the compiler decides a byte; no folder's name enters a file.

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const TARGET = "wasm32-unknown-unknown";

/** Instruction sets of each build. */
const FLAVOURS = { relaxed: "+simd128,+relaxed-simd", simd128: "+simd128" };

/** The list of what went in and what came out, in the package itself. */
export const RECORD = "build.json";

/** Everything that decides the package, as paths within kernels/. */
export function sourcesOf(kernels) {
  const inFolder = (folder) => readdirSync(join(kernels, folder)).map((name) => `${folder}/${name}`);
  return [
    "Cargo.toml",
    "Cargo.lock",
    "rust-toolchain.toml",
    "recipe.mjs",
    ...inFolder("src"),
    ...inFolder("glue"),
  ].sort();
}

/** sha256 of files of a folder, by name. Text counts with the line ends it is committed with. */
export function hashesOf(folder, names) {
  return Object.fromEntries(
    names.map((name) => [
      name,
      createHash("sha256")
        .update(readFileSync(join(folder, name)))
        .digest("hex"),
    ]),
  );
}

/** The version of the pinned compiler, or null where it or its target is not installed. */
export function findCompiler(kernels) {
  const [, channel] = /^channel = "(.*)"$/m.exec(readFileSync(join(kernels, "rust-toolchain.toml"), "utf8"));
  const ask = (...words) => spawnSync("rustup", ["run", channel, "rustc", ...words], { encoding: "utf8" });
  const version = ask("--version");
  const library = ask("--print", "target-libdir", "--target", TARGET);
  if (version.status !== 0 || library.status !== 0) return null;
  try {
    const isThere = readdirSync(library.stdout.trim()).some((name) => name.startsWith("libcore-"));
    return isThere ? { channel, version: version.stdout.trim() } : null;
  } catch {
    return null;
  }
}

/** What to type where the compiler is missing. */
export function compilerRemedy(kernels) {
  const [, channel] = /^channel = "(.*)"$/m.exec(readFileSync(join(kernels, "rust-toolchain.toml"), "utf8"));
  return `rustup toolchain install ${channel} --profile minimal --target ${TARGET}`;
}

/** Writes the whole package of the sources in `kernels` to `folder`. Throws, with the compiler's words on the screen. */
export function buildPackage({ kernels, folder, compiler }) {
  const target = mkdtempSync(join(tmpdir(), "redline-kernels-"));
  try {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    for (const [flavour, features] of Object.entries(FLAVOURS)) {
      compile({ kernels, target: join(target, flavour), features, compiler });
      const built = join(target, flavour, TARGET, "release", "redline_kernels.wasm");
      writeFileSync(join(folder, `redline-kernels-${flavour}.wasm`), readFileSync(built));
    }
  } finally {
    rmSync(target, { recursive: true, force: true });
  }
  cpSync(join(kernels, "glue"), folder, { recursive: true });
  const outputs = readdirSync(folder).sort();
  const record = {
    compiler: compiler.version,
    sources: hashesOf(kernels, sourcesOf(kernels)),
    outputs: hashesOf(folder, outputs),
  };
  writeFileSync(join(folder, RECORD), `${JSON.stringify(record, null, 2)}\n`);
}

function compile({ kernels, target, features, compiler }) {
  const flags = [
    `-Ctarget-feature=${features}`,
    // What runs in vectors is written in vectors. A compiler that finds more turns comparisons into relaxed minima, which
    // answer otherwise at NaN and -0 on some processors.
    "-Cno-vectorize-loops",
    "-Cno-vectorize-slp",
    // The deepest call needs a few hundred bytes; what lies above the stack is the caller's.
    "-Clink-arg=-zstack-size=65536",
    `--remap-path-prefix=${kernels}=kernels`,
  ];
  const words = [
    "build",
    "--release",
    "--locked",
    "--offline",
    "--quiet",
    "--target",
    TARGET,
    "--target-dir",
    target,
  ];
  const run = spawnSync("rustup", ["run", compiler.channel, "cargo", ...words], {
    cwd: kernels,
    stdio: ["ignore", "inherit", "inherit"],
    // The flags of whoever calls would change the bytes.
    env: {
      ...process.env,
      CARGO_ENCODED_RUSTFLAGS: flags.join("\x1f"),
      CARGO_BUILD_TARGET: "",
      RUSTFLAGS: "",
    },
  });
  if (run.status !== 0) throw new Error(`cargo ended with status ${run.status ?? run.signal ?? run.error}`);
}
