// Owns the proof that a sensor which is closed, broken or lying is unknown with a reason: never zero, never a crash.

import { execFileSync } from "node:child_process";
import { chmod, mkdir, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { EnergyCounter } from "../../../runtime/power/energy-counter.js";
import { findMeters } from "../../../runtime/power/machine-meters.js";
import { measured } from "../../../runtime/power/meter.js";
import { findPowercapMeters } from "../../../runtime/power/powercap.js";
import { SensorTrust } from "../../../runtime/power/sensor-trust.js";
import { diskTree } from "../../../runtime/power/sys-tree.js";
import { readThermal } from "../../../runtime/power/thermal.js";
import {
  chip,
  INTEL_NOTEBOOK,
  MemoryTree,
  raplZone,
  readApart,
  SysFolder,
  supply,
  zone,
} from "../../support/power-trees.js";

let folder: SysFolder | undefined;

afterEach(async () => {
  await folder?.remove();
  folder = undefined;
});

test("a counter only root may read says so, with the udev rule that opens it", async () => {
  const tree = new MemoryTree(raplZone("intel-rapl:0", { name: "package-0", energyUj: 1 }));
  tree.files.set("class/powercap/intel-rapl:0/energy_uj", "denied");

  const figure = await readApart(await findPowercapMeters(tree), { label: "package-0" });

  expect(figure.watts).toBe("unknown");
  expect(figure.reason).toContain("class/powercap/intel-rapl:0/energy_uj: no permission to read it");
  expect(figure.fix).toContain('SUBSYSTEM=="powercap"');
  expect(figure.fix).toContain("udevadm trigger");
});

test("a file that this user may not read is told apart from one that is not there", async () => {
  folder = await SysFolder.make(INTEL_NOTEBOOK);
  await chmod(folder.root, 0o755);
  const path = "class/powercap/intel-rapl:0/energy_uj";
  await chmod(join(folder.root, path), 0);
  const isRoot = process.geteuid?.() === 0;
  if (isRoot) process.seteuid?.(65_534);
  try {
    const tree = diskTree(folder.root);
    expect(await tree.read(path)).toEqual({ fault: "denied", reason: "EACCES" });
    expect(await tree.read(`${path}x`)).toEqual({ fault: "absent", reason: "ENOENT" });
  } finally {
    if (isRoot) process.seteuid?.(0);
  }
});

test.each([
  ["text", "watt"],
  ["an empty file", ""],
  ["a negative count", "-5"],
  ["a number beyond exact counting", "99999999999999999999"],
  ["a fraction", "12.5"],
  ["hexadecimal", "0x1F"],
])("a counter that holds %s is unknown", async (_what, text) => {
  folder = await SysFolder.make(raplZone("intel-rapl:0", { name: "package-0", energyUj: 1_000_000 }));
  const meters = await findMeters(diskTree(folder.root));

  const figure = await readApart(meters, {
    label: "package-0",
    between: () => folder?.lay({ "class/powercap/intel-rapl:0/energy_uj": text }),
  });

  expect(figure.watts).toBe("unknown");
  expect(figure.reason).not.toBe("");
});

test("a folder, a pipe, a loop of links and a gone file in a sensor's place are unknown and hold nobody up", async () => {
  folder = await SysFolder.make({
    ...chip("hwmon0", {
      name: "acme",
      power1_input: "5",
      power2_input: "5",
      power3_input: "5",
      power4_input: "5",
    }),
  });
  const at = (name: string): string => join((folder as SysFolder).root, "class/hwmon/hwmon0", name);
  const meters = await findMeters(diskTree(folder.root));
  for (const name of ["power1_input", "power2_input", "power3_input", "power4_input"]) await rm(at(name));
  await mkdir(at("power1_input"));
  execFileSync("mkfifo", [at("power2_input")]);
  await symlink(at("power3_input"), at("power3_input"));

  const figures = await Promise.all(meters.map((meter) => meter.read(1)));

  expect(figures.map(({ watts }) => watts)).toEqual(["unknown", "unknown", "unknown", "unknown"]);
  const reasons = figures.map(({ reason }) => reason.split(/_input: /)[1]);
  expect(reasons).toEqual([
    "it cannot be read (EISDIR)",
    '"" is no whole number',
    "it cannot be read (ELOOP)",
    "it does not exist (ENOENT)",
  ]);
});

test.each([
  ["amdgpu", "power1_average", "9000000000", "9000 W: more than any gpu draws"],
  ["amdgpu", "power1_average", "-1000000", "a draw is not negative"],
  ["power_meter", "power1_average", "0", "0 W while the machine runs"],
])("%s that says %s %s is not believed", async (name, file, text, reason) => {
  const meters = await findMeters(new MemoryTree(chip("hwmon0", { name, [file]: text })));

  const figure = await (meters[0]?.read(1) ?? Promise.reject(new Error("no meter")));

  expect(figure.watts).toBe("unknown");
  expect(figure.reason).toContain(reason);
});

test("two negative channels do not make a plausible rail", async () => {
  const tree = new MemoryTree(chip("hwmon0", { name: "ina3221", in1_input: "-5000", curr1_input: "-1000" }));

  const figure = await ((await findMeters(tree))[0]?.read(1) ?? Promise.reject(new Error("no meter")));

  expect(figure.watts).toBe("unknown");
});

test("voltage and current of a chip whose channels may be unrelated are not multiplied", async () => {
  const tree = new MemoryTree(chip("hwmon0", { name: "nct6775", in1_input: "12000", curr1_input: "3000" }));

  expect(await findMeters(tree)).toEqual([]);
});

test("a battery that discharges at nothing is not believed", async () => {
  const facts = { type: "Battery", status: "Discharging", power_now: "0" };

  const figure = await readApart(await findMeters(new MemoryTree(supply("BAT0", facts))), { label: "BAT0" });

  expect(figure.reason).toContain("0 W while the machine runs");
});

function counter({ rangeUj }: { rangeUj: number | undefined }): EnergyCounter {
  return new EnergyCounter({ what: "counter", rangeUj, mostWatts: 1000, frozenAfterUs: 2_000_000 });
}

test("a counter that stands still keeps its last power for a moment and is frozen after two seconds", () => {
  const subject = counter({ rangeUj: 1e12 });
  subject.step({ atUs: 0, uj: 0 });
  subject.step({ atUs: 1_000_000, uj: 7_000_000 });

  expect(subject.step({ atUs: 1_500_000, uj: 7_000_000 }).watts).toBe(7);
  expect(subject.step({ atUs: 3_100_000, uj: 7_000_000 })).toMatchObject({
    watts: "unknown",
    reason: "counter has not moved for 2.1 s",
  });
  // The energy of the whole gap belongs to the whole gap.
  expect(subject.step({ atUs: 5_000_000, uj: 27_000_000 }).watts).toBe(5);
});

test("a counter that goes back without a range has been reset, and the next power is right again", () => {
  const subject = counter({ rangeUj: undefined });
  subject.step({ atUs: 0, uj: 50_000_000 });

  expect(subject.step({ atUs: 1_000_000, uj: 10 }).reason).toContain("went back");
  expect(subject.step({ atUs: 2_000_000, uj: 4_000_010 }).watts).toBe(4);
});

test("a reset that looks like a wrap is refused for the power it would mean", () => {
  const subject = counter({ rangeUj: 262_143_328_850 });
  subject.step({ atUs: 0, uj: 50_000_000 });

  expect(subject.step({ atUs: 1_000_000, uj: 10 }).reason).toContain("it jumped or was reset");
});

test("a counter read so seldom that it may have wrapped twice is unknown", () => {
  const subject = counter({ rangeUj: 65_532_610_987 });
  subject.step({ atUs: 0, uj: 0 });

  expect(subject.step({ atUs: 66_000_000, uj: 100_000_000 }).reason).toContain("read too seldom");
});

test("a temperature that no part survives is unknown", async () => {
  const tree = new MemoryTree({
    ...zone("thermal_zone0", { type: "cpu-thermal", celsius: -274 }),
    ...zone("thermal_zone1", { type: "cpu-thermal", celsius: 255 }),
    ...zone("thermal_zone2", { type: "cpu-thermal", celsius: -20 }),
  });

  const { zones } = await readThermal(tree);

  expect(zones.map(({ celsius }) => celsius)).toEqual(["unknown", "unknown", -20]);
});

test("a cooling device that says -1 does nothing anybody knows of", async () => {
  const tree = new MemoryTree({
    "class/thermal/cooling_device0/type": "intel_powerclamp",
    "class/thermal/cooling_device0/cur_state": "-1",
    "class/thermal/cooling_device0/max_state": "50",
  });

  expect((await readThermal(tree)).coolers).toEqual([
    { id: "cooling_device0", type: "intel_powerclamp", state: "unknown", most: 50, isSlowing: true },
  ]);
});

/** Judges one figure every 100 ms; answers the last. */
function judged(watts: readonly number[], busyCores: (index: number) => number | undefined) {
  const trust = new SensorTrust("rail");
  return watts.map((value, index) =>
    trust.judge({ atUs: index * 100_000, figure: measured(value), busyCores: busyCores(index) }),
  );
}

test("a sensor that never changes while the load does is frozen, and believed again once it moves", () => {
  const figures = judged([...Array<number>(60).fill(5), 5.1], (index) => (index < 30 ? 0.1 : 1.9));

  expect(figures[49]?.watts).toBe(5);
  expect(figures[50]).toMatchObject({ watts: "unknown" });
  expect(figures[50]?.reason).toContain("says 5 W for 5 s while the load went from 0.1 to 1.9 cores");
  expect(figures[60]?.watts).toBe(5.1);
});

test("a sensor that never changes under a steady load is believed", () => {
  expect(judged(Array<number>(200).fill(5), () => 1).every(({ watts }) => watts === 5)).toBe(true);
});

test("a sensor that jumps while the load stays is not believed, and one that follows the load is", () => {
  const jumping = Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? 4 : 60));

  expect(judged(jumping, () => 1).at(-1)?.reason).toContain("jumps between 4.0 and 60.0 W");
  expect(judged(jumping, (index) => (index % 2 === 0 ? 0.1 : 3.9)).at(-1)?.watts).toBe(60);
  expect(judged(jumping, () => undefined).at(-1)?.watts).toBe(60);
});
