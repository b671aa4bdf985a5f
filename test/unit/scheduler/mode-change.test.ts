import { expect, test } from "vitest";
import { ModeChange } from "../../../runtime/scheduler/mode-change.js";

const rules = { calmUs: 100, calmUsMax: 300, relapseUs: 1000 };

test("an overrun protects at once, and the mode goes back after a calm from the overrun's end", () => {
  const change = new ModeChange(rules);

  change.overran(1, { nowUs: 50 });
  expect(change.mode).toBe("protected");
  expect(change.nextWakeUs()).toBe(Number.POSITIVE_INFINITY);

  change.ended(1, { nowUs: 80 });
  expect(change.nextWakeUs()).toBe(180);
  change.tick(179);
  expect(change.mode).toBe("protected");
  change.tick(180);
  expect(change.mode).toBe("normal");
  expect(change.nextWakeUs()).toBe(Number.POSITIVE_INFINITY);
});

test("another overrun during the calm begins it anew", () => {
  const change = new ModeChange(rules);
  change.overran(1, { nowUs: 0 });
  change.ended(1, { nowUs: 10 });

  change.overran(2, { nowUs: 90 });
  change.tick(110);
  expect(change.mode).toBe("protected");
  change.ended(2, { nowUs: 120 });

  expect(change.nextWakeUs()).toBe(220);
});

test("each relapse doubles the calm up to its limit, and a long normal time forgets them", () => {
  const change = new ModeChange(rules);
  const calmAfterOverrun = (atUs: number): number => {
    change.overran(atUs, { nowUs: atUs });
    change.ended(atUs, { nowUs: atUs });
    const calmUs = change.nextWakeUs() - atUs;
    change.tick(change.nextWakeUs());
    return calmUs;
  };

  expect([0, 200, 600, 1200, 9000].map(calmAfterOverrun)).toEqual([100, 200, 300, 300, 100]);
});

test("the end of a job that did not overrun says nothing", () => {
  const change = new ModeChange(rules);
  change.overran(1, { nowUs: 0 });

  change.ended(7, { nowUs: 10 });

  expect(change.nextWakeUs()).toBe(Number.POSITIVE_INFINITY);
});
