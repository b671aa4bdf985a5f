// Owns the promise of the power options: exact refusals, and what presets, supplies and bands ask for.

import { expect, test } from "vitest";
import { RedlineError } from "../../../runtime/core/errors.js";
import { askFor, freezePower, type PowerOptions, SupplyPolicy } from "../../../runtime/power/power-policy.js";

test("without options there is no budget, a window of a second and the balanced preset", () => {
  expect(freezePower()).toMatchObject({
    packageWatts: Number.POSITIVE_INFINITY,
    windowUs: 1_000_000,
    preset: "balanced",
  });
});

test.each<[string, PowerOptions]>([
  ["power.packageWatts", { packageWatts: 0 }],
  ["power.packageWatts", { packageWatts: -5 }],
  ["power.packageWatts", { packageWatts: Number.NaN }],
  ["power.packageWatts", { packageWatts: Number.POSITIVE_INFINITY }],
  ["power.packageWatts", { packageWatts: "12" as unknown as number }],
  ["power.windowMs", { windowMs: 10 }],
  ["power.windowMs", { windowMs: Number.NaN }],
  ["power.preset", { preset: "turbo" as "saver" }],
  ["power.batteryShare", { batteryShare: 0 }],
  ["power.batteryShare", { batteryShare: 1.5 }],
  ["power.lowBatteryPercent", { lowBatteryPercent: 101 }],
  ["power.bands.redC", { bands: { yellowC: 80, redC: 70, dangerC: 90, hysteresisC: 5 } }],
  ["power.bands.hysteresisC", { bands: { yellowC: 70, redC: 80, dangerC: 90, hysteresisC: -1 } }],
  ["power.bandShares.red", { bandShares: { yellow: 0.9, red: 0.2, danger: 0.4 } }],
  ["power.cpuPreference", { cpuPreference: "fast" as "set" }],
  ["power.calibration.wattsPerCore", { calibration: { idleWatts: 1, wattsPerCore: 0 } }],
])("%s is refused by name when it is %j", (what, options) => {
  const error = (() => {
    try {
      return freezePower(options);
    } catch (thrown) {
      return thrown;
    }
  })();

  expect(error).toBeInstanceOf(RedlineError);
  expect(error).toMatchObject({ code: "BUDGET_INVALID", what });
});

test("each preset leaves its share of the budget on battery, and an option overrides it", () => {
  const share = (options: PowerOptions, source: "mains" | "battery"): number =>
    new SupplyPolicy(freezePower(options)).step({ source, batteryPercent: 80 }).share;

  expect(share({ preset: "saver" }, "battery")).toBe(0.5);
  expect(share({ preset: "saver" }, "mains")).toBe(0.7);
  expect(share({ preset: "balanced" }, "battery")).toBe(0.8);
  expect(share({ preset: "performance" }, "battery")).toBe(1);
  expect(share({ preset: "performance", batteryShare: 0.6 }, "battery")).toBe(0.6);
});

test("a low battery makes a saver of any preset, until it is five percent above the mark or the adapter is back", () => {
  const policy = new SupplyPolicy(freezePower({ preset: "performance", lowBatteryPercent: 20 }));
  const on = (batteryPercent: number | undefined, source: "battery" | "mains" = "battery") =>
    policy.step({ source, batteryPercent }).preset;

  expect(on(21)).toBe("performance");
  expect(on(20)).toBe("saver");
  expect(on(24)).toBe("saver");
  expect(on(undefined)).toBe("saver");
  expect(on(26)).toBe("performance");
  expect(on(10)).toBe("saver");
  expect(on(10, "mains")).toBe("performance");
});

test("the hotter the band and the thriftier the preset, the more levers are asked for", () => {
  expect(askFor({ preset: "performance", band: "green" })).toMatchObject({
    spin: "planned",
    cpuPreference: "performance",
  });
  expect(askFor({ preset: "balanced", band: "green" })).toMatchObject({
    spin: "never",
    threads: "planned",
    rung: "planned",
  });
  expect(askFor({ preset: "performance", band: "yellow" })).toMatchObject({
    workloadType: "Efficient",
    rung: "planned",
  });
  expect(askFor({ preset: "performance", band: "red" })).toMatchObject({
    threads: "one",
    rung: "lowest-that-keeps-the-contract",
  });
  expect(askFor({ preset: "saver", band: "green" })).toEqual(askFor({ preset: "balanced", band: "danger" }));
});
