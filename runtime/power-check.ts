// Owns the examination of this machine's power for people: the survey on this machine's own clock. Changes nothing.

import { SystemClock } from "./bindings/system-clock.js";
import { freezePower, type PowerOptions } from "./power/power-policy.js";
import { type PowerSurvey, type PowerSurveyOptions, surveyPower } from "./power/power-survey.js";

/** Where and how long to look. Everything has a default. */
export interface ExaminePowerOptions
  extends Pick<PowerSurveyOptions, "sysRoot" | "procRoot" | "run" | "spanMs" | "signal"> {
  /** The options a runtime would be given: their thermal bands and calibration are used here as well. */
  readonly power?: PowerOptions;
}

/**
 * Reads every power meter, thermal zone and supply of this machine twice, a moment apart, and says which can be
 * read, what they say, and what to do about those that cannot. Never throws for something that is missing.
 *
 * @throws RedlineError `BUDGET_INVALID` when the power options are not valid.
 *
 * @example
 * const { package: whole, meters } = await examinePower({ spanMs: 500 });
 * console.log(whole.figure.watts, whole.figure.source, meters.length);
 */
export async function examinePower({ power, ...rest }: ExaminePowerOptions = {}): Promise<PowerSurvey> {
  return surveyPower({ ...rest, power: freezePower(power), clock: new SystemClock() });
}
