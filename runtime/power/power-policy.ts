// Owns what a preset, a supply and a band ask for, and the checks of the power options. Decides for no session.
// Invariant: a frozen policy holds only values the checks here accept; every number of a preset can be overridden.

import { AS_PLANNED, type PowerAsk, type PowerBand } from "../core/budget.js";
import { usFromMs } from "../core/clock.js";
import { RedlineError } from "../core/errors.js";
import type { SupplyReading } from "./battery.js";
import type { CpuCalibration } from "./cpu-model.js";
import type { ThermalLimits } from "./thermal-band.js";

/** How a machine weighs energy against time. */
export const POWER_PRESETS = ["saver", "balanced", "performance"] as const;
/** One of these presets. */
export type PowerPreset = (typeof POWER_PRESETS)[number];

/**
 * The power budget of a runtime. Everything has a default; without `packageWatts` heat alone limits.
 *
 * @example
 * const power: PowerOptions = { packageWatts: 12, windowMs: 1000, preset: "balanced" };
 */
export interface PowerOptions {
  /** Most average draw of the package over any window, in watts. */
  readonly packageWatts?: number;
  /** The window the average is taken over, in milliseconds: 500 to 3600000. Default 1000. */
  readonly windowMs?: number;
  /** Default `balanced`. */
  readonly preset?: PowerPreset;
  /** Share of `packageWatts` that may be used on battery, above 0 to 1. Default: 0.5, 0.8 or 1 by preset. */
  readonly batteryShare?: number;
  /** At and below this charge the preset is `saver`, in percent. Default 15. */
  readonly lowBatteryPercent?: number;
  /** Where the thermal bands begin, in degrees Celsius. Default: the zones' own trip points, else 75, 85 and 95. */
  readonly bands?: ThermalLimits;
  /** Share of the budget that each band leaves, above 0 to 1. Default 0.85, 0.6 and 0.4. */
  readonly bandShares?: { readonly yellow: number; readonly red: number; readonly danger: number };
  /**
   * `set`: the kernel's energy preference of every processor follows preset and band where this process may write it, for
   * the whole machine, and is put back by `close` (not by a process that is killed). Default `leave`.
   */
  readonly cpuPreference?: "leave" | "set";
  /** What the processor draws, where no counter can be read and the typical figures are too coarse. */
  readonly calibration?: { readonly idleWatts: number; readonly wattsPerCore: number };
}

/** Checked options with every default filled in, in integer microseconds. */
export interface FrozenPower {
  /** Infinity without a budget. */
  readonly packageWatts: number;
  readonly windowUs: number;
  readonly preset: PowerPreset;
  readonly batteryShare: number | undefined;
  readonly lowBatteryPercent: number;
  readonly limits: ThermalLimits | undefined;
  readonly bandShares: Readonly<Record<PowerBand, number>>;
  readonly setsCpuPreference: boolean;
  readonly calibration: CpuCalibration | undefined;
}

/** Shorter windows hold fewer than five readings; an hour's average says nothing a minute's does not. */
const LEAST_WINDOW_MS = 500;
const MOST_WINDOW_MS = 3_600_000;
const MOST_PACKAGE_WATTS = 10_000;

/**
 * Checks the options and fills in their defaults.
 *
 * @throws RedlineError `BUDGET_INVALID` naming the field, the value received and what is accepted.
 */
export function freezePower(options: PowerOptions = {}): FrozenPower {
  const {
    packageWatts,
    windowMs = 1000,
    preset = "balanced",
    batteryShare,
    lowBatteryPercent = 15,
  } = options;
  const { yellow, red, danger } = options.bandShares ?? { yellow: 0.85, red: 0.6, danger: 0.4 };
  if (packageWatts !== undefined) checkPackageWatts(packageWatts);
  check("windowMs", windowMs, { least: LEAST_WINDOW_MS, most: MOST_WINDOW_MS });
  if (!POWER_PRESETS.includes(preset)) refuse("preset", preset, POWER_PRESETS.join(", "));
  if (batteryShare !== undefined) check("batteryShare", batteryShare, { above: 0, most: 1 });
  const { cpuPreference = "leave" } = options;
  if (cpuPreference !== "leave" && cpuPreference !== "set")
    refuse("cpuPreference", cpuPreference, "leave, set");
  check("lowBatteryPercent", lowBatteryPercent, { least: 0, most: 100 });
  check("bandShares.danger", danger, { above: 0, most: 1 });
  check("bandShares.red", red, { least: danger, most: 1 });
  check("bandShares.yellow", yellow, { least: red, most: 1 });
  return Object.freeze({
    packageWatts: packageWatts ?? Number.POSITIVE_INFINITY,
    windowUs: usFromMs(windowMs),
    preset,
    batteryShare,
    lowBatteryPercent,
    limits: options.bands === undefined ? undefined : freezeLimits(options.bands),
    bandShares: Object.freeze({ green: 1, yellow, red, danger }),
    setsCpuPreference: cpuPreference === "set",
    calibration: options.calibration === undefined ? undefined : freezeCalibration(options.calibration),
  });
}

/**
 * Whether a budget makes sense by itself.
 *
 * @throws RedlineError `BUDGET_INVALID`.
 */
export function checkPackageWatts(packageWatts: number): void {
  check("packageWatts", packageWatts, { above: 0, most: MOST_PACKAGE_WATTS });
}

function freezeLimits(limits: ThermalLimits): ThermalLimits {
  const { yellowC, redC, dangerC, hysteresisC } = limits;
  check("bands.yellowC", yellowC, { least: -40, most: 150 });
  check("bands.redC", redC, { above: yellowC, most: 150 });
  check("bands.dangerC", dangerC, { above: redC, most: 150 });
  check("bands.hysteresisC", hysteresisC, { least: 0, most: 50 });
  return Object.freeze({ yellowC, redC, dangerC, hysteresisC });
}

function freezeCalibration(given: { idleWatts: number; wattsPerCore: number }): CpuCalibration {
  check("calibration.idleWatts", given.idleWatts, { least: 0, most: 1000 });
  check("calibration.wattsPerCore", given.wattsPerCore, { above: 0, most: 100 });
  return Object.freeze({ ...given, origin: "given in the options" });
}

function check(field: string, value: number, range: { above?: number; least?: number; most: number }): void {
  const { above, least, most } = range;
  const isInside = above === undefined ? value >= (least as number) : value > above;
  if (typeof value === "number" && isInside && value <= most) return;
  const from = above === undefined ? `at least ${least}` : `more than ${above}`;
  refuse(field, value, `${from}, at most ${most}`);
}

function refuse(field: string, received: unknown, expected: string): never {
  throw new RedlineError("BUDGET_INVALID", {
    what: `power.${field}`,
    expected,
    received: String(received),
    hint: "see PowerOptions in the API documentation",
  });
}

/** Share of the budget a preset uses, by supply: the rest is what it saves for later. */
const SUPPLY_SHARES: Readonly<Record<PowerPreset, { readonly mains: number; readonly battery: number }>> = {
  saver: { mains: 0.7, battery: 0.5 },
  balanced: { mains: 1, battery: 0.8 },
  performance: { mains: 1, battery: 1 },
};

/** How far a charge must rise above the low mark before the machine counts as charged again. */
const CHARGE_HYSTERESIS_PERCENT = 5;

/** The preset that applies, with hysteresis at the low mark. Give it every reading, in order. */
export class SupplyPolicy {
  private isLow = false;

  constructor(private readonly power: FrozenPower) {}

  /** The preset in force and the share of the budget it leaves. */
  step({ source, batteryPercent }: SupplyReading): { preset: PowerPreset; share: number } {
    const power = this.power;
    const mark = power.lowBatteryPercent + (this.isLow ? CHARGE_HYSTERESIS_PERCENT : 0);
    // An unreadable charge on battery leaves the last word standing.
    if (batteryPercent !== undefined) this.isLow = batteryPercent <= mark;
    if (source !== "battery") this.isLow = false;
    const preset = this.isLow ? "saver" : power.preset;
    const shares = SUPPLY_SHARES[preset];
    if (source !== "battery") return { preset, share: shares.mains };
    const own = power.batteryShare ?? shares.battery;
    return { preset, share: this.isLow ? Math.min(own, shares.battery) : own };
  }
}

const AS_LITTLE: PowerAsk = Object.freeze({
  rung: "lowest-that-keeps-the-contract",
  rate: "lowest-that-keeps-the-contract",
  threads: "one",
  spin: "never",
  device: "least-energy",
  workloadType: "Efficient",
  cpuPreference: "power",
});

/** What is asked for besides watts. Levers that cost no contract anything come first; rungs and rates last. */
export function askFor({
  preset,
  band,
}: {
  readonly preset: PowerPreset;
  readonly band: PowerBand;
}): PowerAsk {
  if (preset === "saver" || band === "red" || band === "danger") return AS_LITTLE;
  if (band === "yellow") return YELLOW;
  return preset === "performance" ? PERFORMANCE : BALANCED;
}

const BALANCED: PowerAsk = Object.freeze({ ...AS_PLANNED, spin: "never" });
const PERFORMANCE: PowerAsk = Object.freeze({ ...AS_PLANNED, cpuPreference: "performance" });
const YELLOW: PowerAsk = Object.freeze({
  ...AS_PLANNED,
  spin: "never",
  device: "least-energy",
  workloadType: "Efficient",
  cpuPreference: "balance_power",
});
