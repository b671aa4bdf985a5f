// Laws of power: any tree of sensors is read without a throw, and the governor keeps any plant that can be kept under its budget.

import fc from "fast-check";
import { expect, test } from "vitest";
import { POWER_BANDS } from "../../runtime/core/budget.js";
import { seededRng } from "../../runtime/core/rng.js";
import { readSupply } from "../../runtime/power/battery.js";
import { ModelledMeter } from "../../runtime/power/cpu-model.js";
import { DrawWindow } from "../../runtime/power/draw-window.js";
import { EnergyAccountant } from "../../runtime/power/energy-accountant.js";
import { PowerGovernor } from "../../runtime/power/governor.js";
import { findMeters, findUnmetered } from "../../runtime/power/machine-meters.js";
import { measured, type PowerFigure, unknown } from "../../runtime/power/meter.js";
import { PackageMeter } from "../../runtime/power/package-meter.js";
import { freezePower } from "../../runtime/power/power-policy.js";
import { readThermal } from "../../runtime/power/thermal.js";
import { ThermalBands } from "../../runtime/power/thermal-band.js";
import { type PlantOptions, PowerPlant } from "../support/power-plant.js";
import { MemoryTree, PretendedCpu } from "../support/power-trees.js";

/** `REDLINE_POWER_RUNS` multiplies the counts for longer runs. */
const RUNS = Number(process.env.REDLINE_POWER_RUNS ?? 1);
const SOURCES = ["mains", "battery", "unknown"] as const;
const MAINS = { source: "mains", batteryPercent: undefined } as const;

const folder = fc.constantFrom(
  "class/powercap/intel-rapl:0",
  "class/powercap/intel-rapl:0:0",
  "class/powercap/intel-rapl:1",
  "class/powercap/intel-rapl-mmio:0",
  "class/powercap/:",
  "class/hwmon/hwmon0",
  "class/hwmon/hwmon1",
  "class/power_supply/AC",
  "class/power_supply/BAT0",
  "class/power_supply/BAT1",
  "class/thermal/thermal_zone0",
  "class/thermal/thermal_zone1",
  "class/thermal/cooling_device0",
  "class/drm/card0",
  "class/accel/accel0",
);
const file = fc.constantFrom(
  ..."name energy_uj max_energy_range_uj power_uw constraint_0_max_power_uw".split(" "),
  ..."power1_average power1_input power1_label energy1_input in1_input in1_label curr1_input".split(" "),
  ..."type scope present online status capacity power_now current_now voltage_now".split(" "),
  ..."temp trip_point_0_type trip_point_0_temp cur_state max_state".split(" "),
);
const text = fc.oneof(
  fc.constantFrom(
    "denied",
    "failed",
    "",
    "0",
    "-1",
    "1",
    "NaN",
    "1e9",
    "18446744073709551615",
    "package-0",
    "psys",
  ),
  fc.constantFrom(
    "ina3221",
    "amdgpu",
    "amd_energy",
    "VDD_IN",
    "Battery",
    "Mains",
    "Discharging",
    "passive",
    "critical",
  ),
  fc.integer().map(String),
  fc.bigInt({ min: 0n, max: 1n << 70n }).map(String),
  fc.string({ maxLength: 12 }),
);
const machine = fc.array(fc.tuple(folder, file, text), { maxLength: 40 });

test("any tree of sensors gives finite figures above or at zero, or unknown with a reason, and never a throw", async () => {
  await fc.assert(
    fc.asyncProperty(machine, machine, fc.nat(3_000_000), async (before, after, elapsedUs) => {
      const tree = new MemoryTree();
      for (const [where, name, value] of before) tree.files.set(`${where}/${name}`, value);
      const meters = await findMeters(tree);
      const calibration = { idleWatts: 1, wattsPerCore: 2, origin: "a test" };
      const whole = new PackageMeter(
        await findMeters(tree),
        new ModelledMeter(new PretendedCpu(), calibration),
      );
      const bands = new ThermalBands();
      const figures: PowerFigure[] = [];
      for (const atUs of [1, 1 + elapsedUs, 1 + 2 * elapsedUs]) {
        figures.push(...(await Promise.all(meters.map((meter) => meter.read(atUs)))));
        figures.push((await whole.read(atUs)).figure);
        bands.step(await readThermal(tree));
        await readSupply(tree);
        await findUnmetered(tree, meters);
        for (const [where, name, value] of after) tree.files.set(`${where}/${name}`, value);
      }

      for (const { watts, source, reason } of figures) {
        if (watts === "unknown") expect(reason).not.toBe("");
        else expect(Number.isFinite(watts) && watts >= 0 && source !== "unknown").toBe(true);
      }
    }),
    { numRuns: 300 * RUNS },
  );
});

interface Case {
  readonly plant: PlantOptions;
  readonly packageWatts: number;
  readonly seed: number;
}

/** Few large loads, or so many small ones that the draw can be brought to any level. */
const loadsOf = ({ least, most, count }: { least: number; most: number; count: number }) =>
  fc.array(
    fc.record({
      share: fc.double({ min: least, max: most, noNaN: true }),
      error: fc.double({ min: -0.2, max: 0.25, noNaN: true }),
    }),
    { minLength: Math.ceil(count / 8), maxLength: count },
  );

/** Plants whose critical part fits, with up to a quarter of error in what a load is believed to cost. */
const plantCase: fc.Arbitrary<Case> = fc
  .record({
    floorShare: fc.double({ min: 0.1, max: 0.75, noNaN: true }),
    loads: fc.oneof(
      loadsOf({ least: 0.03, most: 0.6, count: 8 }),
      loadsOf({ least: 0.005, most: 0.04, count: 60 }),
    ),
    packageWatts: fc.constantFrom(1, 6, 12, 45, 250),
    windowMs: fc.constantFrom(1000, 2000, 5000),
    delayShare: fc.double({ min: 0, max: 0.5, noNaN: true }),
    drawNoise: fc.double({ min: 0, max: 0.1, noNaN: true }),
    meterNoise: fc.double({ min: 0, max: 0.03, noNaN: true }),
    seed: fc.nat(),
  })
  .map(({ floorShare, loads, packageWatts, windowMs, delayShare, drawNoise, meterNoise, seed }) => ({
    seed,
    packageWatts,
    plant: {
      floorWatts: floorShare * packageWatts,
      loads: loads.map(({ share, error }) => {
        const watts = share * packageWatts;
        return { watts, believedWatts: watts * (1 + error) };
      }),
      windowUs: windowMs * 1000,
      delayUs: delayShare * windowMs * 1000,
      drawNoise,
      meterNoise,
    },
  }));

/** Plays a plant under a governor for so many windows. */
function play({ plant: options, packageWatts, seed }: Case, windows: number): PowerPlant {
  const plant = new PowerPlant(options, seededRng(seed));
  const power = freezePower({ packageWatts, windowMs: options.windowUs / 1000, preset: "performance" });
  const governor = new PowerGovernor(power);
  while (plant.atUs < windows * options.windowUs) {
    const figure = plant.tick();
    plant.obey(governor.step({ atUs: plant.atUs, figure, band: "green", supply: MAINS }));
  }
  return plant;
}

test("any plant that can be kept settles within three windows and stays under in every window after", () => {
  fc.assert(
    fc.property(plantCase, (given) => {
      const plant = play(given, 60);
      const { windowUs } = given.plant;

      const highest = plant.highestAverage({ fromUs: 3 * windowUs, windowUs });

      expect(highest / given.packageWatts).toBeLessThanOrEqual(1);
    }),
    { numRuns: 300 * RUNS },
  );
});

test("a plant that fits with a quarter to spare runs whole again and is left alone", () => {
  fc.assert(
    fc.property(plantCase, (given) => {
      const whole = given.plant.floorWatts + given.plant.loads.reduce((sum, { watts }) => sum + watts, 0);
      const packageWatts = whole * 1.4;
      const plant = play({ ...given, packageWatts }, 60);

      expect(plant.moves).toEqual([]);
    }),
    { numRuns: 100 * RUNS },
  );
});

test("whatever comes in, the pressure is well-formed, ages and never offers headroom blind", () => {
  const figure = fc.oneof(
    fc.double({ min: 0, max: 100, noNaN: true }).map(measured),
    fc.constantFrom(Number.NaN, Number.NEGATIVE_INFINITY, -1, 1e300).map(measured),
    fc.constant(unknown("gone")),
  );
  const step = fc.record({
    gapUs: fc.integer({ min: -1_000_000, max: 3_000_000 }),
    figure,
    band: fc.constantFrom(...POWER_BANDS),
    source: fc.constantFrom(...SOURCES),
    batteryPercent: fc.option(fc.nat(100), { nil: undefined }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const governor = new PowerGovernor(freezePower({ packageWatts: 10 }));
      let atUs = 0;
      let last = Number.NEGATIVE_INFINITY;
      for (const { gapUs, figure: given, band, source, batteryPercent } of steps) {
        atUs += gapUs;
        const pressure = governor.step({ atUs, figure: given, band, supply: { source, batteryPercent } });
        expect(Number.isNaN(pressure.saveWatts)).toBe(false);
        expect(pressure.budgetWatts).toBeGreaterThan(0);
        expect(pressure.atUs).toBeGreaterThanOrEqual(last);
        if (pressure.watts === "unknown") expect(pressure.saveWatts).toBeGreaterThanOrEqual(0);
        else expect(Number.isFinite(pressure.watts) && pressure.watts >= 0).toBe(true);
        last = pressure.atUs;
      }
    }),
    { numRuns: 200 * RUNS },
  );
});

test("a window's average lies between its lowest and highest draw, and is theirs when they are equal", () => {
  const draw = fc.record({
    us: fc.integer({ min: 1, max: 700_000 }),
    watts: fc.double({ min: 0, max: 50, noNaN: true }),
  });
  fc.assert(
    fc.property(fc.array(draw, { minLength: 1, maxLength: 100 }), (draws) => {
      const window = new DrawWindow(1_000_000);
      let atUs = 0;
      for (const { us, watts } of draws) {
        window.add({ fromUs: atUs, toUs: atUs + us, watts });
        atUs += us;
      }
      const average = window.average({ atUs, spanUs: 1_000_000 });

      // Less than half a window is too little for an average.
      if (average === undefined) {
        expect(atUs).toBeLessThanOrEqual(520_000);
        return;
      }
      expect(atUs).toBeGreaterThanOrEqual(480_000);
      const watts = draws.map((one) => one.watts);
      expect(average).toBeGreaterThanOrEqual(Math.min(...watts) - 1e-9);
      expect(average).toBeLessThanOrEqual(Math.max(...watts) + 1e-9);
    }),
    { numRuns: 300 * RUNS },
  );
});

test("the parts of the account add up to what the package drew, whatever the jobs took", () => {
  const happening = fc.oneof(
    fc.record({ cpuUs: fc.nat(500_000), session: fc.constantFrom("road", "vad", "asr") }),
    fc.record({
      watts: fc.double({ min: 0.1, max: 60, noNaN: true }),
      busyCores: fc.double({ min: 0, max: 4, noNaN: true }),
    }),
  );
  fc.assert(
    fc.property(fc.array(happening, { maxLength: 200 }), (happenings) => {
      const accountant = new EnergyAccountant(() => ({ idleWatts: 2, wattsPerCore: 3, origin: "a test" }));
      for (const one of happenings) {
        if ("cpuUs" in one) accountant.settle({ ...one, device: "cpu" });
        else
          accountant.meter({ elapsedUs: 1_000_000, figure: measured(one.watts), busyCores: one.busyCores });
      }
      const { package: whole, idle, sessions, other } = accountant.stats();
      if (whole.mj === "unknown") return;

      const parts = (idle.mj as number) + (sessions.mj as number) + (other.mj as number);
      // Jobs may be charged more than there was; then nothing is left for the rest, and never less than nothing.
      expect(parts).toBeCloseTo(Math.max(whole.mj, sessions.mj as number), 3);
      expect(idle.mj as number).toBeGreaterThanOrEqual(0);
      expect(other.mj as number).toBeGreaterThanOrEqual(0);
    }),
    { numRuns: 200 * RUNS },
  );
});
