// Owns how many watts are still to be saved, or may be spent, at this instant. Knows no sensor and no session.
// Invariant: a figure nobody measured never becomes headroom; moves whose effect the reading cannot show yet are counted.

import type { PowerPressure } from "../core/budget.js";

/** How readings and moves are put together. */
export interface PowerNeedRules {
  /** The governor's averaging window: for so long a move is not yet in the reading. */
  readonly windowUs: number;
  /** Share of the budget left free by the plan after a climb, and by what is guessed while a sensor is lost. */
  readonly guard: number;
  /** What the package draws with nothing running, if it is known. */
  readonly idleWatts: number | "unknown";
}

/** Ten windows of the governor at its ten readings a second; five percent is what a modelled meter errs by. */
export const POWER_NEED_RULES: PowerNeedRules = { windowUs: 1_000_000, guard: 0.05, idleWatts: "unknown" };

/** What the ladder asks before it moves. */
export class PowerNeed {
  private pressure: PowerPressure | undefined;
  /** The last reading, and the planned watts when it was taken: what stands in while a sensor is lost. */
  private known: { readonly watts: number; readonly planned: number | "unknown" } | undefined;
  private recent: { readonly atUs: number; readonly watts: number }[] = [];

  constructor(private readonly rules: PowerNeedRules = POWER_NEED_RULES) {}

  /** The governor has published. */
  take(pressure: PowerPressure, planned: number | "unknown"): void {
    this.pressure = pressure;
    if (pressure.watts !== "unknown") this.known = { watts: pressure.watts, planned };
  }

  get last(): PowerPressure | undefined {
    return this.pressure;
  }

  /** A session has moved; `watts` is what that adds to the plan, below zero for a saving. */
  noteMove(watts: number | "unknown", { nowUs }: { readonly nowUs: number }): void {
    this.recent = this.recent.filter(({ atUs }) => nowUs - atUs <= this.rules.windowUs);
    if (watts !== "unknown") this.recent.push({ atUs: nowUs, watts });
  }

  /** Watts still to be saved (above zero) or left to spend (below zero); -Infinity without a budget. */
  needWatts(planned: number | "unknown"): number {
    const { pressure } = this;
    if (pressure === undefined || pressure.budgetWatts === Number.POSITIVE_INFINITY) {
      return Number.NEGATIVE_INFINITY;
    }
    if (pressure.watts === "unknown") return this.blindNeed(pressure, planned);
    const underwayWatts = this.underway(pressure.atUs);
    if (pressure.saveWatts > 0) return Math.max(0, pressure.saveWatts + underwayWatts);
    // Zero asks to stay: a saving under way is no headroom before it is read. A climb under way uses headroom up, and is no
    // excess, or the next look would undo it.
    return Math.min(0, pressure.saveWatts + Math.max(0, underwayWatts));
  }

  /** Whether a climb that adds `extraWatts` stays under the budget by what was measured and by what is planned. */
  hasRoomFor(extraWatts: number | "unknown", { planned }: { readonly planned: number | "unknown" }): boolean {
    const { pressure, rules } = this;
    // Back to a device that is cheaper, or to a rung that costs nothing more.
    if (extraWatts !== "unknown" && extraWatts <= 0) return true;
    const need = this.needWatts(planned);
    if (need === Number.NEGATIVE_INFINITY) return true;
    if (pressure === undefined || pressure.watts === "unknown") return false;
    // A step of unknown cost is tried where a fifth of the budget is free; the ladder's calm bounds how often.
    if (extraWatts === "unknown") return need <= -0.2 * pressure.budgetWatts;
    // The governor has kept its own guard free of what it offers.
    if (need + extraWatts > 0) return false;
    if (planned === "unknown" || rules.idleWatts === "unknown") return true;
    return rules.idleWatts + planned + extraWatts <= (1 - rules.guard) * pressure.budgetWatts;
  }

  /** Without a reading: the last one, moved by what the plan has changed since, against the budget of now. */
  private blindNeed(pressure: PowerPressure, planned: number | "unknown"): number {
    const known = this.known;
    if (known === undefined) return Math.max(0, pressure.saveWatts);
    const change = planned === "unknown" || known.planned === "unknown" ? 0 : planned - known.planned;
    return Math.max(0, known.watts + change - (1 - this.rules.guard) * pressure.budgetWatts);
  }

  /** What the moves of the last window still add to the reading of `readUs`, an average in which they show little by little. */
  private underway(readUs: number): number {
    let sum = 0;
    for (const { atUs, watts } of this.recent) {
      const shown = Math.min(1, Math.max(0, (readUs - atUs) / this.rules.windowUs));
      sum += (1 - shown) * watts;
    }
    return sum;
  }
}
