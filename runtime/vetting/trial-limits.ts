// Owns the limits of a trial: time by the clock, memory by looking at the process from outside. Knows no graph.
// Invariant: past a limit the process is killed, and the error says which limit and what was received.

import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { availableParallelism, totalmem } from "node:os";
import type { NativeAddon } from "../bindings/addon.js";
import { RedlineError } from "../core/errors.js";
import type { Trial } from "./trial.js";

/** How long and how large the trial of one graph may get. */
export interface TrialLimits {
  /** One open, the optimisation of the graph included. */
  readonly openMs: number;
  /** One run. */
  readonly runMs: number;
  /** Resident memory of the process. */
  readonly memoryBytes: number;
}

/** A process that grows by the memory bus's 5 GB/s passes the limit by a quarter of a gigabyte before it is seen. */
const LOOK_MS = 50;

/** Answers the resident memory of a process in bytes, or -1. */
export type ReadMemory = (pid: number) => Promise<number>;

/** The limits where nobody says otherwise. */
export function defaultLimits(): TrialLimits {
  // A container's own bound, where the system tells it, is what ends a process there.
  const { constrainedMemory } = process as { constrainedMemory?: () => number };
  const bound = constrainedMemory?.() ?? 0;
  const machine = bound > 0 ? Math.min(bound, totalmem()) : totalmem();
  // The most patient figures that still end: a gigabyte from a slow card with one core, a second of a fast machine's work.
  const patience = availableParallelism() === 1 ? 2 : 1;
  return { openMs: 60_000 * patience, runMs: 30_000 * patience, memoryBytes: machine / 2 };
}

/** Reads memory through the addon; without it as the system shows it to everyone, and not at all on Windows. */
export function memoryReader(addon: NativeAddon | null): ReadMemory {
  if (addon !== null) return async (pid) => addon.residentBytes(pid);
  if (process.platform === "linux") {
    return async (pid) => {
      const text = await readFile(`/proc/${pid}/status`, "latin1").catch(() => "");
      const [, kilobytes] = /^VmRSS:\s+(\d+) kB/m.exec(text) ?? [];
      return kilobytes === undefined ? -1 : Number(kilobytes) * 1024;
    };
  }
  if (process.platform === "win32") return async () => -1;
  return (pid) =>
    new Promise((resolve) => {
      execFile("ps", ["-o", "rss=", "-p", String(pid)], (error, text) => {
        resolve(error === null ? Number(text) * 1024 : -1);
      });
    });
}

/**
 * Waits for a step of a trial, within its limits.
 *
 * @throws RedlineError `MODEL_TIMEOUT` or `MODEL_MEMORY` past a limit, `MODEL_CRASHED` when the graph ended its process,
 * `PROVIDER_LOST` when somebody else did; else what the step throws
 */
export async function withinLimits<T>(
  trial: Trial,
  step: {
    /** For messages: `opening the graph`. */
    readonly doing: string;
    readonly limitMs: number;
    readonly memoryBytes: number;
    readonly readMemory: ReadMemory;
    act(): Promise<T>;
  },
): Promise<T> {
  const { doing, limitMs, memoryBytes, readMemory } = step;
  let breach: RedlineError | undefined;
  const stop = (code: "MODEL_TIMEOUT" | "MODEL_MEMORY", expected: string, received: string): void => {
    breach ??= new RedlineError(code, { what: doing, expected, received, hint: HINTS[code] });
    trial.kill();
  };
  const clock = setTimeout(() => stop("MODEL_TIMEOUT", `at most ${limitMs} ms`, "no end"), limitMs);
  let isLooking = false;
  const look = setInterval(async () => {
    if (isLooking) return;
    isLooking = true;
    const bytes = await readMemory(trial.pid);
    isLooking = false;
    if (bytes > memoryBytes) stop("MODEL_MEMORY", `at most ${megabytes(memoryBytes)}`, megabytes(bytes));
  }, LOOK_MS);
  try {
    return await step.act();
  } catch (error) {
    if (breach) throw breach;
    if (!(error instanceof RedlineError)) throw error;
    if (error.code === "MODEL_TIMEOUT") {
      throw new RedlineError("MODEL_TIMEOUT", {
        what: doing,
        expected: `at most ${limitMs} ms`,
        received: "no end",
        hint: HINTS.MODEL_TIMEOUT,
      });
    }
    if (error.code !== "PROVIDER_LOST") throw error;
    const end = trial.end ?? { how: error.message, isCrash: false };
    if (end.isCrash) {
      const words = error.received === undefined ? "" : `: ${error.received}`;
      throw new RedlineError("MODEL_CRASHED", {
        what: `${end.how} while ${doing}`,
        expected: "a model that can be loaded and run",
        received: `${end.how}${words}`,
        hint: HINTS.MODEL_CRASHED,
        cause: error,
      });
    }
    throw new RedlineError("PROVIDER_LOST", {
      what: `the process in which the model is tried ended while ${doing}`,
      received: end.how,
      hint: "somebody ended it, or the system ran out of memory: try again",
      cause: error,
    });
  } finally {
    clearTimeout(clock);
    clearInterval(look);
  }
}

const HINTS = {
  MODEL_CRASHED:
    'this graph ends the process that loads it: export it anew, or open it with ort: { graphOptimization: "disabled" }',
  MODEL_TIMEOUT: 'a smaller model, or vetting: "off" if you trust it and can wait',
  MODEL_MEMORY: 'a smaller model, or vetting: "off" if you trust it and have the memory',
} as const;

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}
