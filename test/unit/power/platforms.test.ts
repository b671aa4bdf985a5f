// Owns the proof that the meters of real platforms are found, named and read as the kernel documents them.

import { afterEach, expect, test } from "vitest";
import { readSupply } from "../../../runtime/power/battery.js";
import { findMeters, findUnmetered } from "../../../runtime/power/machine-meters.js";
import { diskTree } from "../../../runtime/power/sys-tree.js";
import {
  AMD_DESKTOP,
  INTEL_NOTEBOOK,
  JETSON_ORIN_NX,
  RASPBERRY_PI,
  raplZone,
  readApart,
  SERVER,
  type SysFiles,
  SysFolder,
  supply,
  TWO_BATTERY_TABLET,
} from "../../support/power-trees.js";

const folders: SysFolder[] = [];

afterEach(async () => {
  for (const folder of folders.splice(0)) await folder.remove();
});

async function machine(files: SysFiles) {
  const folder = await SysFolder.make(files);
  folders.push(folder);
  const tree = diskTree(folder.root);
  return { folder, tree, meters: await findMeters(tree) };
}

test("an Intel notebook has a package, its parts and the whole platform, each with what it drew", async () => {
  const { folder, meters } = await machine(INTEL_NOTEBOOK);

  const scopes = meters
    .filter(({ kind }) => kind === "powercap")
    .map(({ label, scope }) => `${label} ${scope}`);
  const draw = await readApart(meters, {
    label: "powercap/intel-rapl:0",
    between: () => folder.lay(raplZone("intel-rapl:0", { name: "package-0", energyUj: 9_500_000 })),
  });

  expect(scopes.sort()).toEqual([
    "package-0 package",
    "package-0 package",
    "package-0/core core",
    "package-0/uncore uncore",
    "psys platform",
  ]);
  expect(draw).toEqual({ watts: 8.5, source: "measured", reason: "" });
});

test("a notebook that charges is on mains, and what flows into its battery is not what it draws", async () => {
  const { tree, meters } = await machine(INTEL_NOTEBOOK);

  expect(await readSupply(tree)).toEqual({ source: "mains", batteryPercent: 80 });
  const battery = await readApart(meters, { label: "BAT0" });
  expect(battery).toMatchObject({ watts: "unknown", source: "unknown" });
  expect(battery.reason).toContain("adapter is online");
});

test("an unplugged notebook draws what its battery's power_now says", async () => {
  const { folder, tree, meters } = await machine(INTEL_NOTEBOOK);
  await folder.lay({ ...supply("AC", { online: "0" }), ...supply("BAT0", { status: "Discharging" }) });

  expect((await readSupply(tree)).source).toBe("battery");
  expect((await readApart(meters, { label: "BAT0" })).watts).toBe(9);
});

test("an AMD desktop's card tells its average, once, beside the package", async () => {
  const { meters } = await machine(AMD_DESKTOP);

  expect(meters.map(({ id, scope }) => `${id} ${scope}`)).toEqual([
    "powercap/intel-rapl:0 package",
    "powercap/intel-rapl:0:0 core",
    "hwmon/hwmon2/power1_average gpu",
  ]);
  expect((await readApart(meters, { label: "PPT" })).watts).toBe(34);
});

test("a Jetson's rails are current times voltage, and the sum of currents is no rail", async () => {
  const { meters } = await machine(JETSON_ORIN_NX);

  expect(meters.map(({ label, scope }) => `${label} ${scope}`)).toEqual([
    "VDD_IN board",
    "VDD_CPU_GPU_CV rail",
    "VDD_SOC rail",
  ]);
  expect((await readApart(meters, { label: "VDD_IN" })).watts).toBeCloseTo(5.810048, 9);
});

test("a Raspberry Pi has no meter, and nothing is made up for it", async () => {
  const { tree, meters } = await machine(RASPBERRY_PI);

  expect(meters).toEqual([]);
  expect(await readSupply(tree)).toEqual({ source: "unknown", batteryPercent: undefined });
});

test("a server's counter that wraps between two readings tells the power all the same", async () => {
  const { folder, meters } = await machine(SERVER);

  const labels = meters.map(({ label }) => label);
  const draw = await readApart(meters, {
    label: "package-0",
    // The range is 262143328850: 328850 uJ up to it, then 89671150 more.
    between: () => folder.lay(raplZone("intel-rapl:0", { name: "package-0", energyUj: 89_671_150 })),
  });

  expect(labels).toEqual([
    "package-0",
    "package-0/dram",
    "package-1",
    "package-1/dram",
    "power_meter power1",
  ]);
  expect(draw.watts).toBe(90);
});

test("two batteries by current and voltage add up, whatever the sign, and a mouse is no part of it", async () => {
  const { tree, meters } = await machine(TWO_BATTERY_TABLET);

  const draw = await readApart(meters, { label: "BAT0 + BAT1" });

  expect(draw.watts).toBeCloseTo(4.56 + 2, 9);
  expect(await readSupply(tree)).toEqual({ source: "battery", batteryPercent: 50 });
});

test("a battery that stopped telling its current leaves the draw unknown, not halved", async () => {
  const { folder, meters } = await machine(TWO_BATTERY_TABLET);
  await folder.lay(supply("BAT1", { current_now: "" }));

  const draw = await readApart(meters, { label: "BAT0 + BAT1" });

  expect(draw.watts).toBe("unknown");
  expect(draw.reason).toContain("BAT1/current_now");
});

test("a battery of unknown status without an adapter leaves the source unknown", async () => {
  const { tree } = await machine(supply("BAT0", { type: "Battery", status: "Unknown" }));

  expect((await readSupply(tree)).source).toBe("unknown");
});

test("a charge that is no percentage is no charge", async () => {
  const { tree } = await machine(supply("BAT0", { type: "Battery", status: "Full", capacity: "4294967295" }));

  expect(await readSupply(tree)).toEqual({ source: "mains", batteryPercent: undefined });
});

test("cards without a meter and NPUs are named, so that nobody takes their share for zero", async () => {
  const { tree, meters } = await machine({
    ...RASPBERRY_PI,
    "class/drm/card0/status": "",
    "class/drm/card0-HDMI-A-1/status": "connected",
    "class/accel/accel0/device/npu_busy_time_us": "100",
  });

  expect(await findUnmetered(tree, meters)).toEqual(["card0", "accel0"]);
});
