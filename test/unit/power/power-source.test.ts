// Owns the proof that power is reported as the machine tells it, and as unknown where it tells nothing.

import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readPower } from "../../../runtime/power/power-source.js";

let sysRoot: string;

beforeEach(async () => {
  sysRoot = await mkdtemp(join(tmpdir(), "redline-sys-"));
});

afterEach(() => rm(sysRoot, { recursive: true, force: true }));

async function lay(files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(sysRoot, path)), { recursive: true });
    await writeFile(join(sysRoot, path), `${text}\n`);
  }
}

test("a machine without power supplies and sensors is unknown, not on mains", async () => {
  expect(await readPower({ sysRoot })).toEqual({ source: "unknown", batteryPercent: undefined, sensors: [] });
});

test("a notebook on its battery says so, with its charge", async () => {
  await lay({
    "class/power_supply/AC/type": "Mains",
    "class/power_supply/AC/online": "0",
    "class/power_supply/BAT0/type": "Battery",
    "class/power_supply/BAT0/status": "Discharging",
    "class/power_supply/BAT0/capacity": "71",
  });

  const { source, batteryPercent } = await readPower({ sysRoot });

  expect(source).toBe("battery");
  expect(batteryPercent).toBe(71);
});

test("an adapter that is online means mains even while the battery charges", async () => {
  await lay({
    "class/power_supply/AC/type": "Mains",
    "class/power_supply/AC/online": "1",
    "class/power_supply/BAT0/type": "Battery",
    "class/power_supply/BAT0/status": "Charging",
  });

  expect((await readPower({ sysRoot })).source).toBe("mains");
});

test("a battery of unknown status without an adapter leaves the source unknown", async () => {
  await lay({ "class/power_supply/BAT0/type": "Battery", "class/power_supply/BAT0/status": "Unknown" });

  expect((await readPower({ sysRoot })).source).toBe("unknown");
});

test("every energy and power counter is listed with whether it can be read", async () => {
  await lay({
    "class/powercap/intel-rapl:0/energy_uj": "123",
    "class/powercap/intel-rapl:0/name": "package-0",
    "class/hwmon/hwmon3/power1_input": "4200",
    "class/hwmon/hwmon3/temp1_input": "42000",
  });
  // A folder in the counter's place cannot be read as a file, even by root.
  await mkdir(join(sysRoot, "class/hwmon/hwmon4/power1_average"), { recursive: true });

  const { sensors } = await readPower({ sysRoot });

  expect(sensors).toEqual([
    { path: "class/powercap/intel-rapl:0/energy_uj", isReadable: true },
    { path: "class/hwmon/hwmon3/power1_input", isReadable: true },
    { path: "class/hwmon/hwmon4/power1_average", isReadable: false },
  ]);
});
