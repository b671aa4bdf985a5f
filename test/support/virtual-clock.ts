// Owns a clock that moves only when told. Knows no operating-system timer.
// Invariant: alarms ring in order of time, then of setting, and never inside `setAlarm`.

import type { Alarm, Clock } from "../../runtime/core/clock.js";

interface PendingAlarm {
  readonly atUs: number;
  readonly ring: () => void;
}

/** Virtual microseconds from 0. */
export class VirtualClock implements Clock {
  private timeUs = 0;
  private readonly alarms = new Set<PendingAlarm>();

  nowUs(): number {
    return this.timeUs;
  }

  setAlarm(atUs: number, ring: () => void): Alarm {
    const alarm = { atUs, ring };
    this.alarms.add(alarm);
    return { cancel: () => this.alarms.delete(alarm) };
  }

  /** Moves time to `untilUs`, ringing every alarm on the way; lets promises settle after each. */
  async advanceTo(untilUs: number): Promise<void> {
    for (;;) {
      await settlePromises();
      const next = this.nextAlarm();
      if (!next || next.atUs > untilUs) break;
      this.alarms.delete(next);
      this.timeUs = Math.max(this.timeUs, next.atUs);
      next.ring();
    }
    this.timeUs = Math.max(this.timeUs, untilUs);
    await settlePromises();
  }

  private nextAlarm(): PendingAlarm | undefined {
    let earliest: PendingAlarm | undefined;
    for (const alarm of this.alarms) if (!earliest || alarm.atUs < earliest.atUs) earliest = alarm;
    return earliest;
  }
}

/** Lets every promise that can settle without time do so. */
function settlePromises(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
