// Owns running one call of the built code in a process of its own, to see what it throws and how much memory it took.
// Invariant: a call that does not end in its time is an error here, not a wait.

import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { REPO_ROOT } from "../e2e/built-cli.js";

export interface Bounded {
  /** Null when it threw nothing. */
  readonly code: string | null;
  readonly message: string;
  /** The most memory the process held at any time. */
  readonly peakBytes: number;
}

/** Longer than any of these takes on a busy machine; without a bound the bombs go on for minutes or until memory ends. */
const TIMEOUT_MS = 20_000;

/** Runs `call`, JavaScript over the exports of a built module, named `it`. */
export function runBounded(module: string, call: string): Bounded {
  const url = pathToFileURL(join(REPO_ROOT, "dist", module)).href;
  const script = `
    const it = await import(${JSON.stringify(url)});
    const { code, message } = await (async () => { ${call} })().then(() => ({ code: null, message: "" }), (error) => error);
    const peakBytes = process.resourceUsage().maxRSS * 1024;
    console.log(JSON.stringify({ code: code ?? null, message, peakBytes }));
    process.exit(0);`;
  const { stdout, stderr, signal } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
    encoding: "utf8",
    timeout: TIMEOUT_MS,
    killSignal: "SIGKILL",
  });
  if (signal !== null) throw new Error(`${call}: no end in ${TIMEOUT_MS} ms, or killed: ${signal}`);
  if (stdout === "") throw new Error(stderr);
  return JSON.parse(stdout) as Bounded;
}
