// Every law is seen to fail: code that is wrong on purpose is caught by the law it breaks, within the seeds of `npm test`.

import { describe, expect, test } from "vitest";
import { seededRng } from "../../runtime/core/rng.js";
import { DEFECTS, defective } from "./defects.js";
import { drawScenario } from "./scenario.js";
import { invariantsFor, simulate } from "./simulate.js";

const SEEDS = 500;

describe("within five hundred seeds", () => {
  test.each(Object.entries(DEFECTS))("%s, and is caught", (_, defect) => {
    const parts = defective(defect);

    let breach: number | undefined;
    for (let seed = 1; seed <= SEEDS && breach === undefined; seed += 1) {
      breach = simulate(seed, { parts }).breach?.invariant.number;
    }

    expect(defect.breaks).toContain(breach);
  });
});

test("every law is broken by some defect", () => {
  const laws = invariantsFor(drawScenario(seededRng(1))).map(({ number }) => number);
  const broken = new Set(Object.values(DEFECTS).flatMap(({ breaks }) => breaks));

  expect(laws.filter((law) => !broken.has(law))).toEqual([]);
});
