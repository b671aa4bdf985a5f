// Owns the production governor behind the simulator's port: its trust in a sensor, its window and its bands.
// Knows no scheduler.

import { PowerGovernor } from "../../runtime/power/governor.js";
import { plausible, unknown } from "../../runtime/power/meter.js";
import { freezePower } from "../../runtime/power/power-policy.js";
import { SensorTrust } from "../../runtime/power/sensor-trust.js";
import { type Governor, POWER_WINDOW_US } from "./package-power.js";

/** The governor as it ships, on mains: what a battery changes is the budget, which the house sets. */
export function shippedGovernor(Made = PowerGovernor, windowUs = POWER_WINDOW_US): Governor {
  const governor = new Made(freezePower({ windowMs: windowUs / 1000 }));
  const trust = new SensorTrust("package");
  return ({ atUs, watts, budgetWatts, band, busyCores }) => {
    governor.setBudget(budgetWatts);
    const read =
      watts === "unknown" ? unknown("lost") : plausible(watts, { scope: "package", what: "package" });
    const figure = trust.judge({ atUs, figure: read, busyCores });
    return governor.step({ atUs, figure, band, supply: { source: "mains", batteryPercent: undefined } });
  };
}
