// Owns the watch for stalls of the machine: a process of its own, at the highest priority it may have, that does nothing but
// sleep and look how late it wakes. Knows no load. Invariant: what it finds is late for everyone, as nothing ordinary precedes it.

import { constants, setPriority } from "node:os";
import { monotonicUs } from "../../runtime/bindings/system-clock.js";
import { serveArm } from "../harness/child.js";
import type { TimeSpan } from "../harness/live-block.js";
import type { StallReport } from "../harness/stalls.js";

const NAP_MS = 2;
/** A wake later than this is a stall. A kernel's tick is 1 to 4 ms. */
const STALL_US = 5000;
/** The loop naps this long at most before it looks whether somebody asks. */
const ROUND_MS = 100;

let stalls: TimeSpan[] = [];
let isEnded = false;
const priority = raise();
const cell = new Int32Array(new SharedArrayBuffer(4));

serveArm(
  {
    report: async (): Promise<StallReport> => {
      const found = stalls;
      stalls = [];
      return { priority, stalls: found };
    },
  },
  async () => {
    isEnded = true;
  },
);
watch();

/** Naps without the event loop in between, which has pauses of its own; then lets the loop answer. */
function watch(): void {
  const endMs = performance.now() + ROUND_MS;
  while (performance.now() < endMs) {
    const fromUs = monotonicUs();
    Atomics.wait(cell, 0, 0, NAP_MS);
    const toUs = monotonicUs();
    if (toUs - fromUs > NAP_MS * 1000 + STALL_US) stalls.push({ fromUs, toUs });
  }
  if (!isEnded) setImmediate(watch);
}

/** The parent starts this program under `chrt` where that is permitted; else it is at least nicer than none. */
function raise(): string {
  if (process.env.REDLINE_STALL_WATCH === "fifo") return "real-time";
  try {
    setPriority(constants.priority.PRIORITY_HIGHEST);
    return "highest nice level";
  } catch {
    return "ordinary: the system permits no more, so a busy machine shows as stalls";
  }
}
