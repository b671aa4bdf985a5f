// Owns the promise of the thread plan: as few threads as the deadline allows, and none that is not worth its power.

import { expect, test } from "vitest";
import { explainThreads, planThreads } from "../../../runtime/plans/thread-plan.js";

/** A machine on which a run takes so long with 1, 2, 4 and 8 threads. */
function machine(...runMs: number[]) {
  const measured: number[] = [];
  const measure = async (threads: number): Promise<number> => {
    measured.push(threads);
    return runMs[Math.log2(threads)]! * 1000;
  };
  return { measure, measured };
}

test("a model that leaves its deadline room runs on one thread, and nothing else is tried", async () => {
  const { measure, measured } = machine(12);

  const plan = await planThreads({ deadlineUs: 50_000, cores: 8, measure });

  expect(plan.threads).toBe(1);
  expect(measured).toEqual([1]);
});

test("a model too slow for one thread takes two when two leave room", async () => {
  const { measure, measured } = machine(29, 16, 9);

  const plan = await planThreads({ deadlineUs: 50_000, cores: 8, measure });

  expect(plan.threads).toBe(2);
  expect(measured).toEqual([1, 2]);
});

test("threads double only up to the cores", async () => {
  const { measure } = machine(90, 60, 40, 30);

  const plan = await planThreads({ deadlineUs: 50_000, cores: 4, measure });

  expect(plan.threads).toBe(4);
});

test("threads that gain less than a tenth are not taken", async () => {
  const { measure } = machine(40, 38, 10);

  const plan = await planThreads({ deadlineUs: 50_000, cores: 8, measure });

  expect(plan).toEqual({
    threads: 1,
    trials: [
      { threads: 1, runUs: 40_000 },
      { threads: 2, runUs: 38_000 },
    ],
  });
});

test("the plan says what was tried, in numbers", async () => {
  const { measure } = machine(29, 16);

  const plan = await planThreads({ deadlineUs: 50_000, cores: 2, measure });

  expect(explainThreads(plan, 50_000)).toBe(
    "2 of the threads tried (1: 29.0 ms, 58 % of the deadline; 2: 16.0 ms, 32 % of the deadline)",
  );
});
