// Owns the proof that the scheduler's numbers follow the window of the budget.

import { expect, test } from "vitest";
import { rulesUnder } from "../../runtime/runtime-power.js";
import { SCHEDULER_RULES } from "../../runtime/scheduler/scheduler.js";

test.each([
  [500_000, 1_000_000],
  [1_000_000, 1_000_000],
  [5_000_000, 5_000_000],
  [3_600_000_000, 10_000_000],
])(
  "with windows of %i us a session moves once in %i us, and a move shows over the whole window",
  (windowUs, moveUs) => {
    const { ladder, power, ...others } = rulesUnder({ windowUs });

    expect(ladder).toEqual({ ...SCHEDULER_RULES.ladder, windowUs: moveUs });
    expect(power.windowUs).toBe(windowUs);
    expect(others).toMatchObject({ controlUs: SCHEDULER_RULES.controlUs, mode: SCHEDULER_RULES.mode });
  },
);
