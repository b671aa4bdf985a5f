// The simulated machine itself: who holds a resource, how fast, and in which order instants come.

import fc from "fast-check";
import { expect, test } from "vitest";
import { GOVERNOR_US, PackagePower } from "./package-power.js";
import { Processor, type Run } from "./processor.js";
import { Timers } from "./timers.js";

let order = 0;

function run(jobId: number, rank: number, leftUs: number): Run {
  order += 1;
  return { jobId, laneId: jobId, rank, order, leftUs, end: "completed", isHung: false, isGranted: false };
}

function processor(shape: Partial<Processor["shape"]>) {
  const told: string[] = [];
  const made = new Processor(
    { cores: 1, isPreemptive: true, contention: 0, ...shape },
    {
      granted: ({ jobId }) => told.push(`+${jobId}`),
      revoked: ({ jobId }) => told.push(`-${jobId}`),
    },
  );
  return { made, told };
}

test("a higher class takes the core at once and gives it back where it was", () => {
  const { made, told } = processor({});
  made.add(run(1, 2, 100));
  made.assign();
  made.advance(40);
  made.add(run(2, 0, 30));
  made.assign();

  expect(made.nextEndUs()).toBe(70);
  made.advance(70);
  made.remove(made.ended()!);
  made.assign();

  expect(made.nextEndUs()).toBe(130);
  expect(told).toEqual(["+1", "-1", "+2", "+1"]);
});

test("where nothing is preempted a lower class keeps the core until its end, and the highest that waits comes next", () => {
  const { made, told } = processor({ isPreemptive: false });
  made.add(run(1, 2, 100));
  made.assign();
  made.add(run(2, 1, 10));
  made.add(run(3, 0, 10));
  made.assign();
  made.advance(100);
  made.remove(made.ended()!);
  made.assign();

  expect(told).toEqual(["+1", "+3"]);
});

test("each other busy core slows a run by the contention", () => {
  const { made } = processor({ cores: 2, contention: 0.25 });
  made.add(run(1, 0, 100));
  made.add(run(2, 0, 1000));
  made.assign();

  expect(made.nextEndUs()).toBe(125);
  made.advance(125);
  made.remove(made.ended()!);

  expect(made.nextEndUs()).toBe(125 + 900);
});

test("timers ring in order of time, equal ones in the order in which they were set", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(20)), (instants) => {
      const timers = new Timers();
      const rung: [number, number][] = [];
      for (const [index, atUs] of instants.entries()) timers.set(atUs, () => rung.push([atUs, index]));

      timers.ring(10);
      expect(rung.every(([atUs]) => atUs <= 10)).toBe(true);
      timers.ring(20);

      const sorted = instants
        .map((atUs, index) => [atUs, index])
        .sort((a, b) => a[0]! - b[0]! || a[1]! - b[1]!);
      expect(rung).toEqual(sorted);
      expect(timers.nextUs).toBe(Number.POSITIVE_INFINITY);
    }),
  );
});

test("power is averaged over what the processors held", () => {
  const plant = new PackagePower(2);
  plant.advance(GOVERNOR_US / 2, { watts: 0, busyCores: 0 });
  plant.advance(GOVERNOR_US, { watts: 8, busyCores: 2 });
  expect(plant.sample()).toEqual({ stepWatts: 6, windowWatts: 6 });
  expect(plant.takeBusy()).toBe(1);

  plant.advance(2 * GOVERNOR_US, { watts: 0, busyCores: 0 });

  expect(plant.sample()).toEqual({ stepWatts: 2, windowWatts: 4 });
});
