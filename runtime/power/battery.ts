// Owns the batteries and adapters of a machine: where its power comes from, how full, and the draw while discharging.
// Invariant: what a battery says is believed only while it is what feeds the machine; charging current is no draw.

import { type PowerFigure, type PowerMeter, plausible, sumFigures, unknown } from "./meter.js";
import { readNumber, readWord, type SysTree } from "./sys-tree.js";

const FOLDER = "class/power_supply";

/** Where power comes from. `unknown` where the operating system does not say. */
export type PowerSource = "mains" | "battery" | "unknown";

/** What the power supplies tell. */
export interface SupplyReading {
  readonly source: PowerSource;
  /** Charge of the machine's batteries in percent, their mean when there are several; undefined without one. */
  readonly batteryPercent: number | undefined;
}

interface Supply {
  readonly name: string;
  readonly isBattery: boolean;
  readonly isOnline: boolean;
  readonly status: string | undefined;
}

/** Reads which supply feeds the machine. A mouse's battery is none of its supplies. */
export async function readSupply(tree: SysTree): Promise<SupplyReading> {
  const supplies = await readSupplies(tree);
  const batteries = supplies.filter(({ isBattery }) => isBattery);
  const isOnMains = supplies.some(({ isBattery, isOnline }) => !isBattery && isOnline);
  const source = isOnMains ? "mains" : sourceOf(batteries.map(({ status }) => status));
  return { source, batteryPercent: await readPercent(tree, batteries) };
}

/** What the batteries' own words say about the supply, where no adapter is online. */
function sourceOf(words: readonly (string | undefined)[]): PowerSource {
  if (words.includes("Discharging")) return "battery";
  const isFed = words.some((word) => word === "Charging" || word === "Full" || word === "Not charging");
  return isFed ? "mains" : "unknown";
}

async function readPercent(tree: SysTree, batteries: readonly Supply[]): Promise<number | undefined> {
  const charges = await Promise.all(
    batteries.map(async ({ name }) => (await readNumber(tree, `${FOLDER}/${name}/capacity`)).value),
  );
  const known = charges.filter((charge) => charge !== undefined && charge >= 0 && charge <= 100) as number[];
  return known.length === 0 ? undefined : known.reduce((sum, charge) => sum + charge, 0) / known.length;
}

async function readSupplies(tree: SysTree): Promise<Supply[]> {
  const names = await tree.list(FOLDER);
  const supplies = await Promise.all(names.map((name) => readOne(tree, name)));
  return supplies.filter((supply) => supply !== undefined);
}

async function readOne(tree: SysTree, name: string): Promise<Supply | undefined> {
  const read = (file: string) => readWord(tree, `${FOLDER}/${name}/${file}`);
  const [type, scope, present, online, status] = await Promise.all(
    ["type", "scope", "present", "online", "status"].map(read),
  );
  if (type === undefined || scope === "Device") return undefined;
  const isBattery = type === "Battery";
  if (isBattery && present === "0") return undefined;
  return { name, isBattery, isOnline: online === "1", status };
}

/** One meter over all batteries; none where the machine has no battery. */
export async function findBatteryMeters(tree: SysTree): Promise<PowerMeter[]> {
  const batteries = (await readSupplies(tree)).filter(({ isBattery }) => isBattery);
  if (batteries.length === 0) return [];
  const label = batteries.map(({ name }) => name).join(" + ");
  return [{ id: "battery", label, kind: "battery", scope: "machine", read: () => readDraw(tree) }];
}

async function readDraw(tree: SysTree): Promise<PowerFigure> {
  const supplies = await readSupplies(tree);
  if (supplies.some(({ isBattery, isOnline }) => !isBattery && isOnline)) {
    return unknown("an adapter is online: what the batteries give is not the whole draw");
  }
  const giving = supplies.filter(({ isBattery, status }) => isBattery && status === "Discharging");
  if (giving.length === 0) {
    const words = supplies
      .filter(({ isBattery }) => isBattery)
      .map(({ name, status }) => `${name} ${status ?? "says nothing"}`);
    return unknown(`no battery is discharging (${words.join(", ") || "none is present"})`);
  }
  return sumFigures(await Promise.all(giving.map(({ name }) => readOneDraw(tree, name))));
}

/** Some gauges tell power, others current and voltage; the sign of either differs from driver to driver. */
async function readOneDraw(tree: SysTree, name: string): Promise<PowerFigure> {
  const path = `${FOLDER}/${name}`;
  const power = await readNumber(tree, `${path}/power_now`);
  const scope = "machine";
  if (power.value !== undefined) {
    return plausible(Math.abs(power.value) / 1e6, { scope, what: `${path}/power_now` });
  }
  const current = await readNumber(tree, `${path}/current_now`);
  const voltage = await readNumber(tree, `${path}/voltage_now`);
  if (current.value === undefined) return unknown(`${power.reason}; ${current.reason}`);
  if (voltage.value === undefined) return unknown(voltage.reason);
  if (voltage.value <= 0) return unknown(`${path}/voltage_now says ${voltage.value} uV`);
  // Microamperes times microvolts are picowatts.
  const watts = (Math.abs(current.value) * voltage.value) / 1e12;
  return plausible(watts, { scope, what: `${path}/current_now x voltage_now` });
}
