// Owns finding and running the user's pip. Knows no wheel and no store.
// Invariant: pip gets its own configuration, index, proxy and certificates, and never builds or runs a package's code.

import { type ChildProcess, spawn } from "node:child_process";
import path from "node:path";

/** A command and the arguments that come before `-m pip`. */
interface Python {
  readonly command: string;
  readonly first: readonly string[];
}

/** pip waits 15 s a try and tries five times; a slow start of Python on a busy board comes on top. */
const VERSION_TIMEOUT_MS = 60_000;
/** What of pip's output an error may quote. */
const KEPT_CHARACTERS = 4_000;

/** Where Python may be, best first: the one named, the active environment's, then what the system calls it. */
export function pythonCandidates(
  on: {
    readonly env?: Readonly<Record<string, string | undefined>>;
    readonly platform?: NodeJS.Platform;
  } = {},
): Python[] {
  const { env = process.env, platform = process.platform } = on;
  const { REDLINE_PYTHON, VIRTUAL_ENV } = env;
  const plain = (command: string): Python => ({ command, first: [] });
  if (REDLINE_PYTHON) return [plain(REDLINE_PYTHON)];
  const isWindows = platform === "win32";
  const inside = isWindows ? ["Scripts", "python.exe"] : ["bin", "python"];
  const join = isWindows ? path.win32.join : path.posix.join;
  const active = VIRTUAL_ENV ? [plain(join(VIRTUAL_ENV, ...inside))] : [];
  const system = isWindows
    ? [{ command: "py", first: ["-3"] }, plain("python")]
    : [plain("python3"), plain("python")];
  return [...active, ...system];
}

/**
 * Downloads one wheel into `folder`. Only wheels: a source archive would have to be built, which runs its code.
 *
 * @throws Error that pip is missing and what to do, or with pip's own last words
 */
export async function downloadWheel(
  requirement: { readonly name: string; readonly version: string },
  into: { readonly folder: string; readonly signal: AbortSignal },
): Promise<void> {
  const python = await findPip(into.signal);
  const { code, output } = await run(python, {
    args: [
      ...["-m", "pip", "download", "--no-input", "--disable-pip-version-check", "--progress-bar", "off"],
      ...["--no-deps", "--only-binary", ":all:", "--ignore-requires-python"],
      ...["--dest", into.folder, "--", `${requirement.name}==${requirement.version}`],
    ],
    // pip unpacks and downloads in the temporary folder: ours lies on the store's disk and is removed afterwards.
    env: { ...process.env, TMPDIR: into.folder, TEMP: into.folder, TMP: into.folder },
    signal: into.signal,
  });
  if (code !== 0) throw new Error(`pip: ${lastWords(output) || `exit status ${code}`}`);
}

async function findPip(signal: AbortSignal): Promise<Python> {
  const candidates = pythonCandidates();
  const tried: string[] = [];
  for (const python of candidates) {
    const args = ["-m", "pip", "--version"];
    const timed = AbortSignal.any([signal, AbortSignal.timeout(VERSION_TIMEOUT_MS)]);
    const found = await run(python, { args, env: process.env, signal: timed }).catch((error: unknown) => {
      signal.throwIfAborted();
      return { code: 1, output: error instanceof Error ? error.message : String(error) };
    });
    if (found.code === 0) return python;
    tried.push(`${[python.command, ...python.first].join(" ")}: ${lastWords(found.output)}`);
  }
  throw new Error(
    `pip is not found (${tried.join("; ")}): install Python with pip, or set REDLINE_PYTHON to a python that has it`,
  );
}

function run(
  python: Python,
  given: { args: readonly string[]; env: NodeJS.ProcessEnv; signal: AbortSignal },
): Promise<{ code: number | null; output: string }> {
  const { args, env, signal } = given;
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const child = spawn(python.command, [...python.first, ...args], {
      env,
      stdio: ["ignore", "pipe", "pipe"],
      windowsHide: true,
      // A group of its own, so that it can be ended whole: what is called python is often a script that starts Python.
      detached: process.platform !== "win32",
    });
    let output = "";
    const note = (data: Buffer) => {
      output = (output + data.toString("utf8")).slice(-KEPT_CHARACTERS);
    };
    child.stdout.on("data", note);
    child.stderr.on("data", note);
    const stop = () => endWhole(child);
    signal.addEventListener("abort", stop, { once: true });
    child.on("error", (error) => {
      signal.removeEventListener("abort", stop);
      reject(error);
    });
    child.on("close", (code) => {
      signal.removeEventListener("abort", stop);
      if (signal.aborted) reject(signal.reason);
      else resolve({ code, output });
    });
  });
}

function endWhole(child: ChildProcess): void {
  if (child.pid === undefined) return;
  if (process.platform === "win32") {
    // By its full path: Windows looks for a bare name in the current folder first, where anybody's file may lie.
    const taskkill = path.join(process.env.SystemRoot ?? "C:\\Windows", "System32", "taskkill.exe");
    const argv = ["/pid", String(child.pid), "/t", "/f"];
    spawn(taskkill, argv, { stdio: "ignore", windowsHide: true }).on("error", () => child.kill());
    return;
  }
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch {
    // It has just ended by itself.
  }
}

/** The lines that say why: pip's errors, else its last line. */
function lastWords(output: string): string {
  const lines = output.split(/\r?\n/).map((line) => line.trim());
  const errors = lines.filter((line) => line.startsWith("ERROR:"));
  const chosen = errors.length > 0 ? errors : lines.filter((line) => line !== "").slice(-1);
  return chosen.map((line) => line.replace(/^ERROR:\s*/, "")).join("; ");
}
