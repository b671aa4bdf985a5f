// Owns how much of the machine others used while a trial ran, and whether its row can be believed.
// Invariant: what cannot be read is null and disturbs nothing; a disturbed row is marked, never left out.

import type { MachineTime } from "../harness/machine-time.js";

/** What others took. */
export interface ForeignLoad {
  /** Share of all processors' time that other processes used; null where it cannot be read. */
  readonly share: number | null;
  /** Share that the hypervisor gave to others. */
  readonly stolenShare: number | null;
  readonly isDisturbed: boolean;
}

/** A tenth of a core of four, or a twentieth of both of two: less is a machine's own housekeeping. */
const MOST_FOREIGN = 0.05;
const MOST_STOLEN = 0.01;

/** Reads it from what the machine did and what the trial's own processes used. */
export function foreignLoad(machine: MachineTime | null, ownCpuUs: number): ForeignLoad {
  const allUs = machine === null ? 0 : machine.busyUs + machine.idleUs + machine.stolenUs;
  if (machine === null || allUs <= 0 || ownCpuUs < 0)
    return { share: null, stolenShare: null, isDisturbed: false };
  const share = Math.max(0, machine.busyUs - ownCpuUs) / allUs;
  const stolenShare = machine.stolenUs / allUs;
  return { share, stolenShare, isDisturbed: share > MOST_FOREIGN || stolenShare > MOST_STOLEN };
}
