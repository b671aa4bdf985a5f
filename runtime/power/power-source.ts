// Owns reading where the machine's power comes from and which power sensors can be read. Knows no budget.
// Invariant: what cannot be read is `unknown` or "unreadable", never zero and never left out.

import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** Where power comes from. `unknown` where the operating system does not say. */
export type PowerSource = "mains" | "battery" | "unknown";

/** One counter of energy or power, and whether this process may read it. */
export interface PowerSensor {
  /** Its place below the root, for example `class/powercap/intel-rapl:0/energy_uj`. */
  readonly path: string;
  readonly isReadable: boolean;
}

/** What a machine tells about its power. */
export interface PowerReading {
  readonly source: PowerSource;
  /** Charge of the first battery in percent; undefined without one. */
  readonly batteryPercent: number | undefined;
  readonly sensors: readonly PowerSensor[];
}

const SENSOR_FILES = /^(energy_uj|power\d+_(input|average)|curr\d+_input)$/;

/**
 * Reads the power supplies and power sensors of a Linux machine; elsewhere everything is unknown.
 *
 * @param place `sysRoot` stands in for `/sys`.
 *
 * @example
 * const { source } = await readPower({ sysRoot: "/sys" });
 */
export async function readPower({ sysRoot }: { readonly sysRoot: string }): Promise<PowerReading> {
  const supplies = await readSupplies(sysRoot);
  const battery = supplies.find(({ type }) => type === "Battery");
  const hasMains = supplies.some(({ type, isOnline }) => type !== "Battery" && isOnline);
  const source = hasMains ? "mains" : sourceOf(battery?.status);
  return { source, batteryPercent: battery?.percent, sensors: await findSensors(sysRoot) };
}

/** What a battery's own word says about the supply, where no adapter is listed. */
function sourceOf(status: string | undefined): PowerSource {
  if (status === "Discharging") return "battery";
  return status === "Charging" || status === "Full" || status === "Not charging" ? "mains" : "unknown";
}

interface Supply {
  readonly type: string | undefined;
  readonly isOnline: boolean;
  readonly status: string | undefined;
  readonly percent: number | undefined;
}

async function readSupplies(sysRoot: string): Promise<Supply[]> {
  const folder = join(sysRoot, "class/power_supply");
  const names = await listFolder(folder);
  return Promise.all(
    names.map(async (name) => {
      const read = (file: string) => readWord(join(folder, name, file));
      const [type, online, status, capacity] = await Promise.all(
        ["type", "online", "status", "capacity"].map(read),
      );
      const percent = capacity === undefined ? undefined : Number(capacity);
      return { type, isOnline: online === "1", status, percent };
    }),
  );
}

async function findSensors(sysRoot: string): Promise<PowerSensor[]> {
  const groups = await Promise.all(
    ["class/powercap", "class/hwmon"].map(async (group) => {
      const devices = await listFolder(join(sysRoot, group));
      return Promise.all(devices.map((device) => sensorsOf(sysRoot, join(group, device))));
    }),
  );
  return groups.flat(2);
}

async function sensorsOf(sysRoot: string, device: string): Promise<PowerSensor[]> {
  const files = await listFolder(join(sysRoot, device));
  const sensors = files.filter((file) => SENSOR_FILES.test(file)).map((file) => join(device, file));
  return Promise.all(
    sensors.map(async (path) => ({
      path,
      isReadable: (await readWord(join(sysRoot, path))) !== undefined,
    })),
  );
}

async function listFolder(folder: string): Promise<string[]> {
  return (await readdir(folder).catch(() => [])).sort();
}

async function readWord(path: string): Promise<string | undefined> {
  const text = await readFile(path, "utf8").catch(() => undefined);
  return text?.trim();
}
