// Owns the promise of the pick: the fastest candidate of a measurement, once for each form, within a bound.

import { expect, test } from "vitest";
import { LIMITS } from "../../../runtime/core/limits.js";
import { type OpKernels, REFERENCE_KERNELS } from "../../../runtime/ops/kernels.js";
import { OpPicker } from "../../../runtime/ops/pick.js";

/** Candidates that take so many milliseconds a call on a clock of their own, and a count of their calls. */
function candidatesOf(costsMs: Readonly<Record<string, number>>) {
  const calls: Record<string, number> = {};
  let nowMs = 0;
  const candidates = Object.keys(costsMs).map((name): OpKernels => ({ ...REFERENCE_KERNELS, name }));
  const call = ({ name }: OpKernels) => {
    calls[name] = (calls[name] ?? 0) + 1;
    nowMs += costsMs[name]!;
  };
  return { picker: new OpPicker(candidates, () => nowMs), call, calls };
}

test("the fastest candidate is chosen, whatever their order", () => {
  for (const costsMs of [
    { slow: 2, fast: 0.3, middling: 0.5 },
    { fast: 0.01, middling: 0.012, slow: 0.2 },
    { middling: 0.5, slow: 3, fast: 0.4 },
  ]) {
    const { picker, call } = candidatesOf(costsMs);

    expect(picker.measure("form", call).name).toBe("fast");
    expect(picker.picks[0]!.bestUs.fast).toBeCloseTo(costsMs.fast * 1000, 1);
  }
});

test("a form is measured once and then remembered", () => {
  const { picker, call, calls } = candidatesOf({ a: 1, b: 2 });
  expect(picker.chosen("form")).toBeUndefined();

  picker.measure("form", call);
  const before = { ...calls };

  expect(picker.chosen("form")!.name).toBe("a");
  expect(picker.chosen("another form")).toBeUndefined();
  expect(calls).toEqual(before);
});

test("a candidate far behind runs twice only", () => {
  const { picker, call, calls } = candidatesOf({ reference: 20, native: 0.2 });

  picker.measure("form", call);

  expect(calls.reference).toBe(2);
});

test("the first, cold, call decides nothing", () => {
  let nowMs = 0;
  const seen = new Set<string>();
  const cold = { ...REFERENCE_KERNELS, name: "cold at first" };
  const steady = { ...REFERENCE_KERNELS, name: "steady" };
  const picker = new OpPicker([steady, cold], () => nowMs);

  const chosen = picker.measure("form", ({ name }) => {
    nowMs += name === "steady" ? 1 : seen.has(name) ? 0.5 : 40;
    seen.add(name);
  });

  expect(chosen.name).toBe("cold at first");
});

test("the oldest form goes when there are too many", () => {
  const { picker, call } = candidatesOf({ a: 1, b: 2 });

  for (let form = 0; form <= LIMITS.opPicks; form++) picker.measure(`form ${form}`, call);

  expect(picker.picks).toHaveLength(LIMITS.opPicks);
  expect(picker.chosen("form 0")).toBeUndefined();
  expect(picker.chosen(`form ${LIMITS.opPicks}`)).toBeDefined();
});
