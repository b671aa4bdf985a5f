// Owns what background work made of the processor time that nothing else used. Knows no model and no process.
// Invariant: two rates are compared that come from the same machine in the same run; time stolen from it counts for neither.

import type { HogsAloneResult } from "./live-block.js";

/** Hogs over all blocks of one kind. */
export class LeftOver {
  runs = 0;
  /** Processor time the hogs used or might have used: their own and the idle time; null once it could not be read. */
  availableUs: number | null = 0;

  /** Takes a block: what the hogs did and what the machine did in that time. */
  add({ hogs, machine }: HogsAloneResult): void {
    this.runs += hogs.runs;
    this.availableUs =
      this.availableUs === null || machine === null ? null : this.availableUs + machine.idleUs + hogs.cpuUs;
  }

  /** Runs of a second of one processor that was theirs to use. */
  get runsPerCoreS(): number | null {
    return this.availableUs === null || this.availableUs === 0 ? null : this.runs / (this.availableUs / 1e6);
  }
}

/** The share of the runs made that the same hogs, alone, make of as much processor time; null when a figure is missing. */
export function shareOfAlone(beside: LeftOver, alone: LeftOver): number | null {
  const ours = beside.runsPerCoreS;
  const best = alone.runsPerCoreS;
  return ours === null || best === null || best === 0 ? null : ours / best;
}
