// Owns the promise of the metric table: it names every metric that a task gives, and none besides.

import { expect, test } from "vitest";
import { METRICS, worseBy } from "../../../runtime/eval/metric-table.js";
import { TASK_NAMES, TASKS } from "../../../runtime/eval/tasks/tasks.js";

test("the table holds exactly the metrics of the tasks, and over nothing none of them has a good value", () => {
  const given = TASK_NAMES.map((task) => TASKS[task].summarise([]));
  const names = given.flatMap((metrics) => Object.keys(metrics));

  expect([...new Set(names)].sort()).toEqual(Object.keys(METRICS).sort());
  for (const metrics of given) {
    for (const [name, value] of Object.entries(metrics)) {
      expect(value === null || (value === 0 && METRICS[name]?.better === "count"), `${name}: ${value}`).toBe(
        true,
      );
    }
  }
});

test("worse is told by each metric's own direction", () => {
  expect(worseBy("drivable-iou", { value: 0.76, than: 0.8 })).toBeCloseTo(0.05, 12);
  expect(worseBy("drivable-iou", { value: 0.9, than: 0.8 })).toBe(0);
  expect(worseBy("word-error-rate", { value: 0.21, than: 0.2 })).toBeCloseTo(0.05, 12);
  expect(worseBy("word-error-rate", { value: 0.1, than: 0 })).toBe(Number.POSITIVE_INFINITY);
  expect(worseBy("words", { value: 1, than: 9 })).toBe(0);
});
