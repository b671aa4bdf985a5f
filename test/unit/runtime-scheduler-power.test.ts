// What a running program's scheduler does with a budget: who pays, in which words, and who is left alone.

import { beforeEach, expect, test } from "vitest";
import { AS_PLANNED, type BudgetSource, type PowerPressure } from "../../runtime/core/budget.js";
import { type Criticality, freezeContract } from "../../runtime/core/contract.js";
import { freezeLadder, type LadderStep } from "../../runtime/core/rung.js";
import { laneIdOf, RuntimeScheduler } from "../../runtime/runtime-scheduler.js";
import type { SessionPolicy } from "../../runtime/sessions/session-policy.js";
import { EventHub } from "../../runtime/telemetry/event-hub.js";
import { VirtualClock } from "../support/virtual-clock.js";

let clock: VirtualClock;
let events: EventHub;
let scheduler: RuntimeScheduler;
let suspended: Set<string>;
let pressure: Omit<PowerPressure, "atUs">;
let overspent: Map<string, string>;

beforeEach(() => {
  clock = new VirtualClock();
  events = new EventHub();
  scheduler = new RuntimeScheduler({
    clock,
    events,
    providers: [],
    admit: () => ({ isAdmitted: true, reasons: [] }),
  });
  suspended = new Set();
  pressure = { watts: 2, budgetWatts: 10, saveWatts: -5, band: "green", source: "measured" };
  overspent = new Map();
  const budget: BudgetSource = {
    ask: () => AS_PLANNED,
    pressure: () => ({ atUs: clock.nowUs(), ...pressure }),
    overspent: () => overspent,
  };
  scheduler.watchBudget(budget);
});

/** A session's place, of which only the words are looked at. */
function seat(name: string, criticality: Criticality, steps: LadderStep[] = []): SessionPolicy {
  const rungs = freezeLadder(steps, {
    plan: { variant: "fp32", device: "cpu" },
    variants: [{ id: "fp32", inputElements: 1 }],
    devices: ["cpu"],
  });
  const profile = { p50Us: 0, wcetUs: 10_000, cpuUs: 1000, energyMj: "unknown" } as const;
  const policy = scheduler.admit({
    contract: freezeContract({ periodMs: 50, criticality }),
    rungs: rungs.map((rung) => ({ rung, profile, laneId: laneIdOf(criticality, 0), memoryBytes: 0 })),
    isTemporal: false,
    isPromised: true,
  });
  policy.attach({
    name,
    publish: ({ isSuspended }) => void (isSuspended ? suspended.add(name) : suspended.delete(name)),
    reopen: async () => {},
    follow: async () => 0,
    openBytes: 0,
    isGone: false,
    release: () => 0,
  });
  return policy;
}

const moves = () => events.read(0).events.filter(({ kind }) => kind === "ladder.move");

test("short power is paid for by the least critical, and the event says how much is short of what", async () => {
  seat("camera", "critical", ["off"]);
  seat("voice", "interactive", ["off"]);
  seat("helper", "background", [{ rate: 0.5 }, "off"]);
  pressure = { ...pressure, watts: 12, saveWatts: 2.3, source: "estimated" };

  await clock.advanceTo(150_000);

  expect(moves()).toMatchObject([
    {
      session: "helper",
      detail: "rung 0 (as planned) to 1 (rate 0.5): power, 2.30 W over 10.00 W (estimated)",
    },
  ]);
});

test("danger leaves only who is critical, and all come back when it has passed", async () => {
  seat("camera", "critical");
  seat("voice", "interactive");
  seat("helper", "background");
  pressure = { ...pressure, saveWatts: 0, band: "danger" };

  await clock.advanceTo(150_000);
  expect([...suspended].sort()).toEqual(["helper", "voice"]);
  pressure = { ...pressure, band: "green" };
  await clock.advanceTo(300_000);

  expect(suspended.size).toBe(0);
});

test("a session over its energy moves itself with the figures, and back once it is within", async () => {
  const camera = seat("camera", "critical", [{ rate: 0.5 }]);
  const helper = seat("helper", "background", [{ rate: 0.5 }]);
  overspent = new Map([["camera", "9.0 mJ a job over 5 mJ (estimated, the last 40)"]]);

  await clock.advanceTo(150_000);
  expect([camera.rung.index, helper.rung.index]).toEqual([1, 0]);
  overspent = new Map();
  await clock.advanceTo(8_000_000);

  expect(camera.rung.index).toBe(0);
  expect(moves().map(({ session }) => session)).toEqual(["camera", "camera"]);
  expect(moves()[0]!.detail).toMatch(/: energy, 9\.0 mJ a job over 5 mJ/);
});
