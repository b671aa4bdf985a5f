// Owns stalls of the machine as a bench sees them: the watching process, and which misses lie in a stall.
// Invariant: a stall is told, and takes no miss away.

import { spawnSync } from "node:child_process";
import { type ArmProcess, startArm } from "./child.js";
import type { TimeSpan } from "./live-block.js";

/** What the watch has seen since it was last asked. */
export interface StallReport {
  /** At which priority it watches, in words. */
  readonly priority: string;
  readonly stalls: readonly TimeSpan[];
}

/** A watch that runs beside the arms. */
export class StallWatch {
  private constructor(private readonly process: ArmProcess) {}

  static async start(): Promise<StallWatch> {
    const isFifo = spawnSync("chrt", ["-f", "1", "true"], { stdio: "ignore" }).status === 0;
    const watch = await startArm(
      "arms/stall-watch.js",
      isFifo ? { env: { REDLINE_STALL_WATCH: "fifo" } } : {},
    );
    if (isFifo) spawnSync("chrt", ["-a", "-f", "-p", "1", String(watch.pid)], { stdio: "ignore" });
    return new StallWatch(watch);
  }

  /** What was seen since the last call. */
  report(): Promise<StallReport> {
    return this.process.ask<StallReport>("report");
  }

  close(): Promise<void> {
    return this.process.close();
  }
}

/** How many of the spans lie, at least in part, in a stall. */
export function countStalled(spans: readonly TimeSpan[], stalls: readonly TimeSpan[]): number {
  return spans.filter(({ fromUs, toUs }) =>
    stalls.some((stall) => stall.fromUs < toUs && fromUs < stall.toUs),
  ).length;
}
