// Owns building and running the host's own test program under sanitizers, without Node in it.
// Knows no test. Invariant: the last line is always "N passed, N failed"; a build that fails, or a compiler that lacks a
// sanitizer, is a failure. argv: --short for few rounds, and names of builds, default all.

import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { matmulChain } from "../../dist/bench/harness/onnx-model.js";
import { findOrtLibrary } from "../../dist/runtime/bindings/load.js";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "../..");
const COMPILER = process.env.CXX ?? "g++";
const FLAGS = [
  "-std=c++17",
  "-Wall",
  "-Wextra",
  "-Werror",
  "-O1",
  "-g",
  "-fno-omit-frame-pointer",
  "-ffp-contract=off",
  "-Inative",
];

const BUILDS = {
  address: {
    flags: ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"],
    // The library keeps what it allocated once, and its own leaks are not ours to find.
    environment: {
      ASAN_OPTIONS: "detect_stack_use_after_return=1:strict_string_checks=1",
      LSAN_OPTIONS: `suppressions=${join(ROOT, "native/test/leaks.supp")}:print_suppressions=0`,
      UBSAN_OPTIONS: "print_stacktrace=1",
    },
    hasModels: true,
  },
  thread: {
    flags: ["-fsanitize=thread"],
    environment: { TSAN_OPTIONS: "halt_on_error=1:second_deadlock_stack=1" },
    hasModels: false,
  },
};

const words = process.argv.slice(2);
const isShort = words.includes("--short");
const wanted = words.filter((word) => !word.startsWith("--"));
const unknown = wanted.filter((name) => !(name in BUILDS));
let [passed, failed] = [0, 0];
const models = mkdtempSync(join(tmpdir(), "redline-sanitize-"));
try {
  if (unknown.length > 0)
    throw new Error(`no build ${unknown.join(", ")}: there are ${Object.keys(BUILDS).join(", ")}`);
  writeFileSync(join(models, "long.onnx"), matmulChain({ nodes: 200, size: 384 }));
  writeFileSync(join(models, "short.onnx"), matmulChain({ nodes: 4, size: 384 }));
  writeFileSync(join(models, "bulky.onnx"), matmulChain({ nodes: 32, size: 384, matrices: 32 }));
  for (const name of wanted.length > 0 ? wanted : Object.keys(BUILDS)) test(name, BUILDS[name]);
} catch (error) {
  console.error(error.message);
  failed += 1;
} finally {
  rmSync(models, { recursive: true, force: true });
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;

/** Builds the program one way, runs it and its endings, and counts its tests; a report of the sanitizer is a failed test. */
function test(name, build) {
  console.log(`== ${name}`);
  const program = compile(name, build);
  const environment = environmentOf(build);
  count(name, start(program, { environment, limitMs: 600_000 }));
  const { stdout } = start(program, { environment, words: ["--endings"], limitMs: 10_000 });
  const endings = stdout.trim().split("\n");
  for (let round = 0; round < (isShort ? 1 : 10); round++)
    for (const ending of endings) play(ending, start(program, { environment, words: ["--ending", ending] }));
}

function environmentOf(build) {
  const given = { ...process.env, ...build.environment, REDLINE_STORM_ROUNDS: isShort ? "1" : "10" };
  if (!build.hasModels) return given;
  return {
    ...given,
    ORT_LIBRARY: findOrtLibrary(),
    LONG_MODEL: join(models, "long.onnx"),
    SHORT_MODEL: join(models, "short.onnx"),
    BULKY_MODEL: join(models, "bulky.onnx"),
    ORT_DISABLE_TELEMETRY: "1",
  };
}

/** An ending may take the 5 s that are no hang, ten times longer under a sanitizer. */
function start(program, { environment, words = [], limitMs = 50_000 }) {
  return spawnSync(program, words, {
    encoding: "utf8",
    env: environment,
    timeout: limitMs,
    killSignal: "SIGKILL",
    maxBuffer: 1 << 26,
  });
}

/** Counts the tests of a whole run by their lines. */
function count(name, run) {
  process.stdout.write(run.stdout ?? "");
  process.stderr.write(run.stderr ?? "");
  const lines = (run.stdout ?? "").split("\n");
  const skipped = lines.filter((line) => line.startsWith("skipped")).length;
  const failures = lines.filter((line) => line.startsWith("FAILED")).length;
  passed += lines.filter((line) => line.startsWith("ok ")).length - skipped;
  failed += failures;
  if (run.status !== 0 && failures === 0) {
    failed += 1;
    console.log(`FAILED ${name}: the program ended with ${run.signal ?? `status ${run.status}`}`);
  }
}

/** Counts one ending: status 0, and not a word of a sanitizer. */
function play(ending, run) {
  if (run.stdout.startsWith("skipped")) return;
  const isClean = run.status === 0 && run.stderr === "";
  console.log(`${isClean ? "ok" : "FAILED"} ending: ${ending}`);
  if (isClean) {
    passed += 1;
    return;
  }
  failed += 1;
  console.log(`it ended with ${run.signal ?? `status ${run.status}`}`);
  process.stderr.write(run.stderr);
}

/** Compiles what has changed since the last time, two files at once where there are two cores. */
function compile(name, { flags }) {
  const folder = join(ROOT, "build", "sanitize", name);
  mkdirSync(folder, { recursive: true });
  const newestHeader = Math.max(...sources(".h").map((path) => statSync(path).mtimeMs));
  const objects = sources(".cc").map((path) => ({
    path,
    object: join(folder, `${path.slice(ROOT.length + 1).replaceAll(/[/\\]/g, "-")}.o`),
  }));
  const stale = objects.filter(({ path, object }) => {
    const built = statSync(object, { throwIfNoEntry: false })?.mtimeMs ?? 0;
    return built < Math.max(statSync(path).mtimeMs, newestHeader);
  });
  const commands = stale.map(({ path, object }) => [COMPILER, ...FLAGS, ...flags, "-c", path, "-o", object]);
  const script = commands.map((command) => command.map(quote).join(" ")).join("\0");
  // xargs runs them side by side and answers with a failure if one fails.
  if (stale.length > 0)
    must("xargs", ["-0", "-P", String(availableParallelism()), "-n", "1", "sh", "-c"], script);
  const program = join(folder, "host_test");
  must(COMPILER, [...flags, ...objects.map(({ object }) => object), "-o", program, "-ldl", "-lpthread"]);
  return program;
}

function sources(ending) {
  return ["native/host", "native/ops", "native/program", "native/test"].flatMap((folder) =>
    readdirSync(join(ROOT, folder))
      .filter((file) => file.endsWith(ending))
      .map((file) => join(ROOT, folder, file)),
  );
}

function quote(word) {
  return `'${word}'`;
}

function must(command, words, input = "") {
  const run = spawnSync(command, words, { cwd: ROOT, input, encoding: "utf8" });
  if (run.status === 0) return;
  throw new Error(`${command} failed: ${run.error?.message ?? ""}\n${run.stderr}`);
}
