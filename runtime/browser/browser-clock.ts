// Owns time in a browser: the page's own monotonic clock in microseconds. Knows no job.

import type { Alarm, Clock } from "../core/clock.js";

/** The clock of a page or worker; a browser may make it as coarse as a tenth of a millisecond. */
export const BROWSER_CLOCK: Clock = Object.freeze({
  nowUs: () => Math.round(performance.now() * 1000),
  setAlarm: (atUs: number, ring: () => void): Alarm => {
    const timer = setTimeout(ring, Math.max(0, atUs / 1000 - performance.now()));
    return { cancel: () => clearTimeout(timer) };
  },
});
