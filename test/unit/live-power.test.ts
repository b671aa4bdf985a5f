// Owns the proof that a live run's budget is made of what the load drew, and judged by what the meter counted.

import { expect, test } from "vitest";
import { eventOf } from "../../runtime/core/events.js";
import { LivePower, type PowerGoal } from "../../runtime/live-power.js";
import type { Runtime } from "../../runtime/runtime.js";
import { EventHub } from "../../runtime/telemetry/event-hub.js";
import { VirtualClock } from "../support/virtual-clock.js";

/** A runtime of which only the power is there: it draws what `drawn` says of the time. */
function fake(drawn: (atUs: number) => number | "unknown") {
  const clock = new VirtualClock();
  const events = new EventHub();
  const budgets: number[] = [];
  let mj = 0;
  let coveredUs = 0;
  let readUs = 0;
  const read = (): void => {
    for (; readUs + 100_000 <= clock.nowUs(); readUs += 100_000) {
      const watts = drawn(readUs);
      if (watts === "unknown") continue;
      mj += watts * 100;
      coveredUs += 100_000;
    }
  };
  const stats = (): ReturnType<Runtime["stats"]> => {
    read();
    const budgetWatts = budgets.at(-1) ?? Number.POSITIVE_INFINITY;
    const pressure = { watts: drawn(clock.nowUs()), budgetWatts, source: "estimated", band: "green" };
    const whole = { mj: coveredUs === 0 ? "unknown" : mj, source: "estimated" };
    return { sessions: [], power: { pressure, energy: { package: whole, coveredUs } } } as never;
  };
  return { clock, events, budgets, stats, setPackageWatts: (watts: number) => void budgets.push(watts) };
}

function follow(runtime: ReturnType<typeof fake>, goal: PowerGoal) {
  const lost: Error[] = [];
  const power = new LivePower(runtime, goal, { seconds: 40, onLost: (error) => lost.push(error) });
  return { power, lost };
}

test("a share is of the load's own average, its first second left out, and the budget holds from then on", async () => {
  const runtime = fake((atUs) => (atUs < 1_000_000 ? 50 : atUs % 200_000 === 0 ? 8 : 12));
  const { power } = follow(runtime, { share: 0.7 });

  await runtime.clock.advanceTo(9_900_000);
  expect(power.record()).toMatchObject({ phase: "measuring", freeWatts: "unknown", budgetWatts: null });
  await runtime.clock.advanceTo(10_000_000);

  expect(power.record()).toMatchObject({ phase: "holding", freeWatts: 10, source: "estimated" });
  expect(runtime.budgets).toEqual([7]);
});

test("watts hold from the first moment", () => {
  const runtime = fake(() => 10);

  expect(follow(runtime, { watts: 6 }).power.record()).toMatchObject({ phase: "holding", budgetWatts: 6 });
});

test("only windows that began three windows after the budget are judged, each by its own average", async () => {
  // Above until 2.5 s, and for the half second from 8 s on.
  const runtime = fake((atUs) => (atUs < 2_500_000 || (atUs >= 8_000_000 && atUs < 8_500_000) ? 9 : 5));
  const { power } = follow(runtime, { watts: 6 });

  await runtime.clock.advanceTo(7_900_000);
  // The last window above held 300 ms of the nine watts: 6.2 W.
  expect(power.record()).toMatchObject({ settledSeconds: 3.2, settled: { over: 0, highestWatts: 5 } });
  await runtime.clock.advanceTo(20_000_000);

  const { settled, settledSeconds } = power.record();
  expect(settled.over).toBeGreaterThanOrEqual(8);
  expect(settled.windows).toBeGreaterThan(150);
  expect(settled.highestWatts).toBeCloseTo(7, 9);
  expect(settledSeconds).toBeCloseTo(9.2, 9);
});

test("a share of what nothing measures ends the run with what to type instead", async () => {
  const runtime = fake(() => "unknown");
  const { lost } = follow(runtime, { share: 0.5 });

  await runtime.clock.advanceTo(15_000_000);

  expect(lost).toHaveLength(1);
  expect(lost[0]).toMatchObject({ code: "BUDGET_INVALID", hint: expect.stringContaining("watts") });
  expect(runtime.budgets).toEqual([]);
});

test("moves are told with their time and reason, the last eight of them, and none after the end", () => {
  const runtime = fake(() => 10);
  const { power } = follow(runtime, { watts: 6 });
  const move = (count: number): void => {
    for (let index = 0; index < count; index += 1)
      runtime.events.emit(
        eventOf({ kind: "ladder.move", atUs: index * 1_000_000, session: "hog", detail: `${index}` }),
      );
  };

  move(10);
  power.end();
  move(1);

  const { moves } = power.record();
  expect(moves.map(({ detail }) => detail)).toEqual(["2", "3", "4", "5", "6", "7", "8", "9"]);
  expect(moves[0]).toEqual({ atSeconds: 2, session: "hog", detail: "2" });
});
