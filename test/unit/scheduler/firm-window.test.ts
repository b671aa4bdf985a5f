import fc from "fast-check";
import { expect, test } from "vitest";
import { LIMITS } from "../../../runtime/core/limits.js";
import { FirmWindow } from "../../../runtime/scheduler/firm-window.js";

test("a fresh session may skip as many jobs in a row as its tolerance has misses", () => {
  const firm = new FirmWindow({ misses: 2, outOf: 5 });

  const skipped = [0, 1, 2].map(() => {
    const maySkip = firm.maySkip();
    firm.settle(firm.release(), { isMiss: maySkip });
    return maySkip;
  });

  expect(skipped).toEqual([true, true, false]);
});

test("no job may be skipped while jobs in flight could miss", () => {
  const firm = new FirmWindow({ misses: 1, outOf: 10 });
  const inFlight = firm.release();

  expect(firm.maySkip()).toBe(false);

  firm.settle(inFlight, { isMiss: false });
  expect(firm.maySkip()).toBe(true);
});

test("a tolerance of no miss never allows a skip, and one too long to watch does not either", () => {
  expect(new FirmWindow({ misses: 0, outOf: 1 }).maySkip()).toBe(false);
  expect(new FirmWindow({ misses: 5, outOf: LIMITS.toleranceWindow + 1 }).maySkip()).toBe(false);
});

test("a session is broken by one miss more than it tolerates, and whole again when the window has passed", () => {
  const firm = new FirmWindow({ misses: 1, outOf: 3 });
  const settle = (isMiss: boolean): boolean => {
    firm.settle(firm.release(), { isMiss });
    return firm.isBroken;
  };

  expect([true, true, false, false, false].map(settle)).toEqual([false, true, true, false, false]);
});

test("whatever happens to other jobs, skipping only where it is allowed keeps every window", () => {
  const scenario = fc.record({
    misses: fc.nat(3),
    extra: fc.integer({ min: 1, max: 6 }),
    steps: fc.array(fc.record({ asksToSkip: fc.boolean(), settlesAfter: fc.nat(3) }), { maxLength: 60 }),
  });
  fc.assert(
    fc.property(scenario, ({ misses, extra, steps }) => {
      const outOf = misses + extra;
      const firm = new FirmWindow({ misses, outOf });
      const isSkipped: boolean[] = [];
      const late: { number: number; dueAt: number }[] = [];
      for (const [index, { asksToSkip, settlesAfter }] of steps.entries()) {
        for (const job of late.filter(({ dueAt }) => dueAt === index))
          firm.settle(job.number, { isMiss: false });
        const skips = asksToSkip && firm.maySkip();
        const number = firm.release();
        if (skips) firm.settle(number, { isMiss: true });
        else late.push({ number, dueAt: index + 1 + settlesAfter });
        isSkipped.push(skips);
      }

      for (let end = outOf; end <= isSkipped.length; end += 1) {
        expect(isSkipped.slice(end - outOf, end).filter(Boolean).length).toBeLessThanOrEqual(misses);
      }
    }),
  );
});
