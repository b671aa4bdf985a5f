// Owns the exclusion of processes from one blob or one model. Knows no source and no manifest.
// Invariant: safety never rests on the lock: blobs appear by rename of checked bytes, so a lock lost to a long stall
// costs a second download and nothing else.

import { randomUUID } from "node:crypto";
import { rmdirSync } from "node:fs";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { RedlineError } from "../core/errors.js";
import type { Place } from "./blobs.js";
import { type Disk, errorCode, makeFolder, namesIn, onDisk } from "./disk.js";

/** A lock not refreshed for this long belongs to a dead process. The library's smallest is 5 s; a busy machine needs more. */
const STALE_MS = 10_000;
const REFRESH_MS = 2_500;
/** Short beside a download, long beside the cost of one look at the lock. */
const POLL_MS = 100;

/** What to exclude others from, and for how long to wait for them. */
export interface LockOptions extends Place {
  /** A blob's hash, or `model-<name>`. */
  readonly subject: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/**
 * Runs `act` while holding the lock, waiting for another holder up to `timeoutMs`.
 *
 * @throws RedlineError `STORE_LOCKED` naming the lock's path; `STORE_WRITE_FAILED` when the lock cannot be created.
 */
export async function withLock<T>(options: LockOptions, act: () => Promise<T>): Promise<T> {
  const release = await acquire(options);
  try {
    return await act();
  } finally {
    // A lock taken over after a stall is no longer ours to release.
    await release().catch(() => {});
  }
}

/** The subjects whose lock somebody refreshes; one from the future, after the clock was set back, may be one of them. */
export async function heldLocks({ root, disk }: Place): Promise<Set<string>> {
  const folder = path.join(root, "locks");
  const held = new Set<string>();
  for (const name of await namesIn(disk, folder)) {
    const found = await disk.stat(path.join(folder, name)).catch(() => null);
    if (found !== null && Date.now() - found.mtimeMs <= STALE_MS) held.add(name.replace(/\.lock$/, ""));
  }
  return held;
}

const loadLibrary = () => import("proper-lockfile");
let library: ReturnType<typeof loadLibrary> | undefined;

async function acquire({
  root,
  disk,
  subject,
  timeoutMs,
  signal,
}: LockOptions): Promise<() => Promise<void>> {
  const lockfilePath = path.join(root, "locks", `${subject}.lock`);
  // The library keeps its notes by this name, one lock a name: after a stall two owners in one process would share them.
  const owner = path.join(root, "locks", `${subject}.${randomUUID()}`);
  library ??= loadLibrary();
  const { default: lockfile } = await library;
  const startedMs = performance.now();
  const watched = new StillLock(disk, lockfilePath);
  const makePlace = () => onDisk(lockfilePath, () => makeFolder(disk, path.dirname(lockfilePath)));
  await makePlace();
  for (;;) {
    signal.throwIfAborted();
    try {
      return await lockfile.lock(owner, {
        lockfilePath,
        realpath: false,
        stale: STALE_MS,
        update: REFRESH_MS,
        fs: callbackForm(disk),
        onCompromised: () => {},
      });
    } catch (error) {
      const code = errorCode(error);
      // One that stalled, and lost its lock to us, has removed ours with what it took for its own: once more.
      if (code === "ENOENT") await makePlace();
      else if (code !== "ELOCKED") await onDisk(lockfilePath, () => Promise.reject(error));
      if (performance.now() - startedMs >= timeoutMs) throw stillLocked(lockfilePath, timeoutMs);
    }
    await watched.look();
    await pause(POLL_MS, undefined, { signal });
  }
}

/**
 * Breaks a lock whose time has not moved while we watched: the library compares that time with the wall clock, and after
 * the clock was set back a dead process's lock would lie in the future and hold for as long.
 */
class StillLock {
  readonly #disk: Disk;
  readonly #lock: string;
  #seenMs: number | undefined;
  #sinceMs = 0;

  constructor(disk: Disk, lock: string) {
    this.#disk = disk;
    this.#lock = lock;
  }

  async look(): Promise<void> {
    const timeMs = await this.#disk.stat(this.#lock).then(
      ({ mtimeMs }) => mtimeMs,
      () => undefined,
    );
    if (timeMs === undefined || timeMs !== this.#seenMs) {
      this.#seenMs = timeMs;
      this.#sinceMs = performance.now();
    } else if (performance.now() - this.#sinceMs > STALE_MS) {
      await this.#disk.rmdir(this.#lock).catch(() => {});
    }
  }
}

const adapters = new WeakMap<Disk, Record<string, unknown>>();

/** The callback form of the port's calls that the lock library makes. One per port: the library keeps notes on it. */
function callbackForm(disk: Disk): Record<string, unknown> {
  const known = adapters.get(disk);
  if (known !== undefined) return known;
  const adapter: Record<string, unknown> = {
    mkdir: back((at) => disk.mkdir(at as string)),
    rmdir: back((at) => disk.rmdir(at as string)),
    stat: back((at) => disk.stat(at as string)),
    utimes: back((at, read, changed) => disk.utimes(at as string, read as Date, changed as Date)),
    // At exit there is no time for promises.
    rmdirSync,
  };
  adapters.set(disk, adapter);
  return adapter;
}

function back(act: (...given: unknown[]) => Promise<unknown>): (...given: unknown[]) => void {
  return (...given) => {
    const done = given.pop() as (error: unknown, value?: unknown) => void;
    act(...given).then(
      (value) => done(null, value),
      (error: unknown) => done(error),
    );
  };
}

function stillLocked(lockfilePath: string, timeoutMs: number): RedlineError {
  return new RedlineError("STORE_LOCKED", {
    what: lockfilePath,
    expected: `the lock within ${timeoutMs} ms`,
    hint: "another process is fetching this file: wait for it, or end it; a dead process's lock lapses by itself",
  });
}
