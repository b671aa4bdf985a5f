// Owns the promise of the loop: it reads, publishes and accounts on its own, says what changed, and ends when it is closed.

import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { CpuPreference } from "../../../runtime/power/cpu-preference.js";
import { freezePower, type PowerOptions } from "../../../runtime/power/power-policy.js";
import { surveyPower } from "../../../runtime/power/power-survey.js";
import { PowerWatch } from "../../../runtime/power/power-watch.js";
import { diskTree } from "../../../runtime/power/sys-tree.js";
import {
  INTEL_NOTEBOOK,
  JETSON_ORIN_NX,
  PretendedCpu,
  RASPBERRY_PI,
  SysFolder,
  supply,
  zone,
} from "../../support/power-trees.js";
import { VirtualClock } from "../../support/virtual-clock.js";

let folder: SysFolder;
let clock: VirtualClock;

beforeEach(() => {
  clock = new VirtualClock();
});

afterEach(() => folder.remove());

async function started(options: PowerOptions) {
  const cpu = new PretendedCpu();
  const said: string[] = [];
  const watch = await PowerWatch.start({
    clock,
    power: freezePower(options),
    sysRoot: folder.root,
    cpu,
    onChange: (detail) => said.push(detail),
  });
  const reads = (): number => watch.stats().energy.elapsedUs;
  /** Lets virtual time pass in tenths of a second; the disk is real, so each tenth waits for its round. */
  const pass = async (ms: number, busyCores = 1): Promise<void> => {
    for (let tenth = 0; tenth < ms / 100; tenth += 1) {
      cpu.machineUs = (cpu.machineUs ?? 0) + busyCores * 100_000;
      const before = reads();
      await clock.advanceTo(clock.nowUs() + 100_000);
      await vi.waitUntil(() => reads() !== before, { timeout: 20_000, interval: 1 });
    }
  };
  return { watch, said, pass };
}

test("a board over its budget is asked to save, and its energy is measured", async () => {
  folder = await SysFolder.make(JETSON_ORIN_NX);
  const { watch, pass } = await started({ packageWatts: 5 });
  await pass(2000);

  const { pressure, from, energy } = watch.stats();

  expect(pressure).toMatchObject({ budgetWatts: 5, source: "measured", band: "green" });
  expect(pressure.watts).toBeCloseTo(5.81, 2);
  expect(pressure.saveWatts).toBeGreaterThan(0.8);
  expect(from).toBe("hwmon VDD_IN");
  expect(energy.package).toMatchObject({ source: "measured" });
  expect(energy.package.mj as number).toBeCloseTo(5.81 * 2000, -2);
  await watch.close();
});

test("a machine without a meter is estimated from its processor time, and says so everywhere", async () => {
  folder = await SysFolder.make(RASPBERRY_PI);
  const { watch, pass } = await started({ packageWatts: 5, calibration: { idleWatts: 2, wattsPerCore: 1 } });
  await pass(2000, 1.5);

  const { pressure, from, energy } = watch.stats();

  expect(pressure.source).toBe("estimated");
  expect(pressure.watts).toBeCloseTo(3.5, 6);
  expect(from).toBe("processor time: given in the options");
  expect(energy.package.source).toBe("estimated");
  await watch.close();
});

test("a sensor that is lost is replaced and told, and so is heat", async () => {
  folder = await SysFolder.make(JETSON_ORIN_NX);
  const { watch, said, pass } = await started({ packageWatts: 20 });
  await pass(1000);
  await folder.lay({ "class/hwmon/hwmon3/curr1_input": "" });
  await pass(300);
  await folder.lay(zone("thermal_zone0", { type: "cpu-thermal", celsius: 100 }));
  await pass(2100);

  expect(said[0]).toMatch(/^green, measured by hwmon VDD_IN/);
  expect(said[1]).toMatch(/^green, estimated by processor time: .*; hwmon VDD_IN: .*curr1_input/);
  // Five below its critical trip is 99.5, which would be less than a degree above the passive one.
  expect(said.at(-1)).toMatch(/^danger \(cpu-thermal is at 100\.0 C \(danger from 100 C\)\), estimated/);
  await watch.close();
});

test("unplugging is seen within two seconds", async () => {
  folder = await SysFolder.make(INTEL_NOTEBOOK);
  const { watch, pass } = await started({ packageWatts: 10 });
  await pass(500);
  expect(watch.pressure().budgetWatts).toBe(10);
  await folder.lay({ ...supply("AC", { online: "0" }), ...supply("BAT0", { status: "Discharging" }) });
  await pass(2000);

  expect(watch.pressure().budgetWatts).toBe(8);
  expect(watch.stats().supply.source).toBe("battery");
  await watch.close();
});

test("a closed watch reads nothing any more", async () => {
  folder = await SysFolder.make(JETSON_ORIN_NX);
  const { watch, pass } = await started({ packageWatts: 5 });
  await pass(500);
  await watch.close();
  const last = watch.pressure();
  for (let tenth = 0; tenth < 20; tenth += 1) await clock.advanceTo(clock.nowUs() + 100_000);
  await new Promise((resolve) => setTimeout(resolve, 50));

  expect(watch.pressure()).toBe(last);
  await watch.close();
});

test("a survey lists every meter with what it says, the closed one with its fix", async () => {
  folder = await SysFolder.make({ ...JETSON_ORIN_NX, "class/accel/accel0/device/npu_busy_time_us": "1" });
  const looking = surveyPower({
    clock,
    sysRoot: folder.root,
    cpu: new PretendedCpu(),
    run: async () => ({ status: null, out: "", reason: "ENOENT" }),
  });
  // The disk is real: time goes on until both looks are done.
  let isDone = false;
  void looking.then(() => {
    isDone = true;
  });
  while (!isDone) {
    await new Promise((resolve) => setTimeout(resolve, 2));
    await clock.advanceTo(clock.nowUs() + 100_000);
  }
  const survey = await looking;

  expect(survey.meters.map(({ label, source }) => `${label} ${source}`)).toEqual([
    "VDD_IN measured",
    "VDD_CPU_GPU_CV measured",
    "VDD_SOC measured",
    "processor time estimated",
  ]);
  expect(survey.package.figure.watts).toBeCloseTo(5.81, 2);
  expect(survey.unmetered).toEqual(["accel0"]);
  expect(survey.band).toBe("green");
});

test("the processors' preference is set where it is known, refused where it is not, and put back", async () => {
  const policy = (id: number, words: string) => ({
    [`devices/system/cpu/cpufreq/policy${id}/energy_performance_preference`]: "balance_performance",
    [`devices/system/cpu/cpufreq/policy${id}/energy_performance_available_preferences`]: words,
  });
  folder = await SysFolder.make({
    ...policy(0, "default performance balance_performance balance_power power"),
    ...policy(1, "default"),
  });
  const preference = new CpuPreference(diskTree(folder.root));

  const reasons = await preference.prefer("power");
  const during = await preference.read();
  await preference.restore();

  expect(reasons).toEqual(["policy1 does not know power"]);
  expect(during.words).toEqual({ policy0: "power", policy1: "balance_performance" });
  expect((await preference.read()).words).toEqual({
    policy0: "balance_performance",
    policy1: "balance_performance",
  });
});

test("the processors follow the band only when that was asked for, and are as before once the watch is closed", async () => {
  const path = "devices/system/cpu/cpufreq/policy0/energy_performance_preference";
  folder = await SysFolder.make({
    ...RASPBERRY_PI,
    [path]: "balance_power",
    "devices/system/cpu/cpufreq/policy0/energy_performance_available_preferences":
      "default performance balance_performance balance_power power",
  });
  const word = async (): Promise<string | undefined> => (await diskTree(folder.root).read(path)).text;

  const left = await started({ preset: "saver" });
  expect(await word()).toBe("balance_power");
  await left.watch.close();
  const set = await started({ preset: "saver", cpuPreference: "set" });
  expect(await word()).toBe("power");
  await set.watch.close();

  expect(await word()).toBe("balance_power");
});
