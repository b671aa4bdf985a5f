// Owns the promise of admission control: what is let in fits together, and a refusal says what would.

import { expect, test } from "vitest";
import { RedlineError } from "../../../../runtime/core/errors.js";
import { AdmissionControl } from "../../../../runtime/scheduler/admission/admission-control.js";
import { machine, task } from "./task-set.js";

/** The error of a call that must throw one. */
function refusalOf(call: () => unknown): RedlineError {
  try {
    call();
  } catch (error) {
    if (error instanceof RedlineError) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}

const ROAD = task("road", { costMs: 30, periodMs: 50 });

test("what does not fit beside earlier promises is refused with the arithmetic and the rung that would fit", () => {
  const control = new AdmissionControl(() => machine());
  control.enter({ task: task("signs", { costMs: 25, periodMs: 100 }), ladder: [] });
  const small = { ...ROAD, costUs: 20_000 };

  const refusal = refusalOf(() =>
    control.enter({
      task: ROAD,
      ladder: [
        { rung: "road@int8-320", task: { ...ROAD, costUs: 28_000 } },
        { rung: "road@int8-256", task: small },
      ],
    }),
  );

  expect(refusal.code).toBe("PLAN_INFEASIBLE");
  expect(refusal.message).toContain(
    "road on critical lane 0: worst response 55.0 ms, over its deadline of 50.0 ms: 30.0 ms own run (30.0 ms profiled) " +
      "+ 25.0 ms one started run of signs",
  );
  expect(refusal.hint).toBe('it fits as road@int8-256; or open it with admit: "best-effort"');
  expect(control.promised.map(({ name }) => name)).toEqual(["signs"]);
});

test("a ladder without a rung that fits is said to have none", () => {
  const control = new AdmissionControl(() => machine());
  const broken = { ...ROAD, costUs: 60_000 };

  const { hint } = refusalOf(() =>
    control.enter({ task: broken, ladder: [{ rung: "slower", task: broken }] }),
  );

  expect(hint).toBe('no rung of its ladder fits; open it with admit: "best-effort"');
});

test("one who leaves makes room", () => {
  const control = new AdmissionControl(() => machine());
  control.enter({ task: task("signs", { costMs: 25, periodMs: 100 }), ladder: [] });

  control.leave("signs");
  control.leave("nobody");

  expect(control.enter({ task: ROAD, ladder: [] }).isAdmitted).toBe(true);
});

test("best effort is let in without a promise, unless it would break somebody else's", () => {
  const control = new AdmissionControl(() => machine());
  control.enter({ task: ROAD, ladder: [] });
  const hog = task("hog", { costMs: 300, periodMs: 100, criticality: "background", isPromised: false });

  expect(control.enter({ task: hog, ladder: [] }).isAdmitted).toBe(true);
  const refusal = refusalOf(() =>
    control.enter({ task: { ...hog, name: "mate", criticality: "critical" }, ladder: [] }),
  );
  expect(refusal.code).toBe("PLAN_INFEASIBLE");
  expect(refusal.hint).toBe("close what it would disturb");
});
