// The promises of the scheduler over seeded machines with faults: the seed is printed first, a breach prints its replay.

import { expect, test } from "vitest";
import { breachReport } from "./breach-report.js";
import { simulate } from "./simulate.js";

const FIRST_SEED = Number(process.env.REDLINE_SEED ?? 1);
const SEEDS = Number(process.env.REDLINE_SEEDS ?? 500);

test("no invariant is broken over half a minute of every seed", () => {
  console.log(`seeds ${FIRST_SEED} to ${FIRST_SEED + SEEDS - 1}`);

  const judged = new Map<number, number>();
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed += 1) {
    const result = simulate(seed);

    expect(result.breach, breachReport(result, { cycles: 1 })).toBeUndefined();
    for (const { number, judged: times } of result.invariants) {
      judged.set(number, times + (judged.get(number) ?? 0));
    }
  }

  // A law that judges nothing proves nothing.
  expect(judged.size).toBe(10);
  for (const [number, times] of judged) expect(times, `invariant ${number}`).toBeGreaterThan(SEEDS / 10);
}, 300_000);

test("the same seed gives the same log, another seed another", () => {
  const [once, again, other] = [7, 7, 8].map((seed) => simulate(seed, { cycles: 2 }));

  expect(once!.records).toBeGreaterThan(1000);
  expect(again!.hash).toBe(once!.hash);
  expect(other!.hash).not.toBe(once!.hash);
});
