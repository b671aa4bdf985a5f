// Owns what admission promises on small sets that can be worked out by hand.

import { expect, test } from "vitest";
import { admit } from "../../../../runtime/scheduler/admission/analysis.js";
import { machine, task } from "./task-set.js";

/** Worst responses in milliseconds by task, and whether all of it was admitted. */
function answer(...given: Parameters<typeof admit>) {
  const { isAdmitted, tasks } = admit(...given);
  return { isAdmitted, worstMs: Object.fromEntries(tasks.map((t) => [t.name, t.worstResponseUs / 1000])) };
}

test("a task alone responds within its own run", () => {
  const road = task("road", { costMs: 20, periodMs: 50 });

  expect(answer([road], machine())).toEqual({ isAdmitted: true, worstMs: { road: 20 } });
});

test("within a lane a started run is not preempted: the earlier deadline waits for it, less the instant it was ahead", () => {
  const quick = task("quick", { costMs: 10, periodMs: 50 });
  const slow = task("slow", { costMs: 30, periodMs: 100 });

  expect(answer([quick, slow], machine())).toEqual({
    isAdmitted: true,
    // The slow job started a microsecond before; the slow one itself waits for at most one quick job it came with.
    worstMs: { quick: 39.999, slow: 40 },
  });
});

test("two lanes of a class on two cores do not know of each other", () => {
  const left = task("left", { costMs: 45, periodMs: 50 });
  const right = task("right", { costMs: 45, periodMs: 50, laneIndex: 1 });

  expect(answer([left, right], machine())).toEqual({ isAdmitted: true, worstMs: { left: 45, right: 45 } });
});

test("a hog of the background class delays nobody above it", () => {
  const road = task("road", { costMs: 20, periodMs: 50 });
  const voice = task("voice", { costMs: 5, periodMs: 32, criticality: "interactive" });
  const hogs = [0, 1].map((laneIndex) =>
    task(`hog ${laneIndex}`, {
      costMs: 300,
      periodMs: 300,
      criticality: "background",
      laneIndex,
      isPromised: false,
    }),
  );

  const { isAdmitted, worstMs } = answer([road, voice, ...hogs], machine());

  expect(isAdmitted).toBe(true);
  expect(worstMs).toMatchObject({ road: 20, voice: 5 });
});

test("on one core a lower class gets what a higher one leaves", () => {
  const road = task("road", { costMs: 20, periodMs: 50 });
  const talk = task("talk", { costMs: 40, periodMs: 200, criticality: "interactive" });

  // 40 ms of its own and two road jobs, which come at 0 and 50 ms.
  expect(answer([road, talk], machine({ cores: 1 })).worstMs).toEqual({ road: 20, talk: 80 });
});

test("on two cores a lower lane waits only while higher ones hold both", () => {
  const road = task("road", { costMs: 20, periodMs: 50 });
  const mirror = task("mirror", { costMs: 10, periodMs: 50, laneIndex: 1 });
  const talk = task("talk", { costMs: 40, periodMs: 200, criticality: "interactive" });

  // Both at once for 10 ms, then mirror's next job may come together with road's at 50 ms, just too late: 40 + 10.
  expect(answer([road, mirror, talk], machine()).worstMs.talk).toBe(50);
  expect(answer([road, talk], machine()).worstMs.talk).toBe(40);
});

test("where the system gives no priorities a lower class counts like an equal one", () => {
  const road = task("road", { costMs: 20, periodMs: 50 });
  const hog = task("hog", { costMs: 90, periodMs: 100, criticality: "background", isPromised: false });

  expect(answer([road, hog], machine({ cores: 1 }))).toMatchObject({
    isAdmitted: true,
    worstMs: { road: 20 },
  });
  expect(answer([road, hog], machine({ cores: 1, preemption: "none" })).isAdmitted).toBe(false);
});

test("a job of two threads waits for the second core too", () => {
  const wide = task("wide", { costMs: 20, periodMs: 100, threads: 2 });
  const other = task("other", { costMs: 15, periodMs: 100, laneIndex: 1 });

  expect(answer([wide, other], machine()).worstMs).toEqual({ wide: 35, other: 35 });
  expect(answer([wide, other], machine({ cores: 3 })).worstMs).toEqual({ wide: 20, other: 15 });
});

test("a lane that cannot end its work is refused without a bound", () => {
  const first = task("first", { costMs: 30, periodMs: 50 });
  const second = task("second", { costMs: 30, periodMs: 50 });

  const { isAdmitted, reasons } = admit([first, second], machine());

  expect(isAdmitted).toBe(false);
  expect(reasons[0]).toBe(
    "first on critical lane 0: no bound on its response: the lane needs 120.0 % of a core (first 30.0 ms every " +
      "50.0 ms = 60.0 %; second 30.0 ms every 50.0 ms = 60.0 %), and its class and those above may leave less",
  );
});

test("a refusal carries every term, and the terms add up", () => {
  const road = task("road", { costMs: 20, periodMs: 50 });
  const signs = task("signs", { costMs: 30, periodMs: 100 });
  const talk = task("talk", { costMs: 20, periodMs: 90, deadlineMs: 60, criticality: "interactive" });

  const { isAdmitted, reasons } = admit([road, signs, talk], machine({ cores: 1, dispatchUs: 500 }));

  expect(isAdmitted).toBe(false);
  expect(reasons).toEqual([
    "road on critical lane 0: worst response 51.0 ms, over its deadline of 50.0 ms: 20.5 ms own run (20.0 ms profiled " +
      "+ 0.50 ms dispatch) + 30.5 ms one started run of signs",
    "talk on interactive lane 0: worst response 96.0 ms, over its deadline of 60.0 ms: 20.5 ms own run (20.0 ms " +
      "profiled + 0.50 ms dispatch) + 41.0 ms 2 earlier jobs of talk + 214.5 ms while critical lane 0 214.5 ms may " +
      "hold the cores - 180.0 ms before it arrives",
  ]);
});

test("runs that share the memory bus take longer, and one that has the machine for itself does not", () => {
  const road = task("road", { costMs: 20, periodMs: 50 });
  const voice = task("voice", { costMs: 5, periodMs: 32, criticality: "interactive" });
  const slow = machine({ contention: 1.5 });

  expect(answer([road], slow).worstMs).toEqual({ road: 20 });
  expect(answer([road, voice], slow).worstMs).toEqual({ road: 30, voice: 7.5 });
});

test("ordinary threads lose their weight's share to lower classes once there are more threads than cores", () => {
  const weights = { critical: 9548, interactive: 3121, background: 3 };
  const road = task("road", { costMs: 20, periodMs: 50 });
  const voice = task("voice", { costMs: 5, periodMs: 32, criticality: "interactive" });
  const hog = task("hog", { costMs: 50, periodMs: 400, criticality: "background" });

  const { worstMs } = answer([road, voice, hog], machine({ weights }));

  expect(worstMs.road).toBe(Math.ceil(20_000 * (1 + 3124 / 9548)) / 1000);
  expect(answer([road, voice], machine({ weights })).worstMs.road).toBe(20);
});

test("power is a second resource: energy per job times rate, against the budget", () => {
  const road = task("road", { costMs: 20, periodMs: 50, energyMj: 200 });
  const voice = task("voice", { costMs: 5, periodMs: 100, energyMj: 50, criticality: "interactive" });

  expect(admit([road, voice], machine({ powerMw: 4500 }))).toMatchObject({
    isAdmitted: true,
    power: { neededMw: 4500, isMet: true },
  });
  expect(admit([road, voice], machine({ powerMw: 4499 })).reasons).toEqual([
    "power: 4.500 W needed, a budget of 4.499 W: road 200 mJ / 50.0 ms = 4.000 W + voice 50 mJ / 100.0 ms = 0.500 W",
  ]);
});

test("an unknown energy is not taken for none", () => {
  const road = task("road", { costMs: 20, periodMs: 50, energyMj: "unknown" });

  const { isAdmitted, power } = admit([road], machine({ powerMw: 10_000 }));

  expect({ isAdmitted, neededMw: power.neededMw }).toEqual({ isAdmitted: false, neededMw: "unknown" });
  expect(admit([road], machine()).isAdmitted).toBe(true);
});

test("a best-effort task is refused nothing, and still loads those it shares a lane with", () => {
  const road = task("road", { costMs: 20, periodMs: 50 });
  const extra = task("extra", { costMs: 60, periodMs: 200, deadlineMs: 30, isPromised: false });

  expect(admit([extra], machine()).isAdmitted).toBe(true);
  expect(answer([road, { ...extra, laneIndex: 1 }], machine()).isAdmitted).toBe(true);
  expect(answer([road, { ...extra, deadlineUs: 200_000 }], machine()).isAdmitted).toBe(false);
});

test.each([
  ["road: costUs", { costUs: 0 }],
  ["road: costUs", { costUs: Number.NaN }],
  ["road: periodUs", { periodUs: -1 }],
  ["road: deadlineUs", { deadlineUs: 1.5 }],
  ["road: threads", { threads: 3 }],
  ["road: laneIndex", { laneIndex: -1 }],
  ["road: energyMj", { energyMj: Number.POSITIVE_INFINITY }],
])("%s out of range is refused by name", (what, wrong) => {
  const road = task("road", { costMs: 20, periodMs: 50, ...wrong });

  expect(() => admit([road], machine())).toThrow(expect.objectContaining({ code: "CONTRACT_INVALID", what }));
});

test.each([
  ["machine: cores", { cores: 0 }],
  ["machine: contention", { contention: 0.9 }],
  ["machine: dispatchUs", { dispatchUs: Number.NaN }],
  ["machine: powerMw", { powerMw: -1 }],
  ["machine: weights.critical", { weights: { critical: 0, interactive: 1, background: 1 } }],
])("%s out of range is refused by name", (what, wrong) => {
  expect(() => admit([], machine(wrong))).toThrow(
    expect.objectContaining({ code: "CONTRACT_INVALID", what }),
  );
});
