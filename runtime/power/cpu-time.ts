// Owns how busy the processors are: of the whole machine and of this process. Knows no watt.
// Invariant: both figures only grow; what the machine does not tell is undefined, not zero.

import { closeSync, openSync, readSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";

/** Processor time since some start, in microseconds. */
export interface CpuTime {
  /** Of all processors of the machine together; undefined where it cannot be read. */
  readonly machineUs: number | undefined;
  readonly processUs: number;
}

/** The port through which processor time is read. */
export interface CpuClock {
  /** Processors that can be busy at once. */
  readonly cores: number;
  read(): Promise<CpuTime>;
}

// The kernel's USER_HZ is 100 on every architecture it is built for.
const TICK_US = 10_000;

/** The first line of /proc/stat is at most ten numbers of 64 bits. */
const FIRST_LINE_BYTES = 256;

/** The processors of this machine. `procRoot` stands in for /proc. */
export function machineCpuClock(procRoot = "/proc"): CpuClock {
  const path = join(procRoot, "stat");
  const line = Buffer.alloc(FIRST_LINE_BYTES);
  return {
    cores: Math.max(1, cpus().length),
    read: async () => {
      const text = firstLine(path, line);
      const machineUs = text === undefined ? fromSystem() : parseStat(text);
      const { user, system } = process.cpuUsage();
      return { machineUs, processUs: user + system };
    },
  };
}

/** The kernel answers from memory, so that reading at once costs a tenth of what handing it to another thread does. */
function firstLine(path: string, line: Buffer): string | undefined {
  try {
    const file = openSync(path, "r");
    try {
      return line.toString("latin1", 0, readSync(file, line, 0, line.length, 0)).split("\n", 1)[0];
    } finally {
      closeSync(file);
    }
  } catch {
    return undefined;
  }
}

/**
 * The busy time of the first line of /proc/stat: user, nice, system, irq and softirq. Guest time is part of user; idle
 * and waiting are not busy, and stolen time was another machine's.
 */
export function parseStat(text: string): number | undefined {
  const [word, ...fields] = (text.split("\n", 1)[0] as string).trim().split(/\s+/);
  const ticks = fields.map(Number);
  const [user, nice, system, , , irq, softirq] = ticks;
  const busy = [user, nice, system, irq, softirq];
  const isWhole = busy.every((tick) => tick !== undefined && Number.isSafeInteger(tick) && tick >= 0);
  if (word !== "cpu" || !isWhole) return undefined;
  return (busy as number[]).reduce((sum, tick) => sum + tick, 0) * TICK_US;
}

/** Where there is no /proc: milliseconds per processor, from the operating system's own counters. */
function fromSystem(): number | undefined {
  const times = cpus().map(({ times: { user, nice, sys, irq } }) => user + nice + sys + irq);
  return times.length === 0 ? undefined : times.reduce((sum, ms) => sum + ms, 0) * 1000;
}
