// Owns the exclusion of processes from one blob. Knows no source and no manifest.
// Invariant: safety never rests on the lock: blobs appear by rename of checked bytes, so a lock lost to a long stall
// costs a second download and nothing else.

import { mkdir } from "node:fs/promises";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { RedlineError } from "../core/errors.js";
import { errorCode } from "./blobs.js";

/** A lock not refreshed for this long belongs to a dead process. The library's smallest is 5 s; a busy machine needs more. */
const STALE_MS = 10_000;
const REFRESH_MS = 2_500;
/** Short beside a download, long beside the cost of one look at the lock. */
const POLL_MS = 100;

/**
 * Runs `act` while holding the blob's lock, waiting for another holder up to `timeoutMs`.
 *
 * @throws RedlineError `STORE_LOCKED` naming the lock's path; `STORE_WRITE_FAILED` when the lock cannot be created.
 */
export async function withLock<T>(
  options: {
    readonly root: string;
    readonly sha256: string;
    readonly timeoutMs: number;
    readonly signal: AbortSignal;
  },
  act: () => Promise<T>,
): Promise<T> {
  const file = path.join(options.root, "locks", options.sha256);
  const release = await acquire(file, options);
  try {
    return await act();
  } finally {
    // A lock taken over after a stall is no longer ours to release.
    await release().catch(() => {});
  }
}

async function acquire(
  file: string,
  { timeoutMs, signal }: { timeoutMs: number; signal: AbortSignal },
): Promise<() => Promise<void>> {
  const lockfilePath = `${file}.lock`;
  const { default: lockfile } = await import("proper-lockfile");
  const startedMs = performance.now();
  try {
    await mkdir(path.dirname(file), { recursive: true });
  } catch (error) {
    throw cannotLock(lockfilePath, error);
  }
  for (;;) {
    signal.throwIfAborted();
    try {
      return await lockfile.lock(file, {
        lockfilePath,
        realpath: false,
        stale: STALE_MS,
        update: REFRESH_MS,
        onCompromised: () => {},
      });
    } catch (error) {
      if (errorCode(error) !== "ELOCKED") throw cannotLock(lockfilePath, error);
      if (performance.now() - startedMs >= timeoutMs) throw stillLocked(lockfilePath, timeoutMs);
    }
    await pause(POLL_MS, undefined, { signal });
  }
}

function stillLocked(lockfilePath: string, timeoutMs: number): RedlineError {
  return new RedlineError("STORE_LOCKED", {
    what: lockfilePath,
    expected: `the lock within ${timeoutMs} ms`,
    hint: "another process is fetching this file: wait for it, or end it; a dead process's lock lapses by itself",
  });
}

function cannotLock(lockfilePath: string, error: unknown): RedlineError {
  return new RedlineError("STORE_WRITE_FAILED", {
    what: lockfilePath,
    received: errorCode(error) ?? String(error),
    hint: "set REDLINE_HOME to a folder that can be written",
    cause: error,
  });
}
