// Owns the promise of the account: every figure with its source, parts that add up, and sessions that spend too much named.

import { expect, test } from "vitest";
import { LIMITS } from "../../../runtime/core/limits.js";
import { EnergyAccountant } from "../../../runtime/power/energy-accountant.js";
import { estimated, measured, unknown } from "../../../runtime/power/meter.js";

const CALIBRATION = { idleWatts: 2, wattsPerCore: 3, origin: "a test" };
const SECOND = { elapsedUs: 1_000_000 };

test("a job costs its processor time at the calibrated watts, and is called estimated", () => {
  const accountant = new EnergyAccountant(() => CALIBRATION);

  expect(accountant.settle({ session: "road", cpuUs: 20_000, device: "cpu" })).toEqual({
    mj: 60,
    source: "estimated",
  });
});

test("beside a counter a job costs what a busy core really draws", () => {
  const accountant = new EnergyAccountant(() => CALIBRATION);
  // 12 W in all, 2 of them idle, over two busy cores: 5 W each.
  accountant.meter({ ...SECOND, figure: measured(12), busyCores: 2 });

  expect(accountant.settle({ session: "road", cpuUs: 20_000, device: "cpu" }).mj).toBeCloseTo(100, 9);
});

test("package, idle, sessions and the rest add up", () => {
  const accountant = new EnergyAccountant(() => CALIBRATION);
  accountant.meter({ ...SECOND, figure: measured(12), busyCores: 2 });
  accountant.settle({ session: "road", cpuUs: 500_000, device: "cpu" });

  expect(accountant.stats()).toMatchObject({
    elapsedUs: 1_000_000,
    coveredUs: 1_000_000,
    package: { mj: 12_000, source: "measured" },
    idle: { mj: 2000, source: "estimated" },
    sessions: { mj: 2500, source: "estimated" },
    other: { mj: 7500, source: "estimated" },
    calibration: "a test",
  });
});

test("time without a figure is not covered, and an account without any is unknown, not zero", () => {
  const accountant = new EnergyAccountant(() => CALIBRATION);
  accountant.meter({ ...SECOND, figure: unknown("gone"), busyCores: undefined });

  const none = { mj: "unknown", source: "unknown" };
  expect(accountant.stats()).toMatchObject({
    elapsedUs: 1_000_000,
    coveredUs: 0,
    package: none,
    idle: none,
    other: none,
  });
});

test("one estimated second makes the package's energy estimated", () => {
  const accountant = new EnergyAccountant(() => CALIBRATION);
  accountant.meter({ ...SECOND, figure: measured(12), busyCores: 2 });
  accountant.meter({ ...SECOND, figure: estimated(8), busyCores: 2 });

  expect(accountant.stats().package).toEqual({ mj: 20_000, source: "estimated" });
});

test("what a card or NPU took is unknown: so are its job, its session and the rest", () => {
  const accountant = new EnergyAccountant(() => CALIBRATION);
  accountant.meter({ ...SECOND, figure: measured(12), busyCores: 2 });

  const job = accountant.settle({ session: "asr", cpuUs: 5000, device: "other" });
  const { sessions, other, bySession } = accountant.stats();

  for (const figure of [job, sessions, other, bySession[0]?.total, bySession[0]?.perJob]) {
    expect(figure).toEqual({ mj: "unknown", source: "unknown" });
  }
});

test("a job whose processor time nobody measured is unknown", () => {
  expect(
    new EnergyAccountant(() => CALIBRATION).settle({ session: "road", cpuUs: -1, device: "cpu" }).mj,
  ).toBe("unknown");
});

test("the jobs of one spoken turn are added up across sessions", () => {
  const accountant = new EnergyAccountant(() => CALIBRATION);
  for (const session of ["vad", "asr", "asr"]) {
    accountant.settle({ session, cpuUs: 10_000, device: "cpu", turn: "7" });
  }
  accountant.settle({ session: "vad", cpuUs: 10_000, device: "cpu" });

  expect(accountant.stats().byTurn).toEqual([{ turn: "7", jobs: 3, total: { mj: 90, source: "estimated" } }]);
});

test("a session is over its promise after ten jobs above it, and within again below 95 % of it", () => {
  const accountant = new EnergyAccountant(() => CALIBRATION);
  accountant.open("road", { energyMj: 60 });
  const spend = (cpuUs: number, jobs: number): string | undefined => {
    for (let job = 0; job < jobs; job += 1) accountant.settle({ session: "road", cpuUs, device: "cpu" });
    return accountant.stats().bySession[0]?.verdict;
  };

  expect(spend(21_000, 9)).toBe("unknown");
  expect(spend(21_000, 1)).toBe("over");
  expect([...accountant.overspent()]).toEqual([
    ["road", "63.0 mJ a job over 60 mJ (estimated, the last 10)"],
  ]);
  expect(spend(19_500, 400)).toBe("over");
  expect(spend(15_000, 400)).toBe("within");
  expect([...accountant.overspent()]).toEqual([]);
});

test("a session that takes the name of a closed one is judged by its own jobs", () => {
  const accountant = new EnergyAccountant(() => CALIBRATION);
  accountant.open("road", { energyMj: 60 });
  for (let job = 0; job < 20; job += 1) accountant.settle({ session: "road", cpuUs: 40_000, device: "cpu" });
  expect(accountant.overspent().size).toBe(1);

  accountant.open("road", { energyMj: 60 });
  for (let job = 0; job < 10; job += 1) accountant.settle({ session: "road", cpuUs: 10_000, device: "cpu" });

  expect(accountant.overspent().size).toBe(0);
  expect(accountant.stats().bySession[0]).toMatchObject({ jobs: 30, verdict: "within", perJob: { mj: 30 } });
});

test("a session without a promise is unlimited", () => {
  const accountant = new EnergyAccountant(() => CALIBRATION);
  accountant.settle({ session: "road", cpuUs: 1000, device: "cpu" });

  expect(accountant.stats().bySession[0]?.verdict).toBe("unlimited");
});

test("sessions and turns without end take no memory without end", () => {
  const accountant = new EnergyAccountant(() => CALIBRATION);
  for (let index = 0; index < 2000; index += 1) {
    accountant.settle({ session: `s${index}`, cpuUs: 1000, device: "cpu", turn: `t${index}` });
  }

  const { bySession, byTurn, sessions } = accountant.stats();
  expect(bySession.length).toBe(LIMITS.closedSessions);
  expect(byTurn.map(({ turn }) => turn)).toEqual(
    Array.from({ length: LIMITS.energyTurns }, (_, index) => `t${2000 - LIMITS.energyTurns + index}`),
  );
  expect(sessions.mj).toBeCloseTo(6000, 6);
});
