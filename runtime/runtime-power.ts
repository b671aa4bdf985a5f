// Owns the power of one runtime: the watch on the runtime's clock, fed from its events. Knows no session object.
// Invariant: it keeps no process alive, and nothing of it outlives `close`.

import { SystemClock } from "./bindings/system-clock.js";
import type { BudgetSource, PowerAsk, PowerPressure } from "./core/budget.js";
import type { Clock } from "./core/clock.js";
import { eventOf, type RedlineEvent } from "./core/events.js";
import type { CpuCalibration } from "./power/cpu-model.js";
import type { FrozenPower } from "./power/power-policy.js";
import { type PowerPlaces, type PowerStats, PowerWatch } from "./power/power-watch.js";
import type { EventHub } from "./telemetry/event-hub.js";

/** What a runtime's power is made of. */
export interface RuntimePowerOptions extends PowerPlaces {
  readonly power: FrozenPower;
  readonly clock: Clock;
  readonly events: EventHub;
}

/** The budget and the account of one runtime. */
export class RuntimePower implements BudgetSource {
  private constructor(
    private readonly watch: PowerWatch,
    private readonly unsubscribe: () => void,
  ) {}

  /** Takes the first readings, then goes on beside the runtime. */
  static async open({ power, clock, events, ...places }: RuntimePowerOptions): Promise<RuntimePower> {
    const watch = await PowerWatch.start({
      ...places,
      power,
      clock: new SystemClock(() => clock.nowUs(), { holdsProcess: false }),
      onChange: (detail) => events.emit(eventOf({ kind: "power.change", atUs: clock.nowUs(), detail })),
    });
    return new RuntimePower(
      watch,
      events.subscribe((event) => settleFrom(watch, event)),
    );
  }

  pressure(): PowerPressure {
    return this.watch.pressure();
  }

  ask(): PowerAsk {
    return this.watch.ask();
  }

  get calibration(): CpuCalibration {
    return this.watch.calibration;
  }

  overspent(): ReadonlyMap<string, string> {
    return this.watch.overspent();
  }

  /** Announces a session, with what its contract allows a job. */
  announce(session: string, promise: { readonly energyMj?: number | undefined }): void {
    this.watch.open(session, promise);
  }

  stats(): PowerStats {
    return this.watch.stats();
  }

  async close(): Promise<void> {
    this.unsubscribe();
    await this.watch.close();
  }
}

/** A job that never started took nothing; what ran is on the processor until a plan can put it elsewhere. */
function settleFrom(watch: PowerWatch, { session, status, startedUs, cpuUs }: RedlineEvent): void {
  if (status === "" || startedUs < 0) return;
  watch.settle({ session, cpuUs, device: "cpu" });
}
