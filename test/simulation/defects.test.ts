// Every law is seen to fail: code that is wrong on purpose is caught by the law it breaks, within the seeds of `npm test`.

import { describe, expect, test } from "vitest";
import { seededRng } from "../../runtime/core/rng.js";
import { DEFECTS, defective } from "./defects.js";
import { drawScenario } from "./scenario.js";
import { invariantsFor, simulate } from "./simulate.js";

const SEEDS = 500;

describe("within five hundred seeds", () => {
  test.each(Object.entries(DEFECTS))("%s, and the law it breaks catches it", (_, defect) => {
    const parts = defective(defect);

    let isCaught = false;
    for (let seed = 1; seed <= SEEDS && !isCaught; seed += 1) {
      const { breach } = simulate(seed, { parts });
      isCaught = breach !== undefined && defect.breaks.includes(breach.invariant.number);
    }

    expect(isCaught).toBe(true);
  });
});

test("every law is broken by some defect", () => {
  const laws = invariantsFor(drawScenario(seededRng(1))).map(({ number }) => number);
  const broken = new Set(Object.values(DEFECTS).flatMap(({ breaks }) => breaks));

  expect(laws.filter((law) => !broken.has(law))).toEqual([]);
});
