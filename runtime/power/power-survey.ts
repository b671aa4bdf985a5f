// Owns one look at everything a machine tells about power and heat: every meter, live, readable or not. Changes nothing.
// Invariant: a meter that is there is listed; one that cannot be read says why and, where that is known, what to do.

import type { PowerBand } from "../core/budget.js";
import { type Clock, sleepUntil } from "../core/clock.js";
import { readSupply, type SupplyReading } from "./battery.js";
import { defaultCalibration, ModelledMeter } from "./cpu-model.js";
import { CpuPreference } from "./cpu-preference.js";
import { type CpuClock, machineCpuClock } from "./cpu-time.js";
import { findMeters, findUnmetered } from "./machine-meters.js";
import type { MeterScope, PowerFigure, PowerMeter } from "./meter.js";
import { type CommandRunner, runCommand } from "./nvidia.js";
import { PackageMeter, type PackageReading } from "./package-meter.js";
import type { FrozenPower } from "./power-policy.js";
import type { PowerPlaces } from "./power-watch.js";
import { diskTree } from "./sys-tree.js";
import { type CoolingDevice, readThermal, type ThermalZone } from "./thermal.js";
import { ThermalBands } from "./thermal-band.js";

/** One meter and what it says now. */
export interface MeterState extends PowerFigure {
  readonly id: string;
  readonly label: string;
  readonly kind: PowerMeter["kind"];
  readonly scope: MeterScope;
}

/** What a machine tells about its power. */
export interface PowerSurvey {
  readonly supply: SupplyReading;
  /** Every meter; the modelled one last. */
  readonly meters: readonly MeterState[];
  /** The figure a budget would be held against, and where it comes from. */
  readonly package: PackageReading;
  /** What this process takes of it, by its processor time. */
  readonly processWatts: number | "unknown";
  /** Cards and NPUs whose draw nothing here tells. */
  readonly unmetered: readonly string[];
  readonly zones: readonly ThermalZone[];
  readonly coolers: readonly CoolingDevice[];
  readonly band: PowerBand;
  /** Why the band is what it is; empty in green. */
  readonly bandCause: string;
  /** The kernel's energy preference of each processor policy that has one. */
  readonly cpuPreference: Readonly<Record<string, string>>;
}

/** How a survey looks. */
export interface PowerSurveyOptions extends PowerPlaces {
  readonly clock: Clock;
  /** Time between the two readings a counter needs. Default 300 ms. */
  readonly spanMs?: number;
  readonly signal?: AbortSignal;
  readonly run?: CommandRunner;
  readonly cpu?: CpuClock;
  readonly power?: Pick<FrozenPower, "limits" | "calibration">;
}

/** Reads everything twice, a moment apart: counters of energy need two readings. Never throws for what is missing. */
export async function surveyPower(options: PowerSurveyOptions): Promise<PowerSurvey> {
  const { clock, signal, spanMs = 300 } = options;
  const read = await openSurvey(options);
  await read();
  await sleepUntil(clock.nowUs() + spanMs * 1000, { clock, signal });
  return read();
}

/** Finds the meters; each call of what it answers covers the time since the one before. */
async function openSurvey(options: PowerSurveyOptions): Promise<() => Promise<PowerSurvey>> {
  const sys = diskTree(options.sysRoot ?? "/sys");
  const cpu = options.cpu ?? machineCpuClock(options.procRoot);
  const meters = await findMeters(sys, { run: options.run ?? runCommand });
  const unmetered = await findUnmetered(sys, meters);
  const typical = await defaultCalibration(sys, { cores: cpu.cores, arch: process.arch });
  const model = new ModelledMeter(cpu, options.power?.calibration ?? typical);
  // Meters of its own: what a counter says belongs to whoever read it before.
  const whole = new PackageMeter(await findMeters(sys), model);
  const bands = new ThermalBands(options.power?.limits);
  return async () => {
    const atUs = options.clock.nowUs();
    const thermal = await readThermal(sys);
    const { band, cause: bandCause } = bands.step(thermal);
    const states = await Promise.all(meters.map((meter) => stateOf(meter, atUs)));
    const reading = await whole.read(atUs);
    const { load, calibration } = model;
    return {
      supply: await readSupply(sys),
      meters: [...states, await stateOf(model, atUs)],
      package: reading,
      processWatts: load === undefined ? "unknown" : load.processCores * calibration.wattsPerCore,
      unmetered,
      zones: thermal.zones,
      coolers: thermal.coolers,
      band,
      bandCause,
      cpuPreference: (await new CpuPreference(sys).read()).words,
    };
  };
}

async function stateOf(meter: PowerMeter, atUs: number): Promise<MeterState> {
  const { id, label, kind, scope } = meter;
  return { id, label, kind, scope, ...(await meter.read(atUs)) };
}
