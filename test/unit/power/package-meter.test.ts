// Owns the proof of which meters make up the package, what stands in when they fail, and when they are used again.

import { afterEach, expect, test, vi } from "vitest";
import {
  CalibrationFit,
  type CpuCalibration,
  defaultCalibration,
  ModelledMeter,
} from "../../../runtime/power/cpu-model.js";
import { parseStat } from "../../../runtime/power/cpu-time.js";
import { findMeters } from "../../../runtime/power/machine-meters.js";
import { measured, type PowerFigure, type PowerMeter, unknown } from "../../../runtime/power/meter.js";
import { PackageMeter, type PackageReading } from "../../../runtime/power/package-meter.js";
import {
  chip,
  INTEL_NOTEBOOK,
  JETSON_ORIN_NX,
  MemoryTree,
  PretendedCpu,
  raplZone,
  SERVER,
  TWO_BATTERY_TABLET,
} from "../../support/power-trees.js";

const CALIBRATION: CpuCalibration = { idleWatts: 2, wattsPerCore: 3, origin: "a test" };

afterEach(() => vi.useRealTimers());

/** A package meter read once a second while a core and a half are busy. */
class Machine {
  readonly cpu = new PretendedCpu();
  readonly model = new ModelledMeter(this.cpu, CALIBRATION);
  private readonly meter: PackageMeter;
  private atUs = 0;

  constructor(meters: readonly PowerMeter[]) {
    this.meter = new PackageMeter(meters, this.model);
  }

  read(busyCores = 1.5): Promise<PackageReading> {
    this.atUs += 1_000_000;
    this.cpu.machineUs = (this.cpu.machineUs ?? 0) + busyCores * 1e6;
    return this.meter.read(this.atUs);
  }
}

/** A package counter that says what it is told to. */
function pretended(read: () => Promise<PowerFigure>): PowerMeter {
  return { id: "powercap/x:0", label: "package-0", kind: "powercap", scope: "package", read };
}

test("a package listed through registers and through memory is counted once, and either will do", async () => {
  const tree = new MemoryTree(INTEL_NOTEBOOK);
  const machine = new Machine(await findMeters(tree));
  await machine.read();
  tree.files.set("class/powercap/intel-rapl:0/energy_uj", "denied");
  tree.files.set("class/powercap/intel-rapl-mmio:0/energy_uj", "7000000");

  const { figure, from } = await machine.read();

  expect(figure).toEqual(measured(6));
  expect(from).toBe("powercap package-0");
});

test("two packages add up, without their memory", async () => {
  const tree = new MemoryTree(SERVER);
  const machine = new Machine(await findMeters(tree));
  await machine.read();
  for (const [zone, name, energyUj] of [
    ["intel-rapl:0", "package-0", 262_143_100_000],
    ["intel-rapl:1", "package-1", 140_000_000],
    ["intel-rapl:1:0", "dram", 900_000_000],
  ] as const) {
    for (const [path, text] of Object.entries(raplZone(zone, { name, energyUj }))) tree.files.set(path, text);
  }

  expect((await machine.read()).figure.watts).toBeCloseTo(0.1 + 100, 9);
});

test("one package of two that cannot be read leaves the whole to the model, and says which", async () => {
  const tree = new MemoryTree(SERVER);
  const machine = new Machine(await findMeters(tree));
  await machine.read();
  tree.files.set("class/powercap/intel-rapl:1/energy_uj", "denied");

  const { figure, from, refused } = await machine.read();

  expect(figure).toEqual({ watts: 6.5, source: "estimated", reason: "" });
  expect(from).toBe("processor time: a test");
  expect(refused[0]?.reason).toContain("intel-rapl:1/energy_uj: no permission");
  expect(refused[0]?.fix).toContain("udev");
});

test("a Jetson's module rail is its package", async () => {
  const machine = new Machine(await findMeters(new MemoryTree(JETSON_ORIN_NX)));

  expect(await machine.read()).toMatchObject({ from: "hwmon VDD_IN", figure: { source: "measured" } });
});

test("a Jetson AGX without such a rail is the sum of its three, and unknown rails are not guessed at", async () => {
  const rail = (index: number, label: string) => ({
    [`in${index}_label`]: label,
    [`in${index}_input`]: "5000",
    [`curr${index}_input`]: "1000",
  });
  const agx = {
    name: "ina3221",
    ...rail(1, "VDD_GPU_SOC"),
    ...rail(2, "VDD_CPU_CV"),
    ...rail(3, "VIN_SYS_5V0"),
  };
  const other = { name: "ina3221", ...rail(1, "LEFT"), ...rail(2, "RIGHT") };

  const known = await new Machine(await findMeters(new MemoryTree(chip("hwmon0", agx)))).read();
  const strange = new Machine(await findMeters(new MemoryTree(chip("hwmon0", other))));
  await strange.read();

  expect(known.figure.watts).toBe(15);
  expect((await strange.read()).figure.source).toBe("estimated");
});

test("a battery is no package: it feeds the screen as well", async () => {
  const machine = new Machine(await findMeters(new MemoryTree(TWO_BATTERY_TABLET)));
  await machine.read();

  expect((await machine.read()).figure).toEqual({ watts: 6.5, source: "estimated", reason: "" });
});

test("a counter that fails is replaced in the same reading and comes back after five good ones", async () => {
  let figure: PowerFigure = measured(9);
  const machine = new Machine([pretended(async () => figure)]);
  const sources: string[] = [];
  for (let reading = 0; reading < 12; reading += 1) {
    if (reading === 3) figure = unknown("gone");
    if (reading === 5) figure = measured(9);
    sources.push((await machine.read()).figure.source);
  }

  expect(sources).toEqual([
    ...["measured", "measured", "measured", "estimated", "estimated"],
    ...["estimated", "estimated", "estimated", "estimated", "measured", "measured", "measured"],
  ]);
});

test("a counter that throws or never answers is a figure that says so", async () => {
  vi.useFakeTimers();
  const throwing = new Machine([pretended(() => Promise.reject(new Error("the bus is gone")))]);
  const hanging = new Machine([pretended(() => new Promise(() => {}))]);

  expect((await throwing.read()).refused[0]?.reason).toContain("the bus is gone");
  const first = hanging.read();
  await vi.advanceTimersByTimeAsync(1_000);
  expect((await first).refused[0]?.reason).toBe("no answer within 1000 ms");
  expect((await hanging.read()).refused[0]?.reason).toBe("the last reading has not come back yet");
});

test("while a counter can be read the model learns its line, and estimates by it afterwards", async () => {
  let watts = 0;
  let isGone = false;
  const machine = new Machine([pretended(async () => (isGone ? unknown("gone") : measured(watts)))]);
  for (let reading = 0; reading < 60; reading += 1) {
    const busyCores = 0.5 + (reading % 4) * 0.8;
    watts = 4 + 6 * busyCores;
    await machine.read(busyCores);
  }
  isGone = true;

  const { figure, from } = await machine.read(2);

  expect(figure.watts).toBeCloseTo(16, 6);
  expect(figure.source).toBe("estimated");
  expect(from).toContain("fitted beside powercap package-0");
});

test("readings at one load, or a line that falls, calibrate nothing", () => {
  const flat = new CalibrationFit();
  const falling = new CalibrationFit();
  for (let reading = 0; reading < 50; reading += 1) {
    // A line could be drawn through these, and a hundredth of a core would carry it.
    flat.add({ busyCores: 1 + 0.01 * (reading % 2), watts: 5 + 0.02 * (reading % 2) });
    falling.add({ busyCores: reading % 4, watts: 20 - (reading % 4) });
  }

  expect(flat.line("a meter")).toBeUndefined();
  expect(falling.line("a meter")).toBeUndefined();
});

test("a rated package calibrates the model; a machine that tells nothing is called typical", async () => {
  const rated = await defaultCalibration(new MemoryTree(INTEL_NOTEBOOK), { cores: 4, arch: "x64" });
  const bare = await defaultCalibration(new MemoryTree(), { cores: 4, arch: "arm64" });

  expect(rated).toEqual({
    idleWatts: 1.5,
    wattsPerCore: 3.375,
    origin: "the package's rating of 15 W over 4 cores",
  });
  expect(bare.origin).toContain("not measured here");
});

test("busy time is what processors did: not waiting, not idling, not what was stolen, and guests once", () => {
  expect(parseStat("cpu  100 20 30 4000 500 6 7 80 90 0\ncpu0 1 2 3")).toBe(163 * 10_000);
  expect(parseStat("cpu  1 2")).toBeUndefined();
  expect(parseStat("intr 5 6 7 8 9 10 11")).toBeUndefined();
  expect(parseStat("")).toBeUndefined();
});

test("a machine whose processor time cannot be read has no estimate", async () => {
  const machine = new Machine([]);
  await machine.read();
  machine.cpu.machineUs = undefined;
  const meter = new ModelledMeter(machine.cpu, CALIBRATION);
  await meter.read(1);

  expect((await meter.read(2)).watts).toBe("unknown");
  expect(meter.load).toBeUndefined();
});
