// Owns the power of one runtime: the watch on the runtime's clock, fed from its events. Knows no session object.
// Invariant: it keeps no process alive, and nothing of it outlives `close`.

import { SystemClock } from "./bindings/system-clock.js";
import type { BudgetSource, PowerAsk, PowerPressure } from "./core/budget.js";
import type { Clock } from "./core/clock.js";
import { RedlineError } from "./core/errors.js";
import { eventOf, type RedlineEvent } from "./core/events.js";
import type { CpuCalibration } from "./power/cpu-model.js";
import { checkPackageWatts, type FrozenPower } from "./power/power-policy.js";
import { type PowerPlaces, type PowerStats, PowerWatch } from "./power/power-watch.js";
import { RUNTIME_RULES } from "./runtime-scheduler.js";
import type { SchedulerRules } from "./scheduler/scheduler.js";
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

  /** @throws RedlineError `BUDGET_INVALID` */
  setPackageWatts(packageWatts: number): void {
    checkPackageWatts(packageWatts);
    this.watch.setPackageWatts(packageWatts);
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

/** No lateness waits longer than this for a rung, however long a budget's window is. */
const LADDER_WINDOW_US_MAX = 10_000_000;

/** The scheduler's numbers under a budget: one move a window, which is how long a move takes to show in the average. */
export function rulesUnder({ windowUs }: Pick<FrozenPower, "windowUs">): SchedulerRules {
  const { ladder, power } = RUNTIME_RULES;
  const moveUs = Math.min(LADDER_WINDOW_US_MAX, Math.max(ladder.windowUs, windowUs));
  return { ...RUNTIME_RULES, ladder: { ...ladder, windowUs: moveUs }, power: { ...power, windowUs } };
}

/** What needs a runtime that watches power, asked of one that does not. */
export function withoutPower(code: "BUDGET_INVALID" | "CONTRACT_INVALID", what: string): RedlineError {
  return new RedlineError(code, {
    what,
    expected: "a runtime that watches power",
    received: "a runtime without power options",
    hint: "createRuntime({ power: {} }) watches without a budget",
  });
}

/** A job that never started took nothing; what ran is on the processor until a plan can put it elsewhere. */
function settleFrom(watch: PowerWatch, { session, status, startedUs, cpuUs }: RedlineEvent): void {
  if (status === "" || startedUs < 0) return;
  watch.settle({ session, cpuUs, device: "cpu" });
}
