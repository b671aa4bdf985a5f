// Owns reading thermal zones, their trip points and cooling devices. Knows no band and no budget.
// Invariant: a temperature outside of what silicon survives is unknown with its reason.

import { readNumber, readWord, type SysTree } from "./sys-tree.js";

const FOLDER = "class/thermal";
// Silicon is specified from -40 to 125 C and shuts down before 150; drivers say -274 or 255 for "no sensor".
const COLDEST_C = -40;
const HOTTEST_C = 150;
const MOST_TRIPS = 16;
/** Cooling by slowing a processor or a card down, as opposed to fans, which may always turn. */
const SLOWING = /processor|cpufreq|cpuidle|devfreq|powerclamp|gpu/i;

/** One thermal zone. */
export interface ThermalZone {
  readonly id: string;
  /** The kernel's word for it, for example `x86_pkg_temp` or `cpu-thermal`. */
  readonly type: string;
  readonly celsius: number | "unknown";
  /** Why it is unknown; empty when it is not. */
  readonly reason: string;
  /** The lowest temperature of each kind of trip point. */
  readonly trips: { readonly passive?: number; readonly hot?: number; readonly critical?: number };
}

/** One cooling device. */
export interface CoolingDevice {
  readonly id: string;
  readonly type: string;
  /** From 0 (does nothing) to `most`; unknown where the device does not say. */
  readonly state: number | "unknown";
  readonly most: number | "unknown";
  /** Whether it cools by slowing something down. */
  readonly isSlowing: boolean;
}

/** What the machine tells about its heat. */
export interface ThermalReading {
  readonly zones: readonly ThermalZone[];
  readonly coolers: readonly CoolingDevice[];
}

/** Reads every thermal zone and cooling device. */
export async function readThermal(tree: SysTree): Promise<ThermalReading> {
  const names = await tree.list(FOLDER);
  const [zones, coolers] = await Promise.all([
    Promise.all(names.filter((name) => /^thermal_zone\d+$/.test(name)).map((name) => readZone(tree, name))),
    Promise.all(
      names.filter((name) => /^cooling_device\d+$/.test(name)).map((name) => readCooler(tree, name)),
    ),
  ]);
  return { zones, coolers };
}

async function readZone(tree: SysTree, id: string): Promise<ThermalZone> {
  const path = `${FOLDER}/${id}`;
  const [type, temperature, trips] = await Promise.all([
    readWord(tree, `${path}/type`),
    readNumber(tree, `${path}/temp`),
    readTrips(tree, path),
  ]);
  const zone = { id, type: type ?? "unnamed", trips };
  if (temperature.value === undefined) return { ...zone, celsius: "unknown", reason: temperature.reason };
  const celsius = temperature.value / 1000;
  if (celsius >= COLDEST_C && celsius <= HOTTEST_C) return { ...zone, celsius, reason: "" };
  return { ...zone, celsius: "unknown", reason: `${path}/temp says ${celsius} C, which no part survives` };
}

async function readTrips(tree: SysTree, path: string): Promise<ThermalZone["trips"]> {
  const files = await tree.list(path);
  const trips: { passive?: number; hot?: number; critical?: number } = {};
  for (const file of files.filter((name) => /^trip_point_\d+_type$/.test(name)).slice(0, MOST_TRIPS)) {
    const kind = await readWord(tree, `${path}/${file}`);
    const { value } = await readNumber(tree, `${path}/${file.replace("_type", "_temp")}`);
    // A trip point of 0 or below is one that the firmware left empty.
    if (value === undefined || value <= 0 || value / 1000 > HOTTEST_C) continue;
    if (kind !== "passive" && kind !== "hot" && kind !== "critical") continue;
    trips[kind] = Math.min(trips[kind] ?? Number.POSITIVE_INFINITY, value / 1000);
  }
  return trips;
}

async function readCooler(tree: SysTree, id: string): Promise<CoolingDevice> {
  const path = `${FOLDER}/${id}`;
  const [type = "unnamed", state, most] = await Promise.all([
    readWord(tree, `${path}/type`),
    readNumber(tree, `${path}/cur_state`),
    readNumber(tree, `${path}/max_state`),
  ]);
  return { id, type, state: stateOf(state.value), most: stateOf(most.value), isSlowing: SLOWING.test(type) };
}

/** An idle injector that does nothing says -1. */
function stateOf(value: number | undefined): number | "unknown" {
  return value === undefined || value < 0 ? "unknown" : value;
}
