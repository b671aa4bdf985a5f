// Owns playing one case in a process of its own and judging its end. Knows no list of cases.
// Invariant: a process that is not judged by its own status is a failure: a signal, a hang, or something left behind.

import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { packageRoot } from "../../runtime/bindings/package-root.js";
import type { LifetimeCase } from "./cases.js";
import type { StageEnvironment } from "./stage.js";

/** How many times slower than a machine of today an emulated processor is (`npm run test:arm64`); else 1. */
const PATIENCE = Number(process.env.REDLINE_TEST_PATIENCE ?? 1);
/** From the moment a process says that it is ending to its end: longer is a hang. */
const HANG_MS = 5000 * PATIENCE;
/** A whole life, on a machine that is busy with others. */
const LIFE_MS = 60_000 * PATIENCE;
/** A fallback's process learns of its parent's end when its run is over. */
const ORPHAN_MS = 3000 * PATIENCE;
/** What a process wrote last is read within this after its end. */
const PIPES_MS = 500 * PATIENCE;
/** The status of AS_TOLD in test/native/lifetime/host.mjs. */
const AS_TOLD = 7;

export interface Played {
  /** What was wrong, in words; empty when nothing was. */
  readonly faults: readonly string[];
  readonly lifeMs: number;
  /** From its word to its end; null when it never said that it was ending. */
  readonly endingMs: number | null;
  /** Lanes still at work and threads too many where it looked, processes of its group after its end. */
  readonly leaked: Leaked;
  /** Everything it wrote. */
  readonly output: string;
}

export interface Leaked {
  readonly lanes: number;
  readonly threads: number;
  readonly processes: number;
}

export interface Life {
  readonly lifetimeCase: LifetimeCase;
  /** The Node that plays it. */
  readonly node: string;
  readonly environment: StageEnvironment;
}

/** Plays a case once. */
export async function play({ lifetimeCase, node, environment }: Life): Promise<Played> {
  const { script, name, ending } = lifetimeCase;
  const path = join(packageRoot(), "test", "native", "lifetime", `${script}.mjs`);
  const startedMs = performance.now();
  const child = spawn(node, ["--expose-gc", path, name], {
    env: { ...process.env, ...environment },
    stdio: ["ignore", "pipe", "pipe"],
    // A group of its own, so that whatever it leaves behind can be found.
    detached: true,
  });
  const { code, signal, stdout, stderr, saidMs } = await ended(child);
  const endedMs = performance.now();
  const endingMs = saidMs === null ? null : endedMs - saidMs;
  const left = child.pid === undefined ? [] : await leftBehind(child.pid);
  const expected = ending === "told" ? AS_TOLD : 1;
  const isReported = ending === "told" ? stderr === "" : stderr.includes("on purpose");
  const faults = [
    ...(signal !== null ? [`ended by ${signal}`] : []),
    ...(signal === null && code !== expected ? [`status ${code}, expected ${expected}`] : []),
    ...(saidMs === null ? ["never came to its end"] : []),
    ...(endingMs !== null && endingMs > HANG_MS ? [`took ${Math.round(endingMs)} ms to end`] : []),
    ...(isReported ? [] : [`wrote: ${stderr.trim().slice(0, 600) || "nothing"}`]),
    ...(left.length > 0 ? [`left ${left.length} processes behind`] : []),
  ];
  for (const pid of left) kill(pid);
  const leaked = { ...leakedInside(stdout), processes: left.length };
  return { faults, lifeMs: endedMs - startedMs, endingMs, leaked, output: stdout + stderr };
}

/** The sum of what it said to have left each time it looked. */
function leakedInside(stdout: string): Omit<Leaked, "processes"> {
  const found = [...stdout.matchAll(/^left (\{.*\})$/gm)].map(([, json]) => JSON.parse(json!) as Leaked);
  return {
    lanes: found.reduce((sum, { lanes }) => sum + lanes, 0),
    threads: found.reduce((sum, { threads }) => sum + threads, 0),
  };
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It ended by itself just now.
  }
}

interface End {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly saidMs: number | null;
}

function ended(child: ChildProcess): Promise<End> {
  let stdout = "";
  let stderr = "";
  let saidMs: number | null = null;
  child.stdout!.on("data", (chunk) => {
    stdout += chunk;
    if (/^ending$/m.test(stdout)) saidMs ??= performance.now();
  });
  child.stderr!.on("data", (chunk) => {
    stderr += chunk;
  });
  const kill = setTimeout(() => child.kill("SIGKILL"), LIFE_MS);
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("exit", (code, signal) => {
      clearTimeout(kill);
      const resolveOnce = (): void => {
        child.stdout!.destroy();
        child.stderr!.destroy();
        resolve({ code, signal, stdout, stderr, saidMs });
      };
      // What it wrote has been read at `close`, which never comes while a process it left behind holds the pipes.
      child.once("close", resolveOnce);
      setTimeout(resolveOnce, PIPES_MS).unref();
    });
  });
}

/** Processes of a group that are still there after a while. */
async function leftBehind(group: number): Promise<readonly number[]> {
  const endMs = performance.now() + ORPHAN_MS;
  let left = membersOf(group);
  while (left.length > 0 && performance.now() < endMs) {
    await pause(20);
    left = membersOf(group);
  }
  return left;
}

/** Linux only: elsewhere there is no list of processes to read, and the answer is empty. */
function membersOf(group: number): number[] {
  if (process.platform !== "linux") return [];
  return readdirSync("/proc").flatMap((entry) => {
    if (!/^\d+$/.test(entry)) return [];
    try {
      // After the name in brackets: state, parent, group. A zombie has ended; only its parent has not looked.
      const fields = readFileSync(`/proc/${entry}/stat`, "utf8")
        .replace(/^.*\) /s, "")
        .split(" ");
      return Number(fields[2]) === group && fields[0] !== "Z" ? [Number(entry)] : [];
    } catch {
      return [];
    }
  });
}
