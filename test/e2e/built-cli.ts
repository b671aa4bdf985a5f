// Owns running the built command line as a stranger would: a process, its two streams and its exit status.
// Invariant: what runs is the code as it is now; a stale dist is built again, by one test process at a time.

import { spawn, spawnSync } from "node:child_process";
import { existsSync, readdirSync, statSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import lockfile from "proper-lockfile";

export const REPO_ROOT = resolve(import.meta.dirname, "../..");
export const SAMPLES = join(REPO_ROOT, "models", "samples");
/** Recordings and pictures for development that are not in the repository. */
export const ASSETS = resolve(REPO_ROOT, "../shared/assets");

const MAIN = join(REPO_ROOT, "dist/runtime/cli/main.js");

/** What a command did. */
export class CommandResult {
  constructor(
    readonly status: number | null,
    readonly out: string,
    readonly err: string,
  ) {}

  /** Every line of stdout as the object it holds; throws when a line is no JSON. */
  get lines(): Record<string, unknown>[] {
    const texts = this.out.split("\n").filter((line) => line !== "");
    return texts.map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  /** The last of `lines`. */
  get summary(): Record<string, unknown> {
    return this.lines.at(-1) ?? {};
  }
}

export interface CommandOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: Uint8Array;
  readonly cwd?: string;
  /** Called with what stdout holds so far; may stop the process. */
  readonly onOutput?: (out: string, child: { kill(signal: NodeJS.Signals): void }) => void;
}

/** Runs `redline` with these arguments. */
export async function redline(argv: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  const child = spawn(process.execPath, [MAIN, ...argv], {
    cwd: options.cwd ?? REPO_ROOT,
    env: { ...process.env, ...options.env },
    stdio: ["pipe", "pipe", "pipe"],
  });
  let out = "";
  let err = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    out += text;
    options.onOutput?.(out, { kill: (signal) => child.kill(signal) });
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    err += text;
  });
  // A command that refuses its arguments ends without reading its input.
  child.stdin.on("error", () => {});
  child.stdin.end(options.stdin);
  const status = await new Promise<number | null>((settle) => child.on("close", (code) => settle(code)));
  return new CommandResult(status, out, err);
}

/** Builds `dist` when a source is newer than it. Call before the first command of a test file. */
export async function ensureBuilt(): Promise<void> {
  await mkdir(join(REPO_ROOT, "build"), { recursive: true });
  const release = await lockfile.lock(REPO_ROOT, {
    lockfilePath: join(REPO_ROOT, "build", "e2e.lock"),
    retries: { retries: 120, minTimeout: 500, maxTimeout: 1000 },
  });
  try {
    if (!isStale()) return;
    const tsc = join(REPO_ROOT, "node_modules/typescript/bin/tsc");
    const built = spawnSync(process.execPath, [tsc, "-p", "tsconfig.build.json"], {
      cwd: REPO_ROOT,
      encoding: "utf8",
    });
    if (built.status !== 0) throw new Error(`the command line does not build:\n${built.stdout}`);
  } finally {
    await release();
  }
}

function isStale(): boolean {
  if (!existsSync(MAIN)) return true;
  const builtMs = statSync(MAIN).mtimeMs;
  return ["runtime", "bench"].some((folder) => newestMs(join(REPO_ROOT, folder)) > builtMs);
}

function newestMs(folder: string): number {
  if (!existsSync(folder)) return 0;
  const times = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
    .map((entry) => statSync(join(entry.parentPath, entry.name)).mtimeMs);
  return Math.max(0, ...times);
}
