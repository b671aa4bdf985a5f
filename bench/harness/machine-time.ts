// Owns what all processors of the machine did, from /proc/stat: busy, idle and stolen time. Knows no process.
// Invariant: a reading the platform does not offer is null, never zero.

import { readFileSync } from "node:fs";

/** Time of all processors together since boot, in microseconds. */
export interface MachineTime {
  /** Running something, of whatever process or the kernel. */
  readonly busyUs: number;
  readonly idleUs: number;
  /** Wanted, but given to others by the hypervisor. */
  readonly stolenUs: number;
}

/** Ticks of /proc are hundredths of a second on every Linux since 2.6 (USER_HZ). */
const TICK_US = 10_000;

/** Reads the machine's time now; null where there is no /proc/stat. */
export function readMachineTime(path = "/proc/stat"): MachineTime | null {
  try {
    return parseMachineTime(readFileSync(path, "utf8"));
  } catch {
    return null;
  }
}

/**
 * The first line of /proc/stat: user, nice, system, idle, iowait, irq, softirq, steal, guest, guest_nice. Guest time is in
 * user and nice already.
 */
export function parseMachineTime(text: string): MachineTime | null {
  const [name, ...fields] = (text.split("\n")[0] ?? "").trim().split(/\s+/);
  const ticks = fields.map(Number);
  if (name !== "cpu" || ticks.length < 8 || ticks.some((value) => !Number.isFinite(value))) return null;
  const [user = 0, nice = 0, system = 0, idle = 0, wait = 0, irq = 0, soft = 0, steal = 0] = ticks;
  return {
    busyUs: (user + nice + system + irq + soft) * TICK_US,
    idleUs: (idle + wait) * TICK_US,
    stolenUs: steal * TICK_US,
  };
}

/** What passed between two readings; null when either is missing. */
export function timeBetween(from: MachineTime | null, to: MachineTime | null): MachineTime | null {
  if (from === null || to === null) return null;
  return {
    busyUs: to.busyUs - from.busyUs,
    idleUs: to.idleUs - from.idleUs,
    stolenUs: to.stolenUs - from.stolenUs,
  };
}
