// Owns the promise of the thermal bands: rise on heat seen twice, fall only below the hysteresis, never fall blind.

import { expect, test } from "vitest";
import type { CoolingDevice, ThermalReading, ThermalZone } from "../../../runtime/power/thermal.js";
import { ThermalBands } from "../../../runtime/power/thermal-band.js";

type Heat = number | "unknown";

function heat(
  celsius: Heat,
  given: Partial<ThermalZone> & { coolers?: readonly CoolingDevice[] } = {},
): ThermalReading {
  const { coolers = [], ...facts } = given;
  const reason = celsius === "unknown" ? "gone" : "";
  return {
    zones: [{ id: "thermal_zone0", type: "cpu-thermal", celsius, reason, trips: {}, ...facts }],
    coolers,
  };
}

/** The band after each reading. */
function bandsOf(bands: ThermalBands, readings: readonly ThermalReading[]): string[] {
  return readings.map((reading) => bands.step(reading).band);
}

test("a band rises when heat is seen twice, and one spike of a bus is no heat", () => {
  const spike = bandsOf(
    new ThermalBands(),
    [50, 140, 50, 50].map((celsius) => heat(celsius)),
  );
  const real = bandsOf(
    new ThermalBands(),
    [50, 86, 87, 96, 97].map((celsius) => heat(celsius)),
  );

  expect(spike).toEqual(["green", "green", "green", "green"]);
  expect(real).toEqual(["green", "green", "red", "red", "danger"]);
});

test("a band is left only below its limit less the hysteresis", () => {
  const temperatures = [76, 76, 74, 71, 70, 69, 76, 76];

  expect(
    bandsOf(
      new ThermalBands(),
      temperatures.map((celsius) => heat(celsius)),
    ),
  ).toEqual(["green", "yellow", "yellow", "yellow", "yellow", "green", "green", "yellow"]);
});

test("a zone's own trip points say where its bands begin", () => {
  const trips = { passive: 60, critical: 80 };
  const temperatures = [51, 51, 61, 61, 76, 76];

  expect(
    bandsOf(
      new ThermalBands(),
      temperatures.map((celsius) => heat(celsius, { trips })),
    ),
  ).toEqual(["green", "yellow", "yellow", "red", "red", "danger"]);
});

test("limits that were given take the place of trip points and defaults", () => {
  const bands = new ThermalBands({ yellowC: 30, redC: 40, dangerC: 50, hysteresisC: 1 });

  expect(
    bandsOf(
      bands,
      [45, 45].map((celsius) => heat(celsius, { trips: { passive: 99 } })),
    ),
  ).toEqual(["green", "red"]);
});

test("a zone that can no longer be read keeps its band until it can be", () => {
  const bands = new ThermalBands();
  bandsOf(bands, [heat(90), heat(90)]);

  expect(bands.step(heat("unknown"))).toMatchObject({ band: "red" });
  expect(bands.step({ zones: [], coolers: [] }).cause).toContain("a zone can no longer be read");
  expect(bands.step(heat(40)).band).toBe("green");
});

test("the heat of a radio or a battery is not ours to govern, that of a zone with trip points is", () => {
  const radio = { type: "iwlwifi_1" };

  expect(bandsOf(new ThermalBands(), [heat(97, radio), heat(97, radio)])).toEqual(["green", "green"]);
  expect(
    bandsOf(new ThermalBands(), [
      heat(97, { ...radio, trips: { critical: 100 } }),
      heat(97, { ...radio, trips: { critical: 100 } }),
    ]),
  ).toEqual(["green", "danger"]);
});

test("a system that already slows its processor down is at least yellow; a fan that turns is not", () => {
  const cooler = { id: "cooling_device0", state: 3, most: 10 };
  const slowed = heat(50, { coolers: [{ ...cooler, type: "cpufreq-cpu0", isSlowing: true }] });
  const cooled = heat(50, { coolers: [{ ...cooler, type: "Fan", isSlowing: false }] });

  expect(bandsOf(new ThermalBands(), [slowed, slowed])).toEqual(["green", "yellow"]);
  expect(bandsOf(new ThermalBands(), [cooled, cooled])).toEqual(["green", "green"]);
});

test("the cause names the zone, its heat and the limit", () => {
  const bands = new ThermalBands();
  bands.step(heat(86));

  expect(bands.step(heat(86)).cause).toBe("cpu-thermal is at 86.0 C (red from 85 C)");
});
