// Owns the idea of time: a monotonic microsecond clock with alarms. Knows no operating-system timer.
// Invariant: every duration inside the runtime is an integer number of microseconds on one such clock.

/** A pending alarm. Cancelling one that has rung does nothing. */
export interface Alarm {
  cancel(): void;
}

/**
 * The port through which all code reads time and waits.
 *
 * The production clock is the native host's monotonic clock; tests and the simulator pass a virtual one.
 *
 * @example
 * const startedUs = clock.nowUs();
 * const alarm = clock.setAlarm(startedUs + 5_000, () => console.log("5 ms later"));
 * alarm.cancel();
 */
export interface Clock {
  /** Monotonic time in integer microseconds since an arbitrary, process-wide origin. */
  nowUs(): number;
  /** Calls `ring` once, at or after `atUs`. Never calls it synchronously. */
  setAlarm(atUs: number, ring: () => void): Alarm;
}

/** Waits until `atUs` on the clock, or until the signal fires if that is sooner. Resolves either way. */
export function sleepUntil(
  atUs: number,
  { clock, signal }: { readonly clock: Clock; readonly signal?: AbortSignal | undefined },
): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      alarm.cancel();
      signal?.removeEventListener("abort", end);
      resolve();
    };
    const alarm = clock.setAlarm(atUs, end);
    if (signal?.aborted === true) end();
    else signal?.addEventListener("abort", end, { once: true });
  });
}

/** Microseconds in `ms` milliseconds, rounded to an integer. */
export function usFromMs(ms: number): number {
  return Math.round(ms * 1000);
}
