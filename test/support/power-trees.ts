// Owns pretended machines: trees of /sys as the kernel's documents describe them, on the disk or in memory.
// Invariant: a file holds what the kernel would print, with its newline; a test changes only what it is about.

import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { CpuClock } from "../../runtime/power/cpu-time.js";
import type { PowerFigure, PowerMeter } from "../../runtime/power/meter.js";
import type { SysFault, SysTree } from "../../runtime/power/sys-tree.js";

export type SysFiles = Readonly<Record<string, string>>;

/** A folder that stands in for /sys. */
export class SysFolder {
  private constructor(readonly root: string) {}

  static async make(files: SysFiles = {}): Promise<SysFolder> {
    const folder = new SysFolder(await mkdtemp(join(tmpdir(), "redline-sys-")));
    await folder.lay(files);
    return folder;
  }

  /** Writes files, in place of those that are there. */
  async lay(files: SysFiles): Promise<void> {
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(this.root, path)), { recursive: true });
      await writeFile(join(this.root, path), `${text}\n`);
    }
  }

  remove(): Promise<void> {
    return rm(this.root, { recursive: true, force: true });
  }
}

/** A tree in memory, for laws that hold for many machines. A value that is no string is a fault of that kind. */
export class MemoryTree implements SysTree {
  readonly files = new Map<string, string | SysFault>();

  constructor(files: Readonly<Record<string, string | SysFault>> = {}) {
    for (const [path, text] of Object.entries(files)) this.files.set(path, text);
  }

  async list(folder: string): Promise<readonly string[]> {
    const below = [...this.files.keys()].filter((path) => path.startsWith(`${folder}/`));
    return [...new Set(below.map((path) => path.slice(folder.length + 1).split("/")[0] as string))].sort();
  }

  async read(path: string): Promise<Awaited<ReturnType<SysTree["read"]>>> {
    const text = this.files.get(path);
    if (text === undefined) return { fault: "absent", reason: "ENOENT" };
    if (text === "denied") return { fault: "denied", reason: "EACCES" };
    if (text === "failed") return { fault: "failed", reason: "EIO" };
    return { text: text.trim() };
  }

  async write(path: string, text: string): Promise<string | undefined> {
    if (!this.files.has(path)) return "ENOENT";
    this.files.set(path, text);
    return undefined;
  }
}

/** One RAPL zone, as Documentation/power/powercap/powercap.rst lays it out. */
export function raplZone(
  zone: string,
  given: { name: string; energyUj: number; rangeUj?: number },
): Record<string, string> {
  const { name, energyUj, rangeUj = 262_143_328_850 } = given;
  const folder = `class/powercap/${zone}`;
  return {
    [`${folder}/name`]: name,
    [`${folder}/enabled`]: "1",
    [`${folder}/energy_uj`]: String(energyUj),
    [`${folder}/max_energy_range_uj`]: String(rangeUj),
  };
}

/** A supply, as Documentation/ABI/testing/sysfs-class-power lays it out. */
export function supply(name: string, facts: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(facts).map(([file, text]) => [`class/power_supply/${name}/${file}`, text]),
  );
}

/** A chip of class/hwmon. */
export function chip(hwmon: string, facts: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(facts).map(([file, text]) => [`class/hwmon/${hwmon}/${file}`, text]),
  );
}

/** A thermal zone with its trip points, in degrees Celsius. */
export function zone(
  id: string,
  given: { type: string; celsius: number; trips?: Readonly<Record<string, number>> },
): Record<string, string> {
  const { type, celsius, trips = {} } = given;
  const folder = `class/thermal/${id}`;
  const points = Object.entries(trips).flatMap(([kind, tripC], index) => [
    [`${folder}/trip_point_${index}_type`, kind],
    [`${folder}/trip_point_${index}_temp`, String(tripC * 1000)],
  ]);
  return {
    [`${folder}/type`]: type,
    [`${folder}/temp`]: String(celsius * 1000),
    ...Object.fromEntries(points),
  };
}

/** A notebook with an Intel processor: RAPL through registers and through memory, psys, one battery, one adapter. */
export const INTEL_NOTEBOOK: SysFiles = {
  "class/powercap/intel-rapl/enabled": "1",
  ...raplZone("intel-rapl:0", { name: "package-0", energyUj: 1_000_000 }),
  "class/powercap/intel-rapl:0/constraint_0_name": "long_term",
  "class/powercap/intel-rapl:0/constraint_0_max_power_uw": "15000000",
  ...raplZone("intel-rapl:0:0", { name: "core", energyUj: 600_000 }),
  ...raplZone("intel-rapl:0:1", { name: "uncore", energyUj: 100_000 }),
  ...raplZone("intel-rapl:1", { name: "psys", energyUj: 5_000_000 }),
  ...raplZone("intel-rapl-mmio:0", { name: "package-0", energyUj: 1_000_000 }),
  ...supply("AC", { type: "Mains", online: "1" }),
  ...supply("BAT0", {
    type: "Battery",
    present: "1",
    status: "Charging",
    capacity: "80",
    power_now: "9000000",
    voltage_now: "12000000",
  }),
  ...zone("thermal_zone0", { type: "x86_pkg_temp", celsius: 52 }),
  ...zone("thermal_zone1", { type: "acpitz", celsius: 45, trips: { critical: 103 } }),
};

/** A desktop with an AMD processor and an AMD card. */
export const AMD_DESKTOP: SysFiles = {
  ...raplZone("intel-rapl:0", { name: "package-0", energyUj: 7_000_000, rangeUj: 65_532_610_987 }),
  ...raplZone("intel-rapl:0:0", { name: "core", energyUj: 3_000_000, rangeUj: 65_532_610_987 }),
  ...chip("hwmon0", { name: "nvme", temp1_input: "40850" }),
  ...chip("hwmon1", { name: "k10temp", temp1_input: "51000" }),
  ...chip("hwmon2", {
    name: "amdgpu",
    power1_average: "34000000",
    power1_input: "35000000",
    power1_cap: "220000000",
    power1_label: "PPT",
  }),
  "class/drm/card1/status": "",
};

/** A Jetson Orin NX: one INA3221 whose first rail feeds the module. */
export const JETSON_ORIN_NX: SysFiles = {
  ...chip("hwmon3", {
    name: "ina3221",
    in1_label: "VDD_IN",
    in1_input: "19112",
    curr1_input: "304",
    in1_enable: "1",
    in2_label: "VDD_CPU_GPU_CV",
    in2_input: "19112",
    curr2_input: "56",
    in3_label: "VDD_SOC",
    in3_input: "19104",
    curr3_input: "88",
    in4_input: "1520",
    in7_label: "sum of shunt voltages",
    in7_input: "2240",
    curr4_input: "448",
  }),
  ...zone("thermal_zone0", { type: "cpu-thermal", celsius: 48, trips: { passive: 99, critical: 104.5 } }),
  "class/thermal/cooling_device0/type": "cpufreq-cpu0",
  "class/thermal/cooling_device0/cur_state": "0",
  "class/thermal/cooling_device0/max_state": "21",
};

/** A Raspberry Pi 4: a temperature, a warning of low voltage, and no meter of power at all. */
export const RASPBERRY_PI: SysFiles = {
  ...chip("hwmon0", { name: "cpu_thermal", temp1_input: "46738", temp1_crit: "110000" }),
  ...chip("hwmon1", { name: "rpi_volt", in0_lcrit_alarm: "0" }),
  ...zone("thermal_zone0", { type: "cpu-thermal", celsius: 46.738, trips: { critical: 110 } }),
};

/** A server of two packages with memory counters, one of them about to wrap. */
export const SERVER: SysFiles = {
  ...raplZone("intel-rapl:0", { name: "package-0", energyUj: 262_143_000_000 }),
  ...raplZone("intel-rapl:0:0", { name: "dram", energyUj: 5_000_000, rangeUj: 65_712_999_613 }),
  ...raplZone("intel-rapl:1", { name: "package-1", energyUj: 40_000_000 }),
  ...raplZone("intel-rapl:1:0", { name: "dram", energyUj: 6_000_000, rangeUj: 65_712_999_613 }),
  ...chip("hwmon5", { name: "power_meter", power1_average: "310000000", power1_average_interval: "1000" }),
};

/** A tablet on two batteries that tell current and voltage, with a mouse that has a battery of its own. */
export const TWO_BATTERY_TABLET: SysFiles = {
  ...supply("BAT0", {
    type: "Battery",
    present: "1",
    status: "Discharging",
    capacity: "40",
    current_now: "-600000",
    voltage_now: "7600000",
  }),
  ...supply("BAT1", {
    type: "Battery",
    present: "1",
    status: "Discharging",
    capacity: "60",
    current_now: "250000",
    voltage_now: "8000000",
  }),
  ...supply("hidpp_battery_0", { type: "Battery", scope: "Device", status: "Discharging", capacity: "5" }),
  ...supply("AC", { type: "Mains", online: "0" }),
};

/** Processors whose time a test sets. */
export class PretendedCpu implements CpuClock {
  machineUs: number | undefined = 0;
  processUs = 0;

  constructor(readonly cores = 4) {}

  async read(): Promise<{ machineUs: number | undefined; processUs: number }> {
    return { machineUs: this.machineUs, processUs: this.processUs };
  }
}

/** Reads the meter with this label or id twice, one second apart; `between` changes the machine meanwhile. */
export async function readApart(
  meters: readonly PowerMeter[],
  given: { label: string; between?: () => unknown; elapsedUs?: number },
): Promise<PowerFigure> {
  const meter = meters.find(({ id, label }) => id === given.label || label === given.label);
  if (meter === undefined) throw new Error(`no meter ${given.label} among ${meters.map((one) => one.label)}`);
  await meter.read(1_000_000);
  await given.between?.();
  return meter.read(1_000_000 + (given.elapsedUs ?? 1_000_000));
}
