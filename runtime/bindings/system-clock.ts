// Owns the production clock: a monotonic reading and alarms on the event loop. Knows no virtual time.
// Invariant: alarms ring at or after their time, never before and never synchronously.

import type { Alarm, Clock } from "../core/clock.js";

// setTimeout's argument is a 32-bit number of milliseconds.
const LONGEST_TIMEOUT_MS = 2_147_483_647;

/** Microseconds of the operating system's monotonic clock: the same one the native host and every process reads. */
export function monotonicUs(): number {
  return Number(process.hrtime.bigint() / 1000n);
}

/** The clock of a running program. Alarms have the event loop's granularity of one millisecond. */
export class SystemClock implements Clock {
  private readonly holdsProcess: boolean;

  /** @param options With `holdsProcess: false` a pending alarm keeps no process from ending. Default true. */
  constructor(
    readonly nowUs: () => number = monotonicUs,
    { holdsProcess = true }: { readonly holdsProcess?: boolean } = {},
  ) {
    this.holdsProcess = holdsProcess;
  }

  setAlarm(atUs: number, ring: () => void): Alarm {
    let timer: NodeJS.Timeout | undefined;
    const wait = (): void => {
      const remainingMs = Math.ceil((atUs - this.nowUs()) / 1000);
      timer = setTimeout(
        () => (this.nowUs() >= atUs ? ring() : wait()),
        Math.min(LONGEST_TIMEOUT_MS, Math.max(0, remainingMs)),
      );
      if (!this.holdsProcess) timer.unref();
    };
    wait();
    return { cancel: () => clearTimeout(timer) };
  }
}
